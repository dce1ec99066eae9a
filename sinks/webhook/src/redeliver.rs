//! Redelivery of dead letters.

use std::sync::Arc;

use fortilake_sink::{Options, Receipt, Result, Standing, Store};

use crate::message::{Id, Message};
use crate::outbox::Outbox;
use crate::setup::Setup;

/// Sends the dead letters of one destination again, and removes each letter that is delivered.
///
/// The final message of a crawl is sent only if no dead letter with rows of the crawl is left, because it tells the
/// receiver that the crawl is complete. A letter that cannot be read does not stop the others; its error is returned
/// at the end.
pub(crate) async fn redeliver(options: Options, store: Arc<dyn Store>) -> Result<Receipt> {
    let setup = Setup::read(options, store).await?;
    let destination = setup.destination();
    let mut outbox = setup.outbox();
    let listing = destination.dead_letters.list()?;
    let mut first_error = listing.error();
    for id in listing.ids {
        let message = match destination.dead_letters.read(id) {
            Ok(message) => message,
            Err(error) => {
                first_error.get_or_insert(error);
                continue;
            }
        };
        if message.id.is_summary() && !is_due(&mut outbox, &message).await? {
            continue;
        }
        outbox.post(message).await?;
    }
    outbox.drain().await?;
    outbox.check()?;
    first_error.map_or_else(|| Ok(receipt(&outbox)), Err)
}

/// Whether all rows of the crawl have been delivered, so that its final message can be sent.
async fn is_due(outbox: &mut Outbox, summary: &Message) -> Result<bool> {
    outbox.drain().await?;
    let is_of_crawl = |id: &Id| id.crawl == summary.id.crawl && !id.is_summary();
    Ok(!outbox
        .destination()
        .dead_letters
        .list()?
        .ids
        .iter()
        .any(is_of_crawl))
}

fn receipt(outbox: &Outbox) -> Receipt {
    let sent = outbox.totals();
    Receipt {
        location: outbox.destination().shown.clone(),
        snapshot: None,
        // Letters can belong to several crawls, so there is no single crawl to compare with newer ones.
        standing: Standing::Latest,
        rows: sent.rows,
        files: sent.messages,
        bytes: sent.bytes,
    }
}
