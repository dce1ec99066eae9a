//! The simulated `FortiAuthenticator`: license counters, tokens and system information.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, header};

use self::tokens::Tokens;
use crate::answered::{Answered, not_allowed};
use crate::forticloud::envelope::PageFaults;
use crate::forticloud::wire::Wire;
use crate::incoming::Incoming;
use crate::json::Object;
use crate::scenario::{Authenticator, Quirks, Scenario};
use crate::truth::{Row, Tables};

mod tokens;

const LICENSES: &str = "/api/v1/fortitokenmobilelicenses/";
const TOKENS: &str = "/api/v1/fortitokens/";
const SYSTEM: &str = "/api/v1/systeminfo/";

/// A simulated `FortiAuthenticator`.
#[derive(Debug)]
pub(crate) struct FortiAuthenticator {
    unit: Authenticator,
    quirks: Quirks,
    /// The activated licenses, in order of activation.
    activated: Mutex<Vec<String>>,
}

/// The counters of `FortiToken` Mobile licenses.
struct Counters {
    total: i64,
    used: i64,
}

impl FortiAuthenticator {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            unit: scenario.authenticator.clone(),
            quirks: scenario.quirks.clone(),
            activated: Mutex::default(),
        }
    }

    pub(crate) fn answer(&self, incoming: &Incoming, page_faults: &PageFaults) -> Answered {
        let path = incoming.path.as_str();
        let known = match path {
            LICENSES | TOKENS => true,
            SYSTEM => self.unit.systeminfo,
            _ => false,
        };
        if !self.unit.enabled || !known {
            return failure(404, "Not found.");
        }
        if !self.lets_in(incoming) {
            let refused = failure(401, "Unauthorized.");
            return refused.header(
                header::WWW_AUTHENTICATE,
                "Basic Realm=\"FortiAuthenticator\"",
            );
        }
        let activates = path == LICENSES && self.unit.activation;
        match incoming.method {
            Method::POST if activates => self.activate(incoming),
            Method::GET if path == LICENSES => Answered::json(200, &self.licenses()),
            Method::GET if path == SYSTEM => Answered::json(200, &self.system()),
            Method::GET => self.tokens().answer(incoming, page_faults, self.wire()),
            _ => {
                let allow = if activates { "GET, POST" } else { "GET" };
                not_allowed(allow, &Object::new().with("error", "Method not allowed."))
            }
        }
    }

    /// Whether the request is authenticated. The password must be the API key, not the
    /// administrator's login password.
    fn lets_in(&self, incoming: &Incoming) -> bool {
        let pair = format!("{}:{}", self.unit.username, self.unit.api_key);
        let sent = incoming
            .credential("basic")
            .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        sent.is_some_and(|sent| sent == pair.as_bytes())
    }

    fn activate(&self, incoming: &Incoming) -> Answered {
        let license = incoming.fields.get("license");
        let Some(license) = license.filter(|license| is_license(license)) else {
            return failure(400, "The license is not valid.");
        };
        let mut activated = self.activated();
        if activated.contains(license) {
            return failure(400, "The license is activated already.");
        }
        activated.push(license.clone());
        let count = self.unit.tokens_per_license;
        let text = format!("Successfully imported {count} FortiTokens");
        let messages = Object::new().with("success", text);
        // Like the real system, the response repeats the license, although it is a secret.
        let body = Object::new()
            .with("license", license.clone())
            .with("messages", messages);
        Answered::json(200, &body)
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            quirks: &self.quirks,
        }
    }

    fn licenses(&self) -> Object {
        let counters = self.counters();
        self.wire().finish(
            Object::new()
                .with("available_ftm", counters.total - counters.used)
                .with("total_ftm", counters.total)
                .with("used_ftm", counters.used),
        )
    }

    fn system(&self) -> Object {
        let counters = self.counters();
        let hardware = count(self.unit.hardware_tokens);
        let usage = |first: &'static str, total: i64, used: i64| {
            Object::new().with(first, total).with("used", used)
        };
        let memory = Object::new()
            .with("available", "1572864.0 KB")
            .with("total", "4032452.0 KB")
            .with("used", "2459588.0 KB");
        let disk = Object::new()
            .with("total", "59768832.0 KB")
            .with("used", "2390753.0 KB");
        Object::new()
            .with("cpu", "2%")
            .with("memory", "61%")
            .with("disk", "4%")
            .with("memory_usage_detail", memory)
            .with("disk_usage_detail", disk)
            .with("users_usage_detail", usage("max", 500, 212))
            .with("groups_usage_detail", usage("max", 50, 9))
            .with("fsso_usage_detail", usage("max", 500, 0))
            .with("ssoma_usage_detail", usage("max", 500, 0))
            .with("ftk_usage_detail", usage("populated", hardware, 0))
            .with(
                "ftm_usage_detail",
                usage("populated", counters.total, counters.used),
            )
            .with("ha_sn", self.unit.ha_serial_number.clone())
            .with("sn", self.unit.serial_number.clone())
            .with("firmware", self.unit.firmware.clone())
    }

    fn counters(&self) -> Counters {
        let activated = self.activated().len() as u64;
        Counters {
            total: count(self.unit.total_ftm + activated * self.unit.tokens_per_license),
            used: count(self.unit.used_ftm),
        }
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(&self.unit, self.activated().len() as u64)
    }

    fn activated(&self) -> MutexGuard<'_, Vec<String>> {
        self.activated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn truth(&self) -> BTreeMap<String, Vec<Row>> {
        const TABLE: &str = "ftm_licenses";
        const TOKENS: &str = "fortitokens";
        let mut tables = Tables::new(&self.quirks, &[TABLE, TOKENS]);
        if self.unit.enabled {
            let counters = self.counters();
            // Without `systeminfo`, the response doesn't identify the unit.
            let told = |text: &str| self.unit.systeminfo.then(|| text.to_owned());
            let draft = tables
                .draft()
                .with("serial_number", told(&self.unit.serial_number))
                .with("ha_serial_number", told(&self.unit.ha_serial_number))
                .with("firmware", told(&self.unit.firmware))
                .with("total_ftm", counters.total)
                .with("used_ftm", counters.used)
                .with("available_ftm", counters.total - counters.used);
            tables.push(TABLE, draft);
            let unit = self
                .unit
                .systeminfo
                .then_some(self.unit.serial_number.as_str());
            for draft in self.tokens().drafts(unit, &tables) {
                tables.push(TOKENS, draft);
            }
        }
        tables.into_rows()
    }
}

/// Whether the text is five groups of four letters or digits.
fn is_license(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == 5
        && groups
            .iter()
            .all(|group| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// An error. Its format is a guess, because the real one is undocumented.
fn failure(http: u16, text: &'static str) -> Answered {
    Answered::json(http, &Object::new().with("error", text))
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
