//! Tests of bodies, and of dividing rows into messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{
    DataType, Field, KeyIn, Phase, Schema, ScopeId, ScopeOutcome, ScopeResult, TableSpec,
};
use serde_json::{Value, json};

use super::*;

const WIDE: Shape = Shape {
    rows: 1000,
    bytes: 1 << 20,
    envelope: Envelope::Plain,
};

fn encoder(shape: Shape) -> Encoder {
    let crawl = Crawl {
        id: "c-1".to_owned(),
        edition: "c-1.e".to_owned(),
        name: "20260901T120000Z".to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Encoder::new(crawl, shape)
}

const START: MessagePosition = MessagePosition {
    slice: 2,
    first_row: 70,
};

/// The batch id in text: scope `acme/products.list/account=7`, table `t`, piece 3.
const BATCH: &str = "c-1.e/acme/products.list/account=7/t/3";

fn scope(subject: &str) -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: subject.to_owned(),
    })
}

fn batch(origin: Origin) -> Batch {
    let records = records(&[]);
    Batch {
        table: Arc::new(TableSpec {
            name: "t".to_owned(),
            summary: String::new(),
            schema: records.schema(),
            key: Vec::new(),
            key_in: KeyIn::Scope,
        }),
        scope: scope("account=7"),
        piece: 3,
        origin,
        records,
    }
}

/// Encodes these rows as if they were in the middle of a batch.
fn rows(encoder: &Encoder, records: &RecordBatch) -> Vec<Message> {
    let head = encoder.head(&batch(Origin::Read));
    encoder.rows(&head, START, records).unwrap()
}

fn records(texts: &[&str]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("text", DataType::Utf8, true),
    ]);
    let ids: Int64Array = (0_i64..).take(texts.len()).collect();
    let texts: StringArray = texts.iter().copied().map(Some).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(texts)];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn body(message: &Message) -> Value {
    serde_json::from_slice(&message.body).unwrap()
}

#[test]
fn rows_use_the_payload_that_the_specification_recommends() {
    let messages = rows(&encoder(WIDE), &records(&["a", "b"]));
    assert_eq!(messages.len(), 1);
    let text = String::from_utf8(messages[0].body.to_vec()).unwrap();
    assert_eq!(
        text,
        r#"{"type":"fortilake.rows","timestamp":"2026-09-01T12:00:00Z","data":{"crawl_id":"c-1","#
            .to_owned()
            + r#""snapshot":"20260901T120000Z","table":"t","scope":"acme/products.list/account=7","#
            + r#""batch":"c-1.e/acme/products.list/account=7/t/3","slice":2,"#
            + r#""rows":[{"id":0,"text":"a"},{"id":1,"text":"b"}]}}"#
    );
    let digest = digest::of(&[BATCH, &WIDE.text()]);
    let id = format!("msg_c-1-{digest}-2");
    assert_eq!(messages[0].id.to_string(), id);
    assert_eq!(messages[0].position.as_ref().unwrap().first_row, 70);
    assert_eq!(messages[0].content_type, "application/json");
    assert_eq!(messages[0].rows, 2);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = [
        "\"]}}",
        "\u{2028}\n\r\0",
        "</script>",
        "漢\u{1F600}",
        "{\"a\":1}\\",
    ];
    let messages = rows(&encoder(WIDE), &records(&hostile));
    let rows = body(&messages[0])["data"]["rows"].clone();
    let wanted: Vec<Value> = (0..)
        .zip(hostile)
        .map(|(id, text)| json!({ "id": id, "text": text }))
        .collect();
    assert_eq!(rows, Value::Array(wanted));
}

#[test]
fn rows_can_be_cloudevents_in_structured_mode() {
    let shape = Shape {
        envelope: Envelope::CloudEvents,
        ..WIDE
    };
    let messages = rows(&encoder(shape), &records(&["a"]));
    assert_eq!(messages[0].content_type, "application/cloudevents+json");
    assert_eq!(
        body(&messages[0]),
        json!({
            "specversion": "1.0",
            "id": messages[0].id.to_string(),
            "source": "urn:fortilake:crawl:c-1",
            "type": "fortilake.rows",
            "subject": "t",
            "time": "2026-09-01T12:00:00Z",
            "datacontenttype": "application/json",
            "data": {
                "crawl_id": "c-1", "snapshot": "20260901T120000Z",
                "table": "t", "scope": "acme/products.list/account=7", "batch": BATCH, "slice": 2,
                "rows": [{ "id": 0, "text": "a" }],
            },
        })
    );
}

