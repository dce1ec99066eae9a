//! IAM V1: accounts and roles.

use super::envelope::{Arguments, Reply};
use super::model::Account;
use super::organization::check_scope;
use super::wire::Wire;
use super::world::World;
use crate::incoming::integer;
use crate::json::{Json, Object};

pub(crate) fn list(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let accounts = if let Some(unit) = asked.integer("parentId") {
        world.unit(unit).ok_or_else(Reply::denied)?;
        world.accounts_under(unit)
    } else if let Some(id) = asked.integer("accountId") {
        vec![world.account(id).ok_or_else(Reply::denied)?]
    } else if let Some(email) = asked.text("email") {
        let accounts = world.accounts();
        accounts
            .filter(|account| account.email.eq_ignore_ascii_case(email))
            .collect()
    } else {
        return Err(Reply::refused(101, "parentId or accountId is required"));
    };
    Ok(answer(world, &accounts))
}

/// The reference lists for `accounts/create`. Their real structure is undocumented.
pub(crate) fn common_data(world: &mut World, _: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let list = |rows: &[(i64, &'static str)]| -> Vec<Json> {
        let rows = rows.iter();
        rows.map(|(id, name)| Object::new().with("id", *id).with("name", *name).into())
            .collect()
    };
    let countries = [
        (124, "Canada"),
        (276, "Germany"),
        (578, "Norway"),
        (826, "United Kingdom"),
    ];
    let payload = Object::new()
        .with("countries", list(&countries))
        .with(
            "industries",
            list(&[(1, "Retail"), (2, "Health care"), (3, "Other")]),
        )
        .with(
            "companySizes",
            list(&[(1, "1-99"), (2, "100-999"), (3, "1000+")]),
        );
    Ok(Reply::processed(payload))
}

pub(crate) fn create(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let unit = asked.required_integer("parentId")?;
    world.unit(unit).ok_or_else(Reply::denied)?;
    let text = |key: &str| asked.text(key).unwrap_or_default().to_owned();
    let account = Account {
        id: 0,
        unit,
        email: text("email"),
        first_name: text("firstName"),
        last_name: text("lastName"),
        company: asked.required("company")?.to_owned(),
        country: asked.required_integer("countryId")?,
        misfit: false,
    };
    let account = world.create_account(account);
    Ok(answer(world, &[account]))
}

pub(crate) fn relocate(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let unit = asked.required_integer("destinationParentId")?;
    world.unit(unit).ok_or_else(Reply::denied)?;
    let accounts: Option<Vec<i64>> = asked.list("accountIds").iter().map(integer).collect();
    let accounts = accounts.filter(|ids| !ids.is_empty());
    let accounts = accounts.ok_or_else(|| Reply::refused(101, "accountIds cannot be empty."))?;
    if accounts.iter().any(|id| world.account(*id).is_none()) {
        return Err(Reply::denied());
    }
    for id in accounts {
        world.move_account(id, unit);
    }
    Ok(Reply::processed(Object::new()))
}

/// Accepts a role and discards it, because no endpoint returns roles.
pub(crate) fn create_role(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    check_scope(world)?;
    let account = asked.required_integer("accountId")?;
    world.account(account).ok_or_else(Reply::denied)?;
    asked.required("profileName")?;
    asked.required("idpRoleName")?;
    match asked.text("type") {
        Some("Organization" | "Local") => Ok(Reply::processed(Object::new())),
        _ => Err(Reply::refused(102, "Invalid type provided.")),
    }
}

fn answer(world: &World, accounts: &[Account]) -> Reply {
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let mut payload = Object::new();
    let rows = accounts
        .iter()
        .map(|account| wire.account(account))
        .collect();
    wire.rows(&mut payload, "accounts", rows);
    Reply::processed(payload)
}
