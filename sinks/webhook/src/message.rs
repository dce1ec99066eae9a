//! Messages and their ids, which are the same in every delivery of the same crawl.

use std::fmt;

use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest};

/// The prefix of every id, as the specification suggests.
const PREFIX: &str = "msg_";

/// The end of the id of a final message. Ids of messages with rows end with a number.
const SUMMARY: &str = "summary";

/// A message before compression and signing, which happen when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: Id,
    /// The edition of the crawl, which is part of the key under which the delivery is recorded.
    pub(crate) edition: String,
    /// The position of the rows in their scope; `None` for the final message.
    pub(crate) position: Option<Position>,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// The number of rows in the body.
    pub(crate) rows: u64,
    /// The number of attempts that earlier processes made.
    pub(crate) attempts: u32,
}

/// The position of a message's rows: the scope, the table, and the first row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The scope's id as text.
    pub(crate) scope: String,
    pub(crate) table: String,
    /// The number of the first row within this table and scope, from 0 and across batches.
    pub(crate) first_row: u64,
}

/// The id that a receiver uses to recognize repeated messages.
///
/// Ids sort in the order of redelivery: the final message of a crawl after the messages with its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) crawl: String,
    pub(crate) part: MessagePart,
}

/// Which message of a crawl an id refers to.
///
/// The digest covers the batch id and how batches are divided into messages. So equal ids mean equal bodies, even if
/// the limits were changed between two deliveries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MessagePart {
    /// A slice of a batch, counted from 0.
    Slice {
        batch: Digest,
        slice: u64,
    },
    Summary {
        edition: Digest,
    },
}

impl Id {
    /// Parses the output of [`Display`](fmt::Display) and accepts no other spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let (rest, last) = rest.rsplit_once('-')?;
        let (crawl, digest) = rest.rsplit_once('-')?;
        let digest = Digest::parse(digest)?;
        let part = if last == SUMMARY {
            MessagePart::Summary { edition: digest }
        } else {
            MessagePart::Slice {
                batch: digest,
                slice: last.parse().ok()?,
            }
        };
        let crawl = crawl.to_owned();
        let id = Self { crawl, part };
        // `parse` also accepts `+1` and `00`. Only the spelling that `Display` writes is an id, or two file names
        // could stand for one message.
        (is_crawl(&id.crawl) && id.to_string() == text).then_some(id)
    }

    /// Whether a file name without its extension looks like an id of any version.
    pub(crate) fn is_like(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    pub(crate) fn is_summary(&self) -> bool {
        matches!(self.part, MessagePart::Summary { .. })
    }
}

impl fmt::Display for Id {
    /// An id has no full stop: the signed text separates id, timestamp and body by full stops.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crawl = &self.crawl;
        match &self.part {
            MessagePart::Slice { batch, slice } => write!(f, "{PREFIX}{crawl}-{batch}-{slice}"),
            MessagePart::Summary { edition } => write!(f, "{PREFIX}{crawl}-{edition}-{SUMMARY}"),
        }
    }
}

/// Refuses a crawl id that cannot be part of a header value and of a file name.
pub(crate) fn check_crawl(crawl: &str) -> Result<()> {
    if is_crawl(crawl) {
        return Ok(());
    }
    let text = format!("`{}` cannot be the id of a crawl", crawl.escape_default());
    Err(Error::new(Kind::Internal, text))
}

/// The part of a store key that identifies an edition of a crawl.
pub(crate) fn edition_key(edition: &str) -> String {
    digest::of(&[edition]).to_string()
}

fn is_crawl(name: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.chars().all(may)
}

#[cfg(test)]
mod tests;
