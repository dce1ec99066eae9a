//! Registering units: which units to send next, and what has become of each.

mod fold;
mod memory;
mod run;

use std::{collections::HashSet, time::Duration};

use fortilake_auth::{Micros, later};
use fortilake_models::generated::types::{
    LocationInput, LocationReference, ProductsRegisterRequest, RegistrationUnit,
};
use serde::{Deserialize, Serialize};

pub use self::memory::RegistrationStore;
use crate::check_location;

/// The maximum number of units per call that the API accepts.
pub const UNITS_PER_CALL: usize = 10;

/// How many wrong units the API tolerates in one call.
///
/// What it does with further ones is undocumented, and which units are wrong is only known
/// afterwards. So a call contains at most this many units, unless [`Registration::batch`] says
/// otherwise.
pub const ERRORS_PER_CALL: usize = 5;

/// How long to wait after the first look-up before units are looked up again.
///
/// The API has been seen to register units some seconds after a look-up that did not find them.
pub const LATE: Duration = Duration::from_secs(10);

/// A unit to be registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit {
    /// The unit as it is sent, except for `location`, which is set for each call.
    pub unit: RegistrationUnit,
    /// The address of the unit, if it should be sent.
    pub location: Option<LocationInput>,
}

/// The registration state of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum UnitState {
    /// The unit has not been sent.
    Waiting,
    /// The unit has been sent, but the outcome is unknown: it may be registered now or a little
    /// later.
    ///
    /// It is looked up, and not sent again unless [`Registration::resend_unknown`] says so.
    Sent {
        /// When it was sent. Zero if an earlier version stored the state without a time.
        #[serde(default)]
        at: Micros,
    },
    /// The unit is registered.
    Registered {
        /// The product model, if a response named it.
        product: Option<String>,
    },
    /// The unit is not registered, and sending it again would be refused again.
    Refused {
        /// The reason, worded for messages.
        reason: String,
    },
}

/// A registration in progress. It computes the next step from the responses so far, without a clock
/// and without I/O, so that tests can check any sequence of responses.
///
/// [`run`](Self::run) makes the calls.
#[derive(Debug)]
pub struct Registration {
    account_id: Option<i64>,
    batch: usize,
    /// Units that were sent at or before this time are sent again if they are not found.
    resend_before: Option<Micros>,
    /// Whether this run has already waited for units that the API may register late.
    waited: bool,
    /// How many look-ups of details found nothing in this run.
    misses: u32,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    unit: Unit,
    state: UnitState,
    /// How often this run has looked the unit up without finding it.
    looks: u32,
}

/// The next step of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Find out whether this unit is registered: it was sent, but the outcome is unknown.
    LookUp(usize),
    /// Wait for [`LATE`], then look up the missing units again, because the API may register them
    /// after it was asked.
    Wait,
    /// Send these units.
    Send(RegistrationBatch),
    /// Stop: everything that can be known is known.
    Done,
}

/// The positions of the units of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationBatch(Vec<usize>);

impl RegistrationBatch {
    /// Returns the positions in the list of units.
    pub fn units(&self) -> &[usize] {
        &self.0
    }
}

impl Registration {
    /// Starts a registration of units that are in an unknown state. Units in a form that the API
    /// would refuse are refused here.
    pub fn new(account_id: Option<i64>, units: impl IntoIterator<Item = Unit>) -> Self {
        Self::judged(account_id, units, complaint)
    }

    /// Starts a registration that sends units whatever their form, except those whose serial
    /// numbers can't be looked up.
    pub fn unchecked(account_id: Option<i64>, units: impl IntoIterator<Item = Unit>) -> Self {
        Self::judged(account_id, units, |unit| nameless(&unit.unit.serial_number))
    }

    fn judged(
        account_id: Option<i64>,
        units: impl IntoIterator<Item = Unit>,
        complaint: fn(&Unit) -> Option<String>,
    ) -> Self {
        let entries = units.into_iter().map(|unit| Entry {
            state: match complaint(&unit) {
                Some(reason) => UnitState::Refused { reason },
                None => UnitState::Waiting,
            },
            unit,
            looks: 0,
        });
        let mut registration = Self {
            account_id,
            batch: ERRORS_PER_CALL,
            resend_before: None,
            waited: false,
            misses: 0,
            entries: entries.collect(),
        };
        registration.refuse_repeated();
        registration
    }

    /// Sets the number of units per call: at least 1, at most [`UNITS_PER_CALL`].
    ///
    /// With more than [`ERRORS_PER_CALL`], one call may contain more errors than the API tolerates.
    /// Units that it refuses after that many errors are sent once more.
    #[must_use]
    pub fn batch(mut self, units: usize) -> Self {
        self.batch = units.clamp(1, UNITS_PER_CALL);
        self
    }

    /// Sends units again that earlier runs sent at least `after` ago and that can't be found.
    ///
    /// Only use this if you know that the call was not carried out. Otherwise, the API may register
    /// such a unit twice.
    pub fn resend_unknown(&mut self, now: Micros, after: Duration) {
        self.resend_before = Some(now.saturating_sub(later(0, after)));
    }

