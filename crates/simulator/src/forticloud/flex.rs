//! `FortiFlex`: programs, their configurations, and the entitlements of those.
//!
//! Everything follows from the numbers in the scenario, so it is computed when it is asked for.

use jiff::civil::{DateTime, date};
use serde_json::json;

use super::envelope::{Arguments, Reply};
use super::wire::Wire;
use super::world::World;
use crate::json::{Json, Object};
use crate::scenario::Flex;
use crate::truth::Tables;

/// The names of its tables.
pub(crate) const TABLES: [&str; 3] = ["flex_programs", "flex_configs", "flex_entitlements"];

const FIRST_CONFIG: i64 = 4201;

struct Program {
    serial: String,
    account: i64,
    start: DateTime,
    end: DateTime,
}

struct Config {
    id: i64,
    program: String,
    account: i64,
    is_active: bool,
    cpus: i64,
}

struct Entitlement {
    serial: String,
    config: i64,
    account: i64,
    start: DateTime,
    end: DateTime,
    status: &'static str,
    /// Whether its token was redeemed.
    is_used: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "handlers have one type")]
pub(crate) fn programs(world: &mut World, _asked: &Arguments) -> Result<Reply, Reply> {
    let rows = all_programs(world).into_iter().map(|program| {
        Object::new()
            .with("programSerialNumber", program.serial)
            .with("accountId", program.account)
            .with("hasSupportCoverage", true)
            .with("startDate", text(&program.start))
            .with("endDate", text(&program.end))
    });
    let rows = rows.collect();
    Ok(reply(world, "programs", rows))
}

pub(crate) fn configs(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let program = asked.required("programSerialNumber")?;
    let configs = all_configs(world)
        .into_iter()
        .filter(|config| config.program == program);
    let rows = configs.map(|config| {
        let parameter = Object::new()
            .with("id", 1)
            .with("name", "CPU Size")
            .with("value", config.cpus.to_string());
        Object::new()
            .with("id", config.id)
            .with("name", format!("Configuration {}", config.id))
            .with("programSerialNumber", config.program)
            .with("accountId", config.account)
            .with("status", status_of(config.is_active))
            .with(
                "productType",
                Object::new().with("id", 1).with("name", PRODUCT_TYPE),
            )
            .with("parameters", vec![Json::Object(parameter)])
    });
    let rows = rows.collect();
    Ok(reply(world, "configs", rows))
}

pub(crate) fn entitlements(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let (config, account) = (asked.integer("configId"), asked.integer("accountId"));
    let program = asked.text("programSerialNumber");
    if config.is_none() && (account.is_none() || program.is_none()) {
        let message = "Either configId, or accountId and programSerialNumber are required.";
        return Err(Reply::refused(101, message));
    }
    let configs = all_configs(world);
    let is_asked = |entitlement: &Entitlement| {
        let of_program = |serial: &str| {
            let mut configs = configs.iter();
            configs.any(|config| config.id == entitlement.config && config.program == serial)
        };
        config.is_none_or(|config| config == entitlement.config)
            && account.is_none_or(|account| account == entitlement.account)
            && program.is_none_or(of_program)
    };
    let entitlements = all_entitlements(world).into_iter().filter(is_asked);
    let rows = entitlements.map(|entitlement| {
        Object::new()
            .with("serialNumber", entitlement.serial.clone())
            .with("accountId", entitlement.account)
            .with("configId", entitlement.config)
            .with("description", String::new())
            .with("startDate", text(&entitlement.start))
            .with("endDate", text(&entitlement.end))
            .with("status", entitlement.status)
            .with("token", format!("FLEXTOKEN{}", entitlement.serial))
            .with("tokenStatus", token_status_of(entitlement.is_used))
    });
    let rows = rows.collect();
    Ok(reply(world, "entitlements", rows))
}

