//! Tests of bodies, and of dividing rows into messages.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use fortilake_sink::{DataType, Field, Schema};
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
        snapshot: "20260901T120000Z".to_owned(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Encoder::new(crawl, shape)
}

fn first() -> Piece {
    Piece {
        table: "t".to_owned(),
        sequence: 7,
        number: 2,
    }
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
fn rows_come_in_the_payload_that_the_specification_recommends() {
    let messages = encoder(WIDE).rows(&first(), &records(&["a", "b"])).unwrap();
    assert_eq!(messages.len(), 1);
    let text = String::from_utf8(messages[0].body.to_vec()).unwrap();
    assert_eq!(
        text,
        r#"{"type":"fortilake.rows","timestamp":"2026-09-01T12:00:00Z","data":{"crawl_id":"c-1","#
            .to_owned()
            + r#""snapshot":"20260901T120000Z","table":"t","sequence":7,"piece":2,"#
            + r#""rows":[{"id":0,"text":"a"},{"id":1,"text":"b"}]}}"#
    );
    assert_eq!(messages[0].id.to_string(), "msg_c-1-t-7-2");
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
    let messages = encoder(WIDE).rows(&first(), &records(&hostile)).unwrap();
    let rows = body(&messages[0])["data"]["rows"].clone();
    let wanted: Vec<Value> = (0..)
        .zip(hostile)
        .map(|(id, text)| json!({ "id": id, "text": text }))
        .collect();
    assert_eq!(rows, Value::Array(wanted));
}

#[test]
fn rows_come_as_cloudevents_in_structured_mode() {
    let shape = Shape {
        envelope: Envelope::CloudEvents,
        ..WIDE
    };
    let messages = encoder(shape).rows(&first(), &records(&["a"])).unwrap();
    assert_eq!(messages[0].content_type, "application/cloudevents+json");
    assert_eq!(
        body(&messages[0]),
        json!({
            "specversion": "1.0",
            "id": "msg_c-1-t-7-2",
            "source": "urn:fortilake:crawl:c-1",
            "type": "fortilake.rows",
            "subject": "t",
            "time": "2026-09-01T12:00:00Z",
            "datacontenttype": "application/json",
            "data": {
                "crawl_id": "c-1", "snapshot": "20260901T120000Z",
                "table": "t", "sequence": 7, "piece": 2,
                "rows": [{ "id": 0, "text": "a" }],
            },
        })
    );
}

#[test]
fn bodies_keep_the_bound_and_rows_their_order() {
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
            let messages = encoder.rows(&first(), &records).unwrap();
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
                .map(|message| body(message)["data"]["piece"].as_u64().unwrap())
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
fn a_row_beyond_the_bound_goes_alone() {
    let long = "x".repeat(3000);
    let encoder = encoder(Shape {
        bytes: 1024,
        ..WIDE
    });
    let messages = encoder
        .rows(&first(), &records(&["a", &long, "b"]))
        .unwrap();
    let rows: Vec<u64> = messages.iter().map(|message| message.rows).collect();
    assert_eq!(rows, [1, 1, 1]);
    assert!(messages[1].body.len() > 3000);
}

#[test]
fn no_rows_are_no_message() {
    assert!(
        encoder(WIDE)
            .rows(&first(), &records(&[]))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_summary_tells_the_outcome_and_how_many_messages_there_were() {
    let outcome = Outcome {
        complete: false,
        scopes: Scopes {
            complete: 3,
            failed: 1,
        },
        failed: vec![FailedScope {
            source: "acme".to_owned(),
            endpoint: "products/list".to_owned(),
            account_id: Some(7),
            ou_id: None,
            error: "refused".to_owned(),
        }],
        tables: Vec::new(),
        finished_at: "2026-09-01T12:30:00Z".to_owned(),
    };
    let tables = [TableSummary {
        table: "t".to_owned(),
        rows: 9,
        messages: 2,
    }];
    let message = encoder(WIDE).summary(&outcome, &tables).unwrap();
    assert_eq!(message.id.to_string(), "msg_c-1-summary");
    assert_eq!(
        body(&message),
        json!({
            "type": "fortilake.summary",
            "timestamp": "2026-09-01T12:30:00Z",
            "data": {
                "crawl_id": "c-1",
                "snapshot": "20260901T120000Z",
                "started_at": "2026-09-01T12:00:00Z",
                "finished_at": "2026-09-01T12:30:00Z",
                "complete": false,
                "scopes": { "complete": 3, "failed": 1 },
                "failed": [{
                    "source": "acme", "endpoint": "products/list",
                    "account_id": 7, "ou_id": null, "error": "refused",
                }],
                "tables": [{ "table": "t", "rows": 9, "messages": 2 }],
            },
        })
    );
}
