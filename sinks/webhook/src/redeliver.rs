//! Dead letters, sent again.

use std::sync::Arc;

use fortilake_sink::{Error, Options, Receipt, Result, Store};

use crate::message::{Id, Message, Place};
use crate::outbox::Outbox;
use crate::setup::Setup;

/// Sends the dead letters of one destination again and removes each that is delivered.
///
/// A crawl's summary is sent once none of its rows is left behind.
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

/// Whether everything of the summary's crawl has been delivered before it.
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
