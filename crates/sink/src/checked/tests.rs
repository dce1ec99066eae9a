//! The checks that apply to every sink.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};

use super::Checked;
use crate::testing::{Call, ScriptedSink};
use crate::{
    Batch, Error, KeyIn, Kind, Origin, Outcome, ScopeId, ScopeOutcome, ScopeResult, Sink, TableSpec,
};

/// The calls that reached the wrapped sink.
type Log = Arc<Mutex<Vec<&'static str>>>;

fn table(name: &str) -> Arc<TableSpec> {
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)])),
        key: Vec::new(),
        key_in: KeyIn::Scope,
    })
}

fn scope(subject: &str) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: subject.to_owned(),
    })
}

fn batch(table: &Arc<TableSpec>, subject: &str, piece: u32, rows: i64) -> Batch {
    let ids = Int64Array::from_iter_values(0..rows);
    Batch {
        table: Arc::clone(table),
        scope: scope(subject),
        piece,
        origin: Origin::Read,
        records: RecordBatch::try_new(Arc::clone(&table.schema), vec![Arc::new(ids)]).unwrap(),
    }
}

fn outcome(scopes: &[(&str, ScopeResult, u64)]) -> Outcome {
    let scopes = scopes.iter().map(|(subject, result, rows)| ScopeOutcome {
        scope: scope(subject),
        result: result.clone(),
        rows: BTreeMap::from([("products".to_owned(), *rows)]),
        observed_at: 0,
    });
    let scopes: Vec<_> = scopes.collect();
    let rows = scopes.iter().map(|found| found.rows["products"]).sum();
    Outcome {
        tables: BTreeMap::from([("products".to_owned(), rows)]),
        scopes,
        ..Outcome::default()
    }
}

/// A checked sink of the table `products`, and the log of calls that reach the wrapped sink.
fn sink(fails: bool) -> (Box<Checked>, Log) {
    let log = Log::default();
    let calls = Arc::clone(&log);
    let inner = ScriptedSink::new(move |call| {
        let name = match call {
            Call::Write(_) => "write",
            Call::Written(_) => return Ok(()),
            Call::Finish(_) => "finish",
            Call::Abort => "abort",
        };
        calls.lock().unwrap().push(name);
        if fails && name == "write" {
            return Err(Error::new(Kind::Unavailable, "down"));
        }
        Ok(())
    });
    let checked = Checked::new(Box::new(inner), [table("products")]);
    (Box::new(checked), log)
}

/// Writes the batches and returns the error of the last.
async fn refusal(batches: &[Batch]) -> String {
    let (mut sink, log) = sink(false);
    let (last, before) = batches.split_last().unwrap();
    for batch in before {
        sink.write(batch).await.unwrap();
    }
    let error = sink.write(last).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    assert_eq!(log.lock().unwrap().len(), before.len());
    let spent = sink.write(last).await.unwrap_err();
    assert!(spent.to_string().contains("an earlier call"), "{spent}");
    error.to_string()
}

#[tokio::test]
async fn a_well_delivered_crawl_passes() {
    let (mut sink, log) = sink(false);
    let products = table("products");
    for (subject, piece, rows) in [("a", 0, 2), ("a", 1, 1), ("b", 0, 1), ("c", 0, 0)] {
        let batch = batch(&products, subject, piece, rows);
        sink.write(&batch).await.unwrap();
    }
    let complete = ScopeResult::Complete;
    let failed = ScopeResult::Failed {
        error: "HTTP 500".to_owned(),
    };
    let outcome = outcome(&[
        ("a", complete.clone(), 3),
        ("b", complete.clone(), 1),
        ("c", complete, 0),
        ("d", failed, 0),
    ]);
    sink.finish(&outcome).await.unwrap();
    // A batch without rows does not reach the sink.
    assert_eq!(*log.lock().unwrap(), ["write", "write", "write", "finish"]);
}

#[tokio::test]
async fn a_batch_that_breaks_the_contract_is_refused() {
    let products = table("products");
    let text = refusal(&[batch(&table("other"), "a", 0, 1)]).await;
    assert_eq!(text, "table `other` is not in the sink's context");
    let text = refusal(&[batch(&products, "a", 1, 1)]).await;
    assert!(text.starts_with("piece 1 of `products`"), "{text}");
    let again = [
        batch(&products, "a", 0, 1),
        batch(&products, "b", 0, 1),
        batch(&products, "a", 1, 1),
    ];
    let text = refusal(&again).await;
    assert!(text.contains("arrived again after it had ended"), "{text}");
    let mut changed = batch(&products, "a", 0, 1);
    let schema = Schema::new(vec![Field::new("id", DataType::Utf8, true)]);
    let ids: StringArray = [Some("1")].into_iter().collect();
    changed.records = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(ids)]).unwrap();
    let text = refusal(&[changed]).await;
    assert!(text.contains("does not have the columns"), "{text}");
}

#[tokio::test]
async fn an_outcome_that_contradicts_the_rows_ends_in_an_abort() {
    let failed = ScopeResult::Failed {
        error: "HTTP 500".to_owned(),
    };
    let complete = ScopeResult::Complete;
    let mut short = outcome(&[("a", complete.clone(), 1)]);
    short.tables.insert("products".to_owned(), 2);
    for wrong in [
        outcome(&[("a", failed, 1)]),
        outcome(&[("a", complete.clone(), 2)]),
        outcome(&[("b", complete, 1)]),
        short,
    ] {
        let (mut sink, log) = sink(false);
        sink.write(&batch(&table("products"), "a", 0, 1))
            .await
            .unwrap();
        let error = sink.finish(&wrong).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert_eq!(*log.lock().unwrap(), ["write", "abort"], "{error}");
    }
}

#[tokio::test]
async fn a_sink_is_spent_after_an_error() {
    let (mut sink, log) = sink(true);
    let first = batch(&table("products"), "a", 0, 1);
    assert_eq!(sink.write(&first).await.unwrap_err().to_string(), "down");
    let outcome = outcome(&[("a", ScopeResult::Complete, 1)]);
    assert!(sink.finish(&outcome).await.is_err());
    assert_eq!(*log.lock().unwrap(), ["write", "abort"]);
}
