//! Messages and their ids, which are the same in every delivery of the same crawl.

use std::fmt;

use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};

/// What every id begins with, as the specification suggests.
const PREFIX: &str = "msg_";

/// The end of the id of a final message. Ids of messages with rows end with a number.
const SUMMARY: &str = "summary";

/// A message before compression and signing, which happen when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: Id,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// The number of rows in the body.
    pub(crate) rows: u64,
    /// The number of attempts that earlier processes made.
    pub(crate) attempts: u32,
}

/// Which message of which crawl.
///
/// Ids sort in the order of redelivery: the final message of a crawl after the messages with its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) crawl: String,
    pub(crate) place: Place,
}

/// Which message of a crawl.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Rows(Piece),
    Summary,
}

/// Which message of a crawl an id refers to.
///
/// The digest covers the batch id and how batches are divided into messages. So equal ids mean equal bodies, even if
/// the limits were changed between two deliveries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    pub(crate) table: String,
    pub(crate) sequence: u64,
    /// The number of the piece within its batch, from 0.
    pub(crate) number: u64,
}

impl Id {
    /// Parses the output of [`Display`](fmt::Display) and accepts no other spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let (rest, last) = rest.rsplit_once('-')?;
        let id = if last == SUMMARY {
            Self {
                crawl: rest.to_owned(),
                place: Place::Summary,
            }
        } else {
            let (rest, sequence) = rest.rsplit_once('-')?;
            let (crawl, table) = rest.rsplit_once('-')?;
            let piece = Piece {
                table: table.to_owned(),
                sequence: sequence.parse().ok()?,
                number: last.parse().ok()?,
            };
            Self {
                crawl: crawl.to_owned(),
                place: Place::Rows(piece),
            }
        };
        let is_sound = is_crawl(&id.crawl) && id.to_string() == text;
        let is_sound = is_sound
            && match &id.place {
                Place::Rows(piece) => is_table(&piece.table),
                Place::Summary => true,
            };
        is_sound.then_some(id)
    }
}

impl fmt::Display for Id {
    /// An id has no full stop: the signed text separates id, timestamp and body by full stops.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-", self.crawl)?;
        match &self.place {
            Place::Rows(Piece {
                table,
                sequence,
                number,
            }) => write!(f, "{table}-{sequence}-{number}"),
            Place::Summary => f.write_str(SUMMARY),
        }
    }
}

/// Refuses names that would make ids ambiguous, or no names of files and values of headers.
pub(crate) fn check_names<'a>(crawl: &str, tables: impl Iterator<Item = &'a str>) -> Result<()> {
    if !is_crawl(crawl) {
        return Err(unusable(format!("`{crawl}` cannot be the id of a crawl")));
    }
    for table in tables {
        if !is_table(table) {
            return Err(unusable(format!("`{table}` cannot be the name of a table")));
        }
    }
    Ok(())
}

fn is_crawl(name: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.chars().all(may)
}

/// Without `-`, so that an id can be read from its end.
fn is_table(name: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(may)
}

fn unusable(text: String) -> Error {
    Error::new(Kind::Internal, text)
}

#[cfg(test)]
mod tests;