    /// Marks a unit as refused, for a reason that the caller knows.
    pub fn refuse(&mut self, position: usize, reason: impl Into<String>) {
        if let Some(entry) = self.entries.get_mut(position) {
            let reason = reason.into();
            entry.state = UnitState::Refused { reason };
        }
    }

    /// Returns the units and the state of each, in their original order.
    pub fn units(&self) -> impl ExactSizeIterator<Item = (&Unit, &UnitState)> {
        self.entries.iter().map(|entry| (&entry.unit, &entry.state))
    }

    /// Returns the next step. Units in an unknown state are looked up before anything is sent.
    pub fn next_step(&self) -> Step {
        if let Some(position) = self.unknown(0) {
            return Step::LookUp(position);
        }
        let mut serials = HashSet::new();
        let mut batch = Vec::new();
        for (position, entry) in self.entries.iter().enumerate() {
            let fits = entry.state == UnitState::Waiting && batch.len() < self.batch;
            // The rows of the response are identified by serial number, so each may appear only
            // once per call.
            if fits && serials.insert(entry.serial().to_ascii_uppercase()) {
                batch.push(position);
            }
        }
        if !batch.is_empty() {
            return Step::Send(RegistrationBatch(batch));
        }
        match self.unknown(1) {
            Some(_) if !self.waited => Step::Wait,
            Some(position) => Step::LookUp(position),
            None => Step::Done,
        }
    }

    /// Returns the first unit in an unknown state that was looked up `looks` times.
    fn unknown(&self, looks: u32) -> Option<usize> {
        let unknown = |entry: &Entry| entry.is_unknown() && entry.looks == looks;
        self.entries.iter().position(unknown)
    }

    /// Returns the request that sends these units.
    pub fn request(&self, batch: &RegistrationBatch) -> ProductsRegisterRequest {
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

    fn of(&self, batch: &RegistrationBatch) -> impl Iterator<Item = &Entry> {
        let positions = batch.0.iter();
        positions.filter_map(|position| self.entries.get(*position))
    }

    /// Returns the key under which the state of a unit is remembered. The same serial number with
    /// another contract or in another account is a registration of its own.
    ///
    /// The API ignores the case of letters.
    fn key(&self, entry: &Entry) -> String {
        let account = self.account_id.map_or("-".to_owned(), |id| id.to_string());
        format!("{account} {}", entry.name())
    }

    /// Returns the key under which it is remembered that the outcome of a unit is unknown, whatever
    /// the account: a user's own account can be named or left out, and a unit that is in one account
    /// cannot be registered in another.
    fn unknown_key(entry: &Entry) -> String {
        format!("unknown {}", entry.name())
    }

    fn refuse_repeated(&mut self) {
        let (mut serials, mut keys) = (HashSet::new(), HashSet::new());
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if entry.state != UnitState::Waiting {
                continue;
            }
            let is_new_serial = serials.insert(entry.serial().to_ascii_uppercase());
            let is_new_key = keys.insert(self.key(entry));
            // Another contract can be added to a unit, but without one there is nothing left to register.
            let adds_nothing = !is_new_serial && entry.unit.unit.contract_number.is_none();
            if adds_nothing || !is_new_key {
                self.refuse(position, "the same unit appears earlier in the list");
            }
        }
    }
}

impl Entry {
    fn is_unknown(&self) -> bool {
        matches!(self.state, UnitState::Sent { .. })
    }

    fn serial(&self) -> &str {
        &self.unit.unit.serial_number
    }

    /// The serial number and the contract, in capitals.
    fn name(&self) -> String {
        let contract = self.unit.unit.contract_number.as_deref().unwrap_or("-");
        format!("{} {contract}", self.serial()).to_ascii_uppercase()
    }
}

/// Whether the text is a number such as `4.82111E+11`, which is how spreadsheets show long numbers.
fn is_exponent(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((mantissa, exponent)) = text.trim().split_once(['E', 'e']) else {
        return false;
    };
    exponent.strip_prefix('+').is_some_and(digits)
        && mantissa
            .replacen(['.', ','], "", 1)
            .bytes()
            .all(|byte| byte.is_ascii_digit())
}

/// Returns why a unit with this serial number could not be looked up, or `None` if it could.
fn nameless(serial: &str) -> Option<String> {
    if serial.is_empty() {
        return Some("it has no serial number".to_owned());
    }
    // A serial number must not be a search pattern that matches other units, such as `%`.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !serial.bytes().all(plain) {
        return Some("its serial number may only contain letters, digits and hyphens".to_owned());
    }
    None
}

/// Returns why the API would refuse this unit, as far as that can be told from its form.
fn complaint(unit: &Unit) -> Option<String> {
    let Unit { unit, location } = unit;
    if let Some(reason) = nameless(&unit.serial_number) {
        return Some(reason);
    }
    let contract = unit.contract_number.as_deref().unwrap_or_default();
    if is_exponent(contract) {
        return Some(
            "its contract number was rounded by a spreadsheet; format the column as text"
                .to_owned(),
        );
    }
    let key = unit.cloud_key.as_ref();
    if key.is_some_and(|key| key.expose().chars().count() != 8) {
        return Some("its FortiCloud key must have 8 characters".to_owned());
    }
    let location = location.as_ref()?;
    check_location(location)
        .err()
        .map(|error| error.to_string())
}

#[cfg(test)]
mod tests;
