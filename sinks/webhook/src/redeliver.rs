//! Redelivery of dead letters.

use std::sync::Arc;

use fortilake_sink::{Error, Options, Receipt, Result, Store};

use crate::message::{Id, Message, Place};
use crate::outbox::Outbox;
use crate::setup::Setup;

/// Sends the dead letters of one destination again, and removes each letter that is delivered.
///
/// The final message of a crawl is sent only if no dead letter with rows of the crawl is left, because it tells the
/// receiver that the crawl is complete. A letter that cannot be read does not stop the others; its error is returned
/// at the end.
pub(crate) async fn redeliver(options: Options, store: Arc<dyn Store>) -> Result<Receipt> {
    let setup = Setup::read(options, store).await?;
    let office = setup.office();
    let mut outbox = setup.outbox();
    let mut damaged = None;
    for id in office.letters.list()? {
        let message = match office.letters.read(id) {
            Ok(message) => message,
            Err(error) => {
                damaged.get_or_insert(error);
                continue;
            }
        };
        if message.id.place == Place::Summary && !is_due(&mut outbox, &message).await? {
            continue;
        }
        outbox.post(message).await?;
    }
    outbox.drain().await?;
    outbox.check()?;
    damaged.map_or_else(|| Ok(receipt(&outbox)), Err::<Receipt, Error>)
}

/// Whether all rows of the crawl have been delivered, so that its final message can be sent.
async fn is_due(outbox: &mut Outbox, summary: &Message) -> Result<bool> {
    outbox.drain().await?;
    let is_of_crawl = |id: &Id| id.crawl == summary.id.crawl && id.place != Place::Summary;
    Ok(!outbox.office().letters.list()?.iter().any(is_of_crawl))
}

fn receipt(outbox: &Outbox) -> Receipt {
    let sent = outbox.tally();
    Receipt {
        location: outbox.office().shown.clone(),
        rows: sent.rows,
        files: sent.messages,
        bytes: sent.bytes,
    }
}
