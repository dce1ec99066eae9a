//! What an answer says of the units that were sent.

use fortilake_auth::models::generated::asset_management_v3_product::{
    Asset, AssetStatus, ProductsRegisterResponse, RegisteredAsset,
};

use super::{Batch, ERRORS_PER_CALL, Entry, Fate, Registration};
use crate::{Error, Kind, Reason, Result};

impl Registration {
    /// These units are about to be sent.
    pub fn sent(&mut self, batch: &Batch) {
        for position in &batch.0 {
            if let Some(entry) = self.entries.get_mut(*position) {
                entry.fate = Fate::Sent;
                entry.sent_now = true;
            }
        }
    }

    /// The call with these units came to this; an error is given back if no further call helps.
    ///
    /// A unit whose answer does not come stays [`Fate::Sent`], unless it is certain that nothing
    /// was done.
    pub fn answered(
        &mut self,
        batch: &Batch,
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
            .answer()
            .and_then(|answer| serde_json::from_str::<ProductsRegisterResponse>(answer).ok());
        match response {
            Some(response) if !response.assets.is_empty() => self.read(batch, &response.assets),
            response => {
                if was_not_done(&error) {
                    self.set_waiting(batch);
                }
                // What is wrong with the whole call is wrong with the next one as well.
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

    /// Looking a unit up came to these products.
    pub fn found(&mut self, position: usize, products: &[Asset]) {
        let Some(entry) = self.entries.get_mut(position) else {
            return;
        };
        if let Some(product) = products.iter().find(|product| entry.is_done(product)) {
            let product = model(product.product_model.as_deref());
            entry.fate = Fate::Registered { product };
        } else if entry.sent_now {
            // It may come into sight later; sending it now could register it twice.
            entry.given_up = true;
        } else {
            entry.fate = Fate::Waiting;
        }
    }

    /// Goes by the rows of an answer; a unit without one is as it was.
    fn read(&mut self, batch: &Batch, rows: &[RegisteredAsset]) {
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
            entry.fate = fate(row);
            if matches!(entry.fate, Fate::Refused { .. }) {
                refused += 1;
                if refused > ERRORS_PER_CALL {
                    // Perhaps it was refused for nothing but the errors before it.
                    entry.fate = Fate::Waiting;
                }
            }
        }
    }

    fn set_waiting(&mut self, batch: &Batch) {
        for position in &batch.0 {
            if let Some(entry) = self.entries.get_mut(*position) {
                entry.fate = Fate::Waiting;
                entry.sent_now = false;
            }
        }
    }
}

impl Entry {
    fn is(&self, serial: Option<&str>) -> bool {
        serial.is_some_and(|serial| serial.trim().eq_ignore_ascii_case(self.serial()))
    }

    /// Whether the product is there and has the contract that was to be attached.
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

fn fate(row: &RegisteredAsset) -> Fate {
    let message = row.message.as_deref().unwrap_or_default().trim();
    match row.status {
        Some(0) => {}
        None if message.is_empty() => {}
        _ if message.is_empty() => {
            let reason = "the API gives no reason".to_owned();
            return Fate::Refused { reason };
        }
        _ => {
            let reason = message.to_owned();
            return Fate::Refused { reason };
        }
    }
    let product = model(row.product_model.as_deref());
    Fate::Registered { product }
}

fn model(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    Some(text.to_owned())
}

fn message_of(response: &ProductsRegisterResponse) -> String {
    let error = response.error.as_ref();
    let message = error.and_then(|error| error.message.as_ref());
    let message = message.or(response.message.as_ref());
    let message = message.map_or("", |message| message.trim());
    match message {
        "" => "the API gives no reason".to_owned(),
        message => message.to_owned(),
    }
}

/// The number in `registration units[3]`.
fn named_unit(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("units[")?;
    let (index, _) = rest.split_once(']')?;
    index.parse().ok()
}

/// Whether it is certain that the call did nothing.
fn was_not_done(error: &Error) -> bool {
    match error.kind() {
        Kind::Config | Kind::Credentials | Kind::Refused | Kind::BadRequest => true,
        // Where calls have failed in a row, this may have been the last of them.
        Kind::Paused => error
            .pause()
            .is_none_or(|pause| pause.reason != Reason::Failures),
        _ => false,
    }
}
