//! A queue that nobody empties for a while.

use std::sync::Arc;

use arrow_array::{Int64Array, cast::AsArray as _, types::Int64Type};
use arrow_schema::{DataType, Field, Schema};
use fortilake_sink::{Batch, Outcome, RecordBatch, TableSpec};

use super::{Message, WAITING_BATCHES, queue};

fn batch(sequence: u64) -> Arc<Batch> {
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let ids = Int64Array::from_iter([Some(sequence.cast_signed()), None]);
    Arc::new(Batch {
        table: Arc::new(TableSpec {
            name: "things".to_owned(),
            summary: "A thing.".to_owned(),
            key: Vec::new(),
            schema: schema.clone(),
        }),
        sequence,
        records: RecordBatch::try_new(schema, vec![Arc::new(ids)]).unwrap(),
    })
}

#[tokio::test]
async fn nothing_waits_for_a_slow_sink_and_nothing_is_lost_or_out_of_order() {
    let many = WAITING_BATCHES as u64 * 5;
    let (sender, receiver) = queue();
    for sequence in 0..many {
        assert!(sender.send(&batch(sequence)).await);
    }
    let mut expected = 0;
    // Half of it is taken, then more comes while the rest waits in the file.
    for round in 0..2 {
        while expected < (round + 1) * many {
            let Some(Message::Write(found)) = receiver.next().await.unwrap() else {
                panic!("batch {expected} is missing");
            };
            assert_eq!(found.sequence, expected);
            assert_eq!(found.records, batch(expected).records);
            let ids = found.records.column(0).as_primitive::<Int64Type>();
            assert_eq!(ids.value(0), expected.cast_signed());
            if expected == many / 2 {
                for sequence in many..many * 2 {
                    assert!(sender.send(&batch(sequence)).await);
                }
                sender.finish(Arc::new(Outcome::default()));
            }
            expected += 1;
        }
    }
    assert!(matches!(
        receiver.next().await,
        Ok(Some(Message::Finish(_)))
    ));
    drop(sender);
    assert!(matches!(receiver.next().await, Ok(None)));
}

#[tokio::test]
async fn a_sink_that_is_gone_takes_nothing() {
    let (sender, receiver) = queue();
    assert!(sender.send(&batch(0)).await);
    drop(receiver);
    assert!(!sender.send(&batch(1)).await);
}
