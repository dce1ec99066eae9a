//! Updates the state of units from the API's responses.

use fortilake_auth::{Micros, printable};
use fortilake_models::{
    Secret,
    generated::types::{
        Asset, AssetDetails, AssetStatus, Error, ProductsRegisterResponse, RegisteredAsset,
    },
};

use super::{ERRORS_PER_CALL, Entry, Registration, RegistrationBatch, Unit, UnitState};
use fortilake_client::{Kind, Result};

impl Registration {
    /// Records that these units are about to be sent at this time.
    pub fn sent(&mut self, batch: &RegistrationBatch, now: Micros) {
        for position in &batch.0 {
            if let Some(entry) = self.entries.get_mut(*position) {
                entry.state = UnitState::Sent { at: now };
                entry.looks = 0;
            }
        }
        // If these units get no response, the API may register them late, so a new wait is needed.
        self.waited = false;
    }

    /// Records that the time of [`Step::Wait`](super::Step::Wait) is over.
    pub fn waited(&mut self) {
        self.waited = true;
        // Allow a few more look-ups after the wait, because a unit found now may say something
        // about the others.
        self.misses = self.misses.min(1);
    }

    /// Records the result of a call with these units. Returns the error if no further call helps.
    ///
    /// A unit without a response stays [`UnitState::Sent`] and is not sent again automatically,
    /// unless the API certainly did nothing.
    pub fn answered(
        &mut self,
        batch: &RegistrationBatch,
        result: Result<ProductsRegisterResponse>,
    ) -> Result<()> {
        let error = match result {
            Ok(response) => {
                self.read(batch, &response.assets);
                return Ok(());
            }
            Err(error) => error,
        };
        let response = error
            .response_body()
            .and_then(|body| serde_json::from_str::<ProductsRegisterResponse>(body).ok());
        match response {
            Some(response) if !response.assets.is_empty() => self.read(batch, &response.assets),
            response => {
                if error.is_undone() {
                    self.set_waiting(batch);
                }
                // A problem of the whole call would affect the next call too, unless it names one
                // unit.
                let message = response.map(|response| message_of(&response));
                let named = message.and_then(|message| Some((named_unit(&message)?, message)));
                let named = named.and_then(|(index, text)| Some((*batch.0.get(index)?, text)));
                match named {
                    Some((wrong, message)) if error.kind() == Kind::BadRequest => {
                        self.refuse(wrong, message);
                    }
                    _ => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Records the details that a look-up returned.
    ///
    /// Details don't name contracts, so a unit with a contract is also looked for in the product
    /// list.
    pub fn detailed(&mut self, position: usize, details: Option<&AssetDetails>) {
        let account = self.account_id;
        let Some(entry) = self.entries.get_mut(position) else {
            return;
        };
        match details.filter(|details| entry.is_shown(details, account)) {
            Some(details) => {
                let product = model(details.product_model.as_deref());
                entry.state = UnitState::Registered { product };
            }
            None => self.missed(position),
        }
    }

    /// Records the products of the list that a look-up returned.
    pub fn found(&mut self, position: usize, products: &[Asset]) {
        let Some(entry) = self.entries.get_mut(position) else {
            return;
        };
        match products.iter().find(|product| entry.is_done(product)) {
            Some(product) => {
                let product = model(product.product_model.as_deref());
                entry.state = UnitState::Registered { product };
            }
            None => self.missed(position),
        }
    }

    /// Records that a unit was not found. It may still appear, and sending it now could register it
    /// twice.
    fn missed(&mut self, position: usize) {
        let resend_before = self.resend_before;
        let Some(entry) = self.entries.get_mut(position) else {
            return;
        };
        entry.looks += 1;
        if let UnitState::Sent { at } = entry.state
            && resend_before.is_some_and(|before| at <= before)
        {
            entry.state = UnitState::Waiting;
        }
    }

    /// Reads the rows of a response. A unit without a row keeps its state.
    fn read(&mut self, batch: &RegistrationBatch, rows: &[RegisteredAsset]) {
        let mut refused = 0;
        for position in &batch.0 {
            let Some(entry) = self.entries.get_mut(*position) else {
                continue;
            };
            let Some(row) = rows
                .iter()
                .find(|row| entry.is(row.serial_number.as_deref()))
            else {
                continue;
            };
            entry.state = state(row, &entry.unit);
            if matches!(entry.state, UnitState::Refused { .. }) {
                refused += 1;
                if refused > ERRORS_PER_CALL {
                    // It may have been refused only because of the errors before it.
                    entry.state = UnitState::Waiting;
                }
            }
        }
    }

    fn set_waiting(&mut self, batch: &RegistrationBatch) {
        for position in &batch.0 {
            if let Some(entry) = self.entries.get_mut(*position) {
                entry.state = UnitState::Waiting;
            }
        }
    }
}

impl Entry {
    fn is(&self, serial: Option<&str>) -> bool {
        serial.is_some_and(|serial| serial.trim().eq_ignore_ascii_case(self.serial()))
    }

    /// Whether these are the details of this unit, and show it as registered.
    fn is_shown(&self, details: &AssetDetails, account: Option<i64>) -> bool {
        let date = details.registration_date.as_deref().unwrap_or_default();
        let elsewhere = account
            .zip(details.account_id)
            .is_some_and(|(ours, theirs)| ours != theirs);
        self.is(details.serial_number.as_deref()) && !date.trim().is_empty() && !elsewhere
    }

    /// Whether this product is the unit and has the contract that was to be attached.
    fn is_done(&self, product: &Asset) -> bool {
        let has = |number: &String| {
            let mut contracts = product.contracts.iter();
            contracts.any(|contract| {
                let known = contract.contract_number.as_deref().unwrap_or_default();
                known.trim().eq_ignore_ascii_case(number)
            })
        };
        self.is(product.serial_number.as_deref())
            && product.status != Some(AssetStatus::Pending)
            && self.unit.unit.contract_number.as_ref().is_none_or(has)
    }
}

fn state(row: &RegisteredAsset, unit: &Unit) -> UnitState {
    let message = row.message.as_deref().unwrap_or_default();
    let message = without_key(printable(message.trim()), unit);
    match row.status {
        Some(0) => {}
        None if message.is_empty() => {}
        _ if message.is_empty() => {
            let reason = "the API gave no reason".to_owned();
            return UnitState::Refused { reason };
        }
        _ => {
            return UnitState::Refused { reason: message };
        }
    }
    let product = model(row.product_model.as_deref());
    UnitState::Registered { product }
}

/// Redacts the unit's key, because the API may repeat what it was sent.
fn without_key(text: String, unit: &Unit) -> String {
    match unit.unit.cloud_key.as_ref().map(Secret::expose) {
        Some(key) if !key.is_empty() => text.replace(key, "[redacted]"),
        _ => text,
    }
}

fn model(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    Some(printable(text))
}

fn message_of(response: &ProductsRegisterResponse) -> String {
    let error: Option<&Error> = response.error.as_ref();
    let message = error.and_then(|error| error.message.as_ref());
    let message = message.or(response.message.as_ref());
    let message = message.map_or("", |message| message.trim());
    match message {
        "" => "the API gave no reason".to_owned(),
        message => printable(message),
    }
}

/// Extracts the number from `registration units[3]`, as in the API's messages.
fn named_unit(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("units[")?;
    let (index, _) = rest.split_once(']')?;
    index.parse().ok()
}