/// Adds the rows that a crawl must publish.
pub(crate) fn truth(world: &World, tables: &mut Tables<'_>) {
    for program in all_programs(world) {
        let draft = tables
            .draft()
            .with("program_serial_number", program.serial)
            .with("account_id", program.account)
            .with("has_support_coverage", true)
            .with("start_date", moment(&program.start))
            .with("end_date", moment(&program.end));
        tables.push("flex_programs", draft);
    }
    for config in all_configs(world) {
        let parameters = json!([{ "id": 1, "name": "CPU Size", "value": config.cpus.to_string() }]);
        let draft = tables
            .draft()
            .with("config_id", config.id)
            .with("name", format!("Configuration {}", config.id))
            .with("program_serial_number", config.program)
            .with("account_id", config.account)
            .with("status", status_of(config.is_active))
            .with("product_type_id", 1)
            .with("product_type_name", PRODUCT_TYPE)
            .with("parameters", parameters);
        tables.push("flex_configs", draft);
    }
    for entitlement in all_entitlements(world) {
        let draft = tables
            .draft()
            .with("config_id", entitlement.config)
            .with("serial_number", entitlement.serial)
            .with("account_id", entitlement.account)
            .with("description", "")
            .with("start_date", moment(&entitlement.start))
            .with("end_date", moment(&entitlement.end))
            .with("status", entitlement.status)
            .with("token_status", token_status_of(entitlement.is_used));
        tables.push("flex_entitlements", draft);
    }
}

const PRODUCT_TYPE: &str = "FortiGate Virtual Machine - Service Bundle";

fn reply(world: &World, key: &'static str, rows: Vec<Object>) -> Reply {
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let rows = rows.into_iter().map(|row| wire.finish(row)).collect();
    let mut payload = Object::new();
    wire.rows(&mut payload, key, rows);
    Reply::success(payload)
}

fn flex(world: &World) -> &Flex {
    &world.scenario().flex
}

/// The account at this position, as far as there are so many.
fn account(world: &World, position: u64) -> i64 {
    let accounts: Vec<i64> = world.accounts().map(|account| account.id).collect();
    let position = position % (accounts.len() as u64).max(1);
    accounts
        .into_iter()
        .nth(usize::try_from(position).unwrap_or_default())
        .unwrap_or_default()
}

fn all_programs(world: &World) -> Vec<Program> {
    let program = |position: u64| Program {
        serial: format!("ELAVMS{:010}", 42 + position),
        account: account(world, position),
        start: date(2025, 1, 1).at(0, 0, 0, 0),
        end: date(2027, 12, 31).at(0, 0, 0, 0),
    };
    (0..flex(world).programs).map(program).collect()
}

fn all_configs(world: &World) -> Vec<Config> {
    let mut configs = Vec::new();
    for program in all_programs(world) {
        for position in 0..flex(world).configs {
            let number = i64::try_from(configs.len()).unwrap_or_default();
            configs.push(Config {
                id: FIRST_CONFIG + number,
                program: program.serial.clone(),
                account: program.account,
                is_active: position != 1,
                cpus: 1 << (position % 4),
            });
        }
    }
    configs
}

fn all_entitlements(world: &World) -> Vec<Entitlement> {
    const STATUSES: [&str; 4] = ["ACTIVE", "PENDING", "STOPPED", "EXPIRED"];
    let Flex {
        configs,
        entitlements,
        ..
    } = *flex(world);
    let mut all = Vec::new();
    for (number, config) in (0..).zip(all_configs(world)) {
        let is_last = number % configs == configs - 1;
        for position in 0..if is_last { 0 } else { entitlements } {
            let number = all.len();
            all.push(Entitlement {
                serial: format!("FGVMELTM26{number:06}"),
                config: config.id,
                account: account(world, position),
                start: date(2026, 1, 1).at(0, 0, 0, 0),
                end: date(2026, 12, 31).at(0, 0, 0, 0),
                status: STATUSES[number % STATUSES.len()],
                is_used: number % 4 != 1,
            });
        }
    }
    all
}

fn status_of(is_active: bool) -> &'static str {
    if is_active { "ACTIVE" } else { "DISABLED" }
}

fn token_status_of(is_used: bool) -> &'static str {
    if is_used { "USED" } else { "NOTUSED" }
}

/// `FortiFlex` writes a blank between date and time, whatever the other services do.
fn text(at: &DateTime) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn moment(at: &DateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
