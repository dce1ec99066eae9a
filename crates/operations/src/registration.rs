//! Registering units: what is sent next, and what has become of each.

mod fold;
mod memory;
mod run;

use std::collections::HashSet;

use fortilake_auth::models::generated::asset_management_v3_product::{
    LocationInput, LocationReference, ProductsRegisterRequest, RegistrationUnit,
};
use serde::{Deserialize, Serialize};

pub use self::memory::Memory;
use super::check_location;

/// How many units the API takes in one call.
pub const UNITS_PER_CALL: usize = 10;

/// How many errors the API takes in one call.
///
/// Nobody has published what the next one does, and which units are wrong is known afterwards
/// alone; so no more units than this go into a call unless [`Registration::batch`] says so.
pub const ERRORS_PER_CALL: usize = 5;

/// A unit that is to be registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit {
    /// What is sent of it, but for `location`, which each call makes anew.
    pub unit: RegistrationUnit,
    /// Where it stands, if that is to be said.
    pub location: Option<LocationInput>,
}

/// What has become of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// Nothing has been sent.
    Waiting,
    /// It has been sent, and no answer is known.
    Sent,
    /// It is registered.
    Registered {
        /// The model, as far as an answer tells.
        product: Option<String>,
    },
    /// It is not registered, and would not be if it were sent again.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Units on their way to be registered: a fold over answers, without a clock and without I/O.
///
/// [`run`](Self::run) does the calls.
#[derive(Debug)]
pub struct Registration {
    account_id: Option<i64>,
    batch: usize,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    unit: Unit,
    fate: Fate,
    /// Whether this run has sent it, so that it is not sent again if it cannot be found.
    sent_now: bool,
    /// Whether no more can be found out in this run.
    given_up: bool,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Find out whether this unit is registered: it was sent, and no answer is known.
    LookUp(usize),
    /// Send these units.
    Send(Batch),
    /// Nothing; whatever can be known is known.
    Done,
}

/// The positions of the units that go into one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch(Vec<usize>);

impl Batch {
    /// The positions.
    pub fn units(&self) -> &[usize] {
        &self.0
    }
}

impl Registration {
    /// Begins with units of which nothing is known; what the API would refuse for its form is
    /// refused here.
    pub fn new(account_id: Option<i64>, units: impl IntoIterator<Item = Unit>) -> Self {
        let entries = units.into_iter().map(|unit| Entry {
            fate: match complaint(&unit) {
                Some(reason) => Fate::Refused { reason },
                None => Fate::Waiting,
            },
            unit,
            sent_now: false,
            given_up: false,
        });
        let mut registration = Self {
            account_id,
            batch: ERRORS_PER_CALL,
            entries: entries.collect(),
        };
        registration.refuse_repeated();
        registration
    }

    /// Puts so many units into a call, at least 1 and at most [`UNITS_PER_CALL`].
    ///
    /// With more than [`ERRORS_PER_CALL`] the API may meet more errors than it takes.
    /// Units that it refuses beyond those are sent once more.
    #[must_use]
    pub fn batch(mut self, units: usize) -> Self {
        self.batch = units.clamp(1, UNITS_PER_CALL);
        self
    }

    /// Refuses a unit for a reason that the caller knows.
    pub fn refuse(&mut self, position: usize, reason: impl Into<String>) {
        if let Some(entry) = self.entries.get_mut(position) {
            let reason = reason.into();
            entry.fate = Fate::Refused { reason };
        }
    }

    /// The units and what has become of each, in their order.
    pub fn units(&self) -> impl ExactSizeIterator<Item = (&Unit, &Fate)> {
        self.entries.iter().map(|entry| (&entry.unit, &entry.fate))
    }

    /// What comes next; what is not known is found out before anything is sent.
    pub fn next_step(&self) -> Step {
        let unknown = |entry: &Entry| entry.fate == Fate::Sent && !entry.given_up;
        if let Some(position) = self.entries.iter().position(unknown) {
            return Step::LookUp(position);
        }
        let mut serials = HashSet::new();
        let mut batch = Vec::new();
        for (position, entry) in self.entries.iter().enumerate() {
            let fits = entry.fate == Fate::Waiting && batch.len() < self.batch;
            // The rows of the answer are known by their serial numbers.
            if fits && serials.insert(entry.serial()) {
                batch.push(position);
            }
        }
        if batch.is_empty() {
            return Step::Done;
        }
        Step::Send(Batch(batch))
    }

    /// The arguments of the call that sends these units.
    pub fn request(&self, batch: &Batch) -> ProductsRegisterRequest {
        let mut locations: Vec<LocationInput> = Vec::new();
        let units = self.of(batch).map(|entry| {
            let location = entry.unit.location.as_ref().map(|location| {
                let known = locations.iter().position(|known| known == location);
                let at = known.unwrap_or(locations.len());
                if known.is_none() {
                    locations.push(location.clone());
                }
                LocationReference {
                    r#ref: format!("#/locations/{at}"),
                }
            });
            RegistrationUnit {
                location,
                ..entry.unit.unit.clone()
            }
        });
        let registration_units = units.collect();
        ProductsRegisterRequest {
            account_id: self.account_id,
            registration_units,
            locations: Some(locations).filter(|locations| !locations.is_empty()),
        }
    }

    fn of(&self, batch: &Batch) -> impl Iterator<Item = &Entry> {
        let positions = batch.0.iter();
        positions.filter_map(|position| self.entries.get(*position))
    }

    /// What a unit is remembered by: registering it anew is another contract or another account.
    fn key(&self, entry: &Entry) -> String {
        let account = self.account_id.map_or("-".to_owned(), |id| id.to_string());
        let contract = entry.unit.unit.contract_number.as_deref().unwrap_or("-");
        format!("{account} {} {contract}", entry.serial())
    }

    fn refuse_repeated(&mut self) {
        let mut seen = HashSet::new();
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if entry.fate == Fate::Waiting && !seen.insert(self.key(entry)) {
                self.refuse(position, "the same unit stands further up");
            }
        }
    }
}

impl Entry {
    fn serial(&self) -> &str {
        &self.unit.unit.serial_number
    }
}

/// What the API would refuse in this unit, whatever else it knows of it.
fn complaint(unit: &Unit) -> Option<String> {
    let Unit { unit, location } = unit;
    let serial = &unit.serial_number;
    if serial.is_empty() {
        return Some("it has no serial number".to_owned());
    }
    // Whatever else may be in one, it must not be a pattern that finds other units.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !serial.bytes().all(plain) {
        return Some("its serial number has more than letters, digits and hyphens".to_owned());
    }
    let key = unit.cloud_key.as_ref();
    if key.is_some_and(|key| key.expose().chars().count() != 8) {
        return Some("its FortiCloud key has not 8 characters".to_owned());
    }
    let location = location.as_ref()?;
    check_location(location)
        .err()
        .map(|error| error.to_string())
}

#[cfg(test)]
mod tests;
