//! What a reader of the pipe sees, and when it sees it.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Int64Array};
use fortilake_sink::{
    Batch, Context, Crawl, DataType, Field, KeyIn, Kind, Origin, Outcome, Phase, Receipt,
    RecordBatch, Result, Schema, ScopeId, Selection, Sink, TableSpec,
};

use super::{CHUNK, open};

/// A pipe whose reader closes it after some bytes.
#[derive(Clone)]
struct Reader {
    seen: Arc<Mutex<Vec<u8>>>,
    closes_after: usize,
    closing: ErrorKind,
}

impl Reader {
    fn new(closes_after: usize, closing: ErrorKind) -> Self {
        Self {
            seen: Arc::default(),
            closes_after,
            closing,
        }
    }

    fn patient() -> Self {
        Self::new(usize::MAX, ErrorKind::BrokenPipe)
    }

    fn seen(&self) -> String {
        String::from_utf8(self.seen.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Reader {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut seen = self.seen.lock().unwrap();
        let count = buffer.len().min(self.closes_after - seen.len());
        if count == 0 && !buffer.is_empty() {
            return Err(self.closing.into());
        }
        seen.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn table(name: &str) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        key: Vec::new(),
        key_in: KeyIn::Scope,
        schema: Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)])),
    })
}

fn batch(name: &str, ids: std::ops::Range<i64>) -> Batch {
    let table = table(name);
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    let records = RecordBatch::try_new(Arc::clone(&table.schema), vec![values]).unwrap();
    Batch {
        table,
        scope: Arc::new(ScopeId::report()),
        piece: 0,
        origin: Origin::Read,
        records,
    }
}

async fn sink(reader: &Reader) -> Box<dyn Sink> {
    let crawl = Crawl {
        id: "c1".to_owned(),
        edition: "c1.5eed".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "test".to_owned(),
    };
    let context = Context::new(crawl, vec![table("a"), table("b"), table("empty")]);
    open(context, Box::new(reader.clone())).await.unwrap()
}

/// Splits the output into the lines of rows and the last line.
fn rows_and_last(seen: &str) -> (&str, serde_json::Value) {
    let whole = seen.strip_suffix('\n').unwrap();
    let end = whole.rfind('\n').map_or(0, |at| at + 1);
    (&seen[..end], serde_json::from_str(&whole[end..]).unwrap())
}

/// Delivers more than one chunk of rows.
async fn deliver_many(reader: &Reader) -> Result<Receipt> {
    let mut sink = sink(reader).await;
    for start in (0..20_000).step_by(1000) {
        sink.write(&batch("a", start..start + 1000)).await.unwrap();
    }
    sink.finish(&Outcome::default()).await
}

#[tokio::test]
async fn lines_come_at_the_end_and_in_order() {
    let reader = Reader::patient();
    let mut sink = sink(&reader).await;
    sink.write(&batch("b", 0..2)).await.unwrap();
    sink.write(&batch("a", 7..8)).await.unwrap();
    sink.write(&batch("b", 2..3)).await.unwrap();
    assert_eq!(reader.seen(), "");
    let receipt = sink.finish(&Outcome::default()).await.unwrap();
    let seen = reader.seen();
    let (rows, last) = rows_and_last(&seen);
    assert_eq!(
        rows,
        "{\"_table\":\"b\",\"id\":0}\n{\"_table\":\"b\",\"id\":1}\n\
         {\"_table\":\"a\",\"id\":7}\n{\"_table\":\"b\",\"id\":2}\n"
    );
    assert_eq!((receipt.rows, receipt.bytes), (4, seen.len() as u64));
    assert_eq!(last["_outcome"]["crawl_id"], "c1");
    assert_eq!(last["_outcome"]["complete"], false);
}

#[tokio::test]
async fn more_than_a_chunk_arrives_whole() {
    let reader = Reader::patient();
    let receipt = deliver_many(&reader).await.unwrap();
    let seen = reader.seen();
    assert!(seen.len() > 3 * CHUNK);
    assert!((0..20_000).eq(rows_and_last(&seen).0.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["id"].as_i64().unwrap()
    })));
    assert_eq!((receipt.rows, receipt.bytes), (20_000, seen.len() as u64));
}

#[tokio::test]
async fn after_an_abort_nothing_comes() {
    let reader = Reader::patient();
    let mut sink = sink(&reader).await;
    sink.write(&batch("a", 0..2)).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(reader.seen(), "");
}

#[tokio::test]
async fn a_reader_that_closes_early_does_not_have_the_snapshot() {
    let reader = Reader::new(CHUNK + 100, ErrorKind::BrokenPipe);
    let error = deliver_many(&reader).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        error.to_string(),
        "the reader of standard output closed it before the last line was written"
    );
}

#[tokio::test]
async fn any_other_failure_is_one() {
    let reader = Reader::new(CHUNK, ErrorKind::StorageFull);
    let error = deliver_many(&reader).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Full);
    assert_eq!(error.to_string(), "cannot write to `standard output`");
}
