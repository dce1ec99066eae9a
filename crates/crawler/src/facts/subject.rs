//! Whether the rows of a page belong to what was asked for.

use serde_json::{Map, Value};

use super::{DetailsSubject, Facts, ListFacts, OffsetFacts};

impl Facts {
    /// The error if a page is not about what these arguments ask for, such as another account.
    ///
    /// Rows that do not say what they belong to are believed.
    pub fn mismatch(&self, arguments: &Map<String, Value>) -> Option<String> {
        match self {
            Self::List(list) => {
                let asked = arguments.get("accountId").and_then(Value::as_i64)?;
                list.other_account(asked)
            }
            Self::Details(subjects) => {
                let asked = arguments.get("serialNumber").and_then(Value::as_str)?;
                other_product(asked, subjects)
            }
            Self::Offset(facts) => facts.other_owner(arguments),
            Self::Units { .. } | Self::Accounts(_) | Self::Unit(_) => None,
        }
    }
}

impl ListFacts {
    /// The error if a row belongs to another account than this one.
    pub(crate) fn other_account(&self, asked: i64) -> Option<String> {
        let mut accounts = self.accounts.iter();
        let other = accounts.find(|&&account| account != asked)?;
        Some(format!(
            "requested account {asked}, but a row belongs to account {other}"
        ))
    }
}

impl OffsetFacts {
    /// The error if a row belongs to something else than what these arguments ask for.
    pub(crate) fn other_owner(&self, arguments: &Map<String, Value>) -> Option<String> {
        self.owners.iter().find_map(|&(argument, owner)| {
            let asked = arguments.get(argument)?.as_i64()?;
            let noun = match argument {
                "org" => "organization",
                argument => argument,
            };
            (owner != asked)
                .then(|| format!("requested {noun} {asked}, but a row belongs to {noun} {owner}"))
        })
    }
}

/// The error if details are about no product, or about another one than this.
pub(crate) fn other_product(asked: &str, subjects: &[DetailsSubject]) -> Option<String> {
    if subjects.is_empty() {
        return Some(format!(
            "`products/details` returned no product for {asked}"
        ));
    }
    // The API compares serial numbers without case.
    let is_other = |serial: &str| !serial.trim().eq_ignore_ascii_case(asked.trim());
    let mut serials = subjects.iter().map(|subject| &subject.serial);
    let other = serials.find(|serial| is_other(serial))?;
    Some(format!(
        "`products/details` returned `{other}` instead of {asked}"
    ))
}
