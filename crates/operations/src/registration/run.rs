//! The calls of a registration.

use fortilake_models::generated::types::{
    ProductsDetails, ProductsDetailsRequest, ProductsList, ProductsListRequest, ProductsRegister,
};

use super::{LATE, Registration, RegistrationStore, Step};
use fortilake_client::{Client, Error, Kind, Result};

/// How many look-ups of details may find nothing in one run.
///
/// The API counts a look-up of a missing product as an error, of which it allows ten an hour. The
/// product list costs no errors, but leaves out products without entitlements, so it can't replace
/// the details.
const MAX_MISSES: u32 = 3;

impl Registration {
    /// Makes the calls that are left, and calls `seen` after each step that may have changed a
    /// state.
    ///
    /// Returns an error where no further call helps: a pause, a user without permission, or no
    /// response. The states reached so far are remembered, so running again continues from there,
    /// even after a crash.
    ///
    /// # Cancellation
    ///
    /// The units of a dropped call stay [`UnitState::Sent`](super::UnitState::Sent), and the next run looks
    /// them up.
    pub async fn run(
        &mut self,
        client: &Client,
        memory: &dyn RegistrationStore,
        mut seen: impl FnMut(&Self),
    ) -> Result<()> {
        loop {
            match self.next_step() {
                Step::Done => return self.forget_refused(memory),
                Step::Wait => {
                    client.rest(LATE).await;
                    self.waited();
                }
                Step::LookUp(position) => {
                    self.look_up(client, position).await?;
                    self.remember(memory, &[position])?;
                }
                Step::Send(batch) => {
                    self.sent(&batch, client.now());
                    let request = self.request(&batch);
                    let note = || self.remember(memory, batch.units());
                    let result = client.call_noted::<ProductsRegister>(&request, &note).await;
                    let result = self.answered(&batch, result);
                    self.remember(memory, batch.units())?;
                    result?;
                }
            }
            seen(self);
        }
    }

    async fn look_up(&mut self, client: &Client, position: usize) -> Result<()> {
        let unit = &self.entries[position].unit.unit;
        let serial_number = unit.serial_number.clone();
        if unit.contract_number.is_none() && self.misses < MAX_MISSES {
            let request = ProductsDetailsRequest { serial_number };
            let details = match client.call::<ProductsDetails>(&request).await {
                Ok(answer) => answer.asset_details,
                Err(error) if is_miss(&error) => {
                    self.misses += 1;
                    None
                }
                Err(error) => return Err(error),
            };
            self.detailed(position, details.as_ref());
            return Ok(());
        }
        let request = ProductsListRequest {
            account_id: self.account_id,
            serial_number: Some(serial_number),
            ..ProductsListRequest::default()
        };
        let answer = client.call::<ProductsList>(&request).await?;
        self.found(position, &answer.assets);
        Ok(())
    }
}

/// Whether the API says that the product does not exist.
fn is_miss(error: &Error) -> bool {
    matches!(error.kind(), Kind::BadRequest | Kind::NotPossible)
}