#[test]
fn bodies_stay_within_the_limit_and_rows_in_order() {
    let texts: Vec<String> = (0..200).map(|n| "x".repeat(n % 50)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let records = records(&texts);
    for bytes in [1024, 1500, 4096] {
        for envelope in [Envelope::Plain, Envelope::CloudEvents] {
            let encoder = encoder(Shape {
                rows: 1000,
                bytes,
                envelope,
            });
            let messages = rows(&encoder, &records);
            assert!(messages.len() > 1);
            assert!(messages.iter().all(|message| message.body.len() <= bytes));
            let rows: Vec<Value> = messages
                .iter()
                .flat_map(|message| body(message)["data"]["rows"].as_array().unwrap().clone())
                .collect();
            let ids: Vec<_> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
            assert_eq!(ids, (0..200).collect::<Vec<_>>());
            let pieces: Vec<_> = messages
                .iter()
                .map(|message| body(message)["data"]["slice"].as_u64().unwrap())
                .collect();
            assert_eq!(pieces, (2..).take(messages.len()).collect::<Vec<_>>());
            // Messages are as full as possible: the first row of the next one would not have fit.
            for pair in messages.windows(2) {
                let next = body(&pair[1])["data"]["rows"][0].to_string();
                assert!(pair[0].body.len() + 1 + next.len() > bytes);
            }
        }
    }
}

#[test]
fn a_row_beyond_the_limit_is_sent_alone() {
    let long = "x".repeat(3000);
    let encoder = encoder(Shape {
        bytes: 1024,
        ..WIDE
    });
    let messages = rows(&encoder, &records(&["a", &long, "b"]));
    let rows: Vec<u64> = messages.iter().map(|message| message.rows).collect();
    assert_eq!(rows, [1, 1, 1]);
    assert!(messages[1].body.len() > 3000);
}

#[test]
fn no_rows_make_no_message() {
    assert!(rows(&encoder(WIDE), &records(&[])).is_empty());
}

#[test]
fn carried_rows_name_their_crawl() {
    let crawl = "20260831T120000Z-0000".to_owned();
    let encoder = encoder(WIDE);
    let head = encoder.head(&batch(Origin::Carried { crawl }));
    let messages = encoder.rows(&head, START, &records(&["a"])).unwrap();
    let data = &body(&messages[0])["data"];
    assert_eq!(data["carried_from"], "20260831T120000Z-0000");
}

#[test]
fn equal_ids_mean_equal_bodies() {
    let texts: Vec<String> = (0..90).map(|n| "x".repeat(n)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let records = records(&texts);
    let mut bodies = BTreeMap::new();
    for bytes in [1024, 1500, 4096] {
        for envelope in [Envelope::Plain, Envelope::CloudEvents] {
            let encoder = encoder(Shape {
                rows: 1000,
                bytes,
                envelope,
            });
            for message in rows(&encoder, &records) {
                let known = bodies.insert(message.id.to_string(), message.body);
                assert_eq!(known, None, "other limits make other ids");
            }
        }
    }
}

#[test]
fn a_summary_contains_the_outcome_and_the_number_of_messages() {
    let complete = ScopeOutcome {
        scope: scope("account=6"),
        result: ScopeResult::Complete,
        rows: BTreeMap::from([("t".to_owned(), 9)]),
        observed_at: 0,
    };
    let failed = ScopeOutcome {
        scope: scope("account=7"),
        result: ScopeResult::Failed {
            error: "refused".to_owned(),
        },
        rows: BTreeMap::new(),
        observed_at: 0,
    };
    let outcome = Outcome {
        complete: false,
        scopes: vec![complete, failed],
        selection: Selection {
            accounts: Some(BTreeSet::from([6, 7])),
            ..Selection::default()
        },
        tables: BTreeMap::from([("t".to_owned(), 9)]),
        finished_at: 1_788_266_400_000_000,
        changes_since: None,
        ..Outcome::default()
    };
    let messages = BTreeMap::from([("t".to_owned(), 2)]);
    let message = encoder(WIDE).summary(&outcome, &messages).unwrap();
    assert!(message.id.is_summary() && message.position.is_none());
    assert_eq!(
        body(&message),
        json!({
            "type": "fortilake.summary",
            "timestamp": "2026-09-01T12:40:00Z",
            "data": {
                "crawl_id": "c-1",
                "snapshot": "20260901T120000Z",
                "started_at": "2026-09-01T12:00:00Z",
                "finished_at": "2026-09-01T12:40:00Z",
                "complete": false,
                "scopes": { "complete": 1, "failed": 1, "carried": 0 },
                "failed": [{
                    "scope": "acme/products.list/account=7",
                    "source": "acme", "endpoint": "products/list",
                    "account_id": 7, "ou_id": null, "error": "refused",
                }],
                "selection": { "accounts": [6, 7] },
                "tables": [{ "table": "t", "rows": 9, "messages": 2 }],
            },
        })
    );
    let again = encoder(WIDE).summary(&outcome, &messages).unwrap();
    assert_eq!(again.body, message.body);
}
