//! Encodes rows and outcomes as message bodies.
//!
//! A body contains only data of the crawl and never the current time. So the same crawl makes the same bytes in
//! every delivery, and a receiver can compare messages with equal ids.

use std::collections::BTreeMap;

use bytes::Bytes;
use fortilake_sink::{
    Batch, Crawl, Error, FailedScope, Kind, Origin, Outcome, RecordBatch, Result, Scopes,
    Selection, json,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Envelope;
use crate::digest::{self, Digest};
use crate::message::{Id, Message, MessagePart, Position};

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

/// The members that all messages of a batch share.
#[derive(Clone, Debug)]
pub(crate) struct BatchHead {
    /// The batch id, as the contract defines it.
    id: String,
    digest: Digest,
    scope: String,
    table: String,
    /// The id of the crawl that read the rows, if it was an earlier one.
    carried_from: Option<String>,
}

/// Where the next message of a batch begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessagePosition {
    /// The number of the message within the batch, from 0.
    pub(crate) slice: u64,
    /// The number of its first row within the table and scope, from 0 and across batches.
    pub(crate) first_row: u64,
}

/// A table in the summary.
#[derive(Serialize)]
struct TableSummary<'a> {
    table: &'a str,
    rows: u64,
    /// The number of messages that the rows are in, so that a receiver knows when it has them all.
    messages: u64,
}

#[derive(Serialize)]
struct RowsData<'a> {
    crawl_id: &'a str,
    snapshot: &'a str,
    table: &'a str,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_from: Option<&'a str>,
    batch: &'a str,
    slice: u64,
    // Must be the last member; see `TAIL`.
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
    #[serde(skip_serializing_if = "Selection::is_everything")]
    selection: &'a Selection,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_since: Option<&'a str>,
    tables: Vec<TableSummary<'a>>,
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

impl Shape {
    /// Everything that influences how a batch is divided and encoded, as input for digests.
    fn text(&self) -> String {
        let envelope = match self.envelope {
            Envelope::Plain => "plain",
            Envelope::CloudEvents => "cloudevents",
        };
        format!("{}/{}/{envelope}", self.rows, self.bytes)
    }
}

impl Encoder {
    pub(crate) fn new(crawl: Crawl, shape: Shape) -> Self {
        Self { crawl, shape }
    }

    /// How many rows to pass to [`rows`](Self::rows) at once. No message spans two such calls.
    pub(crate) fn step(&self) -> usize {
        self.shape.rows
    }

    /// The members that all messages of `batch` share.
    pub(crate) fn head(&self, batch: &Batch) -> BatchHead {
        let id = batch.id(&self.crawl);
        BatchHead {
            digest: digest::of(&[&id, &self.shape.text()]),
            id,
            scope: batch.scope.text(),
            table: batch.table.name.clone(),
            carried_from: match &batch.origin {
                Origin::Read => None,
                Origin::Carried { crawl } => Some(crawl.clone()),
            },
        }
    }

    /// Encodes at most [`step`](Self::step) rows of a batch; `start` is the position of the first one.
    pub(crate) fn rows(
        &self,
        head: &BatchHead,
        start: MessagePosition,
        records: &RecordBatch,
    ) -> Result<Vec<Message>> {
        let text = json::lines(records)?;
        let mut messages = Vec::new();
        let mut open: Option<PartialMessage> = None;
        let mut next = start;
        for line in text
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let full = open
                .as_ref()
                .is_some_and(|open| !open.has_room(line, self.shape.bytes));
            if full {
                messages.extend(open.take().map(PartialMessage::close));
                next.slice += 1;
            }
            let open = match &mut open {
                Some(open) => open,
                none => none.insert(self.begin(head, next)?),
            };
            open.push(line);
            next.first_row += 1;
        }
        messages.extend(open.map(PartialMessage::close));
        Ok(messages)
    }

    /// Encodes the final message of a crawl; `messages` is the number of messages by table.
    pub(crate) fn summary(
        &self,
        outcome: &Outcome,
        messages: &BTreeMap<String, u64>,
    ) -> Result<Message> {
        let summary = outcome.summary();
        let tables = summary.tables.iter().map(|total| TableSummary {
            table: &total.table,
            rows: total.rows,
            messages: messages.get(&total.table).copied().unwrap_or(0),
        });
        let data = SummaryData {
            crawl_id: &self.crawl.id,
            snapshot: &self.crawl.name,
            started_at: &self.crawl.started_at,
            finished_at: &summary.finished_at,
            complete: summary.complete,
            scopes: summary.scopes,
            failed: &summary.failed,
            selection: &summary.selection,
            changes_since: summary.changes_since.as_deref(),
            tables: tables.collect(),
        };
        let edition = digest::of(&[&self.crawl.edition, &self.shape.text()]);
        self.message(
            MessagePart::Summary { edition },
            None,
            &summary.finished_at,
            data,
        )
    }

    fn begin(&self, head: &BatchHead, start: MessagePosition) -> Result<PartialMessage> {
        let data = RowsData {
            crawl_id: &self.crawl.id,
            snapshot: &self.crawl.name,
            table: &head.table,
            scope: &head.scope,
            carried_from: head.carried_from.as_deref(),
            batch: &head.id,
            slice: start.slice,
            rows: [],
        };
        let part = MessagePart::Slice {
            batch: head.digest.clone(),
            slice: start.slice,
        };
        let position = Position {
            scope: head.scope.clone(),
            table: head.table.clone(),
            first_row: start.first_row,
        };
        let message = self.message(part, Some(position), &self.crawl.started_at, data)?;
        let length = message.body.len() - TAIL.len();
        debug_assert_eq!(&message.body[length..], TAIL.as_bytes());
        Ok(PartialMessage {
            text: message.body[..length].to_vec(),
            message,
        })
    }

    fn message<D: Serialize>(
        &self,
        part: MessagePart,
        position: Option<Position>,
        time: &str,
        data: D,
    ) -> Result<Message> {
        let crawl = self.crawl.id.clone();
        let id = Id { crawl, part };
        let subject = position.as_ref().map(|position| position.table.as_str());
        let kind = match subject {
            Some(_) => "fortilake.rows",
            None => "fortilake.summary",
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
            edition: self.crawl.edition.clone(),
            position,
            content_type: content_type.to_owned(),
            body: Bytes::from(body),
            rows: 0,
            attempts: 0,
        })
    }
}

/// A message to which rows are still being added.
struct PartialMessage {
    message: Message,
    /// The body so far, without its [`TAIL`].
    text: Vec<u8>,
}

impl PartialMessage {
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
