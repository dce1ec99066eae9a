//! The calls of a registration.

use fortilake_auth::models::generated::asset_management_v3_product::{
    ProductsList, ProductsListRequest, ProductsRegister,
};

use super::{Memory, Registration, Step};
use crate::{Client, Result};

impl Registration {
    /// Does what is left to do, and says after each call that there is something new to see.
    ///
    /// It ends with an error where no further call helps: a pause, a user without permission, or
    /// no answer. What is known then is remembered, and running again goes on from there; so does
    /// running again after a crash.
    ///
    /// # Cancellation
    ///
    /// Units of a call that was dropped stay [`Fate::Sent`](super::Fate::Sent), and the next run
    /// looks them up.
    pub async fn run(
        &mut self,
        client: &Client,
        memory: &dyn Memory,
        mut seen: impl FnMut(&Self),
    ) -> Result<()> {
        loop {
            match self.next_step() {
                Step::Done => return self.forget_refused(memory),
                Step::LookUp(position) => {
                    let request = ProductsListRequest {
                        account_id: self.account_id,
                        serial_number: Some(self.entries[position].serial().to_owned()),
                        ..ProductsListRequest::default()
                    };
                    let answer = client.call::<ProductsList>(&request).await?;
                    self.found(position, &answer.assets);
                    self.remember(memory, &[position])?;
                }
                Step::Send(batch) => {
                    self.sent(&batch);
                    self.remember(memory, batch.units())?;
                    let request = self.request(&batch);
                    let result = client.call::<ProductsRegister>(&request).await;
                    let result = self.answered(&batch, result);
                    self.remember(memory, batch.units())?;
                    result?;
                }
            }
            seen(self);
        }
    }
}
