//! Encodes rows and outcomes as message bodies.
//!
//! Everything in a body comes from the crawl, nothing from the clock, so that the same crawl makes the same bytes.

use bytes::Bytes;
use fortilake_sink::{Crawl, Error, FailedScope, Kind, Outcome, RecordBatch, Result, Scopes, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Envelope;
use crate::message::{Id, Message, Piece, Place};

/// The end of every body after its last row. It is the same in all envelopes, because `data` is always the last
/// member, and `rows` is the last member of `data`.
///
/// A body is encoded once without rows, and the rows are then inserted before this tail as raw JSON. This avoids
/// parsing and encoding every row a second time.
const TAIL: &str = "]}}";

/// How rows are divided into messages, and the format of a message.
///
/// A crawl keeps the shape that its delivery began with, even if the options change. Otherwise a resumed delivery
/// would divide the rows differently, and the messages delivered before would not match the new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// The maximum number of rows in a message.
    pub(crate) rows: usize,
    /// The maximum number of bytes in a body; a longer row is sent in a message of its own.
    pub(crate) bytes: usize,
    pub(crate) envelope: Envelope,
}

/// Encodes the messages of one crawl.
#[derive(Debug)]
pub(crate) struct Encoder {
    crawl: Crawl,
    shape: Shape,
}

/// A table in the summary.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TableSummary {
    pub(crate) table: String,
    pub(crate) rows: u64,
    /// In how many messages the rows are, so that a receiver knows when it has them all.
    pub(crate) messages: u64,
}

#[derive(Serialize)]
struct RowsData<'a> {
    crawl_id: &'a str,
    snapshot: &'a str,
    table: &'a str,
    sequence: u64,
    piece: u64,
    // The last member; see `TAIL`.
    rows: [Value; 0],
}

#[derive(Serialize)]
struct SummaryData<'a> {
    crawl_id: &'a str,
    snapshot: &'a str,
    started_at: &'a str,
    finished_at: &'a str,
    complete: bool,
    scopes: Scopes,
    failed: &'a [FailedScope],
    tables: &'a [TableSummary],
}

#[derive(Serialize)]
struct Plain<'a, D> {
    r#type: &'a str,
    timestamp: &'a str,
    data: D,
}

#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: &'a str,
    datacontenttype: &'a str,
    data: D,
}

impl Encoder {
    pub(crate) fn new(crawl: Crawl, shape: Shape) -> Self {
        Self { crawl, shape }
    }

    /// How many rows to pass to [`rows`](Self::rows) at once. No message spans two such calls.
    pub(crate) fn step(&self) -> usize {
        self.shape.rows
    }

    /// The messages of at most [`step`](Self::step) rows; `first` is the place of the first.
    pub(crate) fn rows(&self, first: &Piece, records: &RecordBatch) -> Result<Vec<Message>> {
        let text = json::lines(records)?;
        let mut messages = Vec::new();
        let mut open: Option<Open> = None;
        for line in text
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let full = open
                .as_ref()
                .is_some_and(|open| !open.has_room(line, self.shape.bytes));
            if full {
                messages.extend(open.take().map(Open::close));
            }
            let open = match &mut open {
                Some(open) => open,
                none => none.insert(self.begin(Piece {
                    number: first.number + messages.len() as u64,
                    ..first.clone()
                })?),
            };
            open.push(line);
        }
        messages.extend(open.map(Open::close));
        Ok(messages)
    }

    /// The message that ends a crawl.
    pub(crate) fn summary(&self, outcome: &Outcome, tables: &[TableSummary]) -> Result<Message> {
        let data = SummaryData {
            crawl_id: &self.crawl.id,
            snapshot: &self.crawl.snapshot,
            started_at: &self.crawl.started_at,
            finished_at: &outcome.finished_at,
            complete: outcome.complete,
            scopes: outcome.scopes,
            failed: &outcome.failed,
            tables,
        };
        self.message(Place::Summary, &outcome.finished_at, data)
    }

    fn begin(&self, piece: Piece) -> Result<Open> {
        let (table, sequence, number) = (piece.table.clone(), piece.sequence, piece.number);
        let data = RowsData {
            crawl_id: &self.crawl.id,
            snapshot: &self.crawl.snapshot,
            table: &table,
            sequence,
            piece: number,
            rows: [],
        };
        let message = self.message(Place::Rows(piece), &self.crawl.started_at, data)?;
        let head = message.body.len() - TAIL.len();
        debug_assert_eq!(&message.body[head..], TAIL.as_bytes());
        Ok(Open {
            text: message.body[..head].to_vec(),
            message,
        })
    }

    fn message<D: Serialize>(&self, place: Place, time: &str, data: D) -> Result<Message> {
        let id = Id {
            crawl: self.crawl.id.clone(),
            place,
        };
        let (kind, subject) = match &id.place {
            Place::Rows(piece) => ("fortilake.rows", Some(piece.table.as_str())),
            Place::Summary => ("fortilake.summary", None),
        };
        let body = match self.shape.envelope {
            Envelope::Plain => serde_json::to_vec(&Plain {
                r#type: kind,
                timestamp: time,
                data,
            }),
            Envelope::CloudEvents => serde_json::to_vec(&CloudEvent {
                specversion: "1.0",
                id: &id.to_string(),
                source: &format!("urn:fortilake:crawl:{}", self.crawl.id),
                r#type: kind,
                subject,
                time,
                datacontenttype: "application/json",
                data,
            }),
        };
        let body = body.map_err(|error| {
            Error::new(Kind::Internal, format!("cannot encode message `{id}`")).with_source(error)
        })?;
        let content_type = match self.shape.envelope {
            Envelope::Plain => "application/json",
            Envelope::CloudEvents => "application/cloudevents+json",
        };
        Ok(Message {
            id,
            content_type: content_type.to_owned(),
            body: Bytes::from(body),
            rows: 0,
            attempts: 0,
        })
    }
}

/// A message that still takes rows.
struct Open {
    message: Message,
    /// The body so far, without its [`TAIL`].
    text: Vec<u8>,
}

impl Open {
    fn has_room(&self, line: &[u8], bytes: usize) -> bool {
        self.text.len() + ",".len() + line.len() + TAIL.len() <= bytes
    }

    fn push(&mut self, line: &[u8]) {
        if self.message.rows > 0 {
            self.text.push(b',');
        }
        self.text.extend_from_slice(line);
        self.message.rows += 1;
    }

    fn close(mut self) -> Message {
        self.text.extend_from_slice(TAIL.as_bytes());
        self.message.body = Bytes::from(self.text);
        self.message
    }
}

#[cfg(test)]
mod tests;
