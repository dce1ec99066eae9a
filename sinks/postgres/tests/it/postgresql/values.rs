//! Values as readers of the database see them.

use std::sync::Arc;

use arrow_array::{Int64Array, StringArray, TimestampMicrosecondArray};
use fortilake_sink::{DataType, Field, KeyIn, TimeUnit};

use super::crawls::{Load, NOON, column, options, rows, table, text};
use fortilake_postgres::testing::server;

/// The wall clock that the API wrote must not be shifted, even to a time that does not exist in the reader's zone.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn timestamps_are_not_shifted() {
    let database = server().database().await;
    let zone = format!(
        "ALTER DATABASE {} SET TimeZone = 'Europe/Berlin'",
        database.name
    );
    database.client().await.batch_execute(&zone).await.unwrap();
    let wall_clock = DataType::Timestamp(TimeUnit::Microsecond, None);
    let mut load = Load::new(1);
    let fields = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("registered_at", wall_clock, true),
    ];
    load.tables = vec![table("products", &["id"], KeyIn::Scope, fields)];
    // 02:30 on the day when Berlin's clocks skip from 02:00 to 03:00.
    let skipped = 1_774_751_400_123_456;
    let load = load.account(1).batch(
        "products",
        vec![
            Arc::new(Int64Array::from(vec![1])),
            Arc::new(TimestampMicrosecondArray::from(vec![skipped])),
        ],
    );
    load.deliver(&database).await;
    let at = "SELECT registered_at::text FROM fortinet.products";
    assert_eq!(column(&database, at).await, ["2026-03-29 02:30:00.123456"]);
    // A point in time is shown in the reader's zone, and is the same point.
    let at = "SELECT _observed_at::text FROM fortinet.products";
    assert_eq!(column(&database, at).await, ["2026-09-01 14:01:00+02"]);
    let at = "SELECT extract(epoch FROM finished_at)::bigint FROM fortinet.fortilake_snapshots";
    let seconds = NOON / 1_000_000 + 60;
    assert_eq!(column(&database, at).await, [seconds.to_string()]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_replaced_character_is_an_issue() {
    let database = server().database().await;
    let mut load = Load::new(1);
    let fields = ["table_name", "key", "column_name", "value", "reason"];
    let fields = fields.map(|name| Field::new(name, text(), true));
    let key = ["table_name", "key", "column_name"];
    load.tables
        .push(table("issues", &key, KeyIn::Table, fields.to_vec()));
    let load = load.account(1);
    let load = load.rows(
        "things",
        &[(1, Some("p"), Some("a\0b")), (2, None, Some("ok"))],
    );
    // The crawl itself reports an issue of the same value.
    let texts = |text: &str| Arc::new(StringArray::from(vec![text]));
    let load = load.batch(
        "issues",
        vec![
            texts("things"),
            texts(r#"{"id":1,"part":"p"}"#),
            texts("name"),
            texts("other"),
            texts("conflict\0"),
        ],
    );
    // The keys of these rows are equal once the character is replaced, and the first row stays.
    let same = [
        (5, Some("\0"), None),
        (5, Some("\u{fffd}"), Some("dropped")),
    ];
    let load = load.account(2).rows("parts", &same);
    let receipt = load.deliver(&database).await;
    // The sink's own rows are not rows of the crawl.
    assert_eq!(receipt.rows, 5);
    assert_eq!(
        rows(&database, "things").await,
        ["1 p a\u{fffd}b", "2 - ok"]
    );
    assert_eq!(rows(&database, "parts").await, ["5 \u{fffd} -"]);
    let issues = "SELECT concat_ws(' ', table_name, key, column_name, value, reason, _scope) \
                  FROM fortinet.issues ORDER BY 1";
    let wanted = [
        "parts {\"id\":5,\"part\":\"\u{fffd}\"} part \u{fffd} U+0000 was replaced by U+FFFD, because PostgreSQL \
         cannot store it acme/products.list/account=2",
        "things {\"id\":1,\"part\":\"p\"} name a\u{fffd}b U+0000 was replaced by U+FFFD, because PostgreSQL \
         cannot store it acme/products.list/account=1",
    ];
    assert_eq!(column(&database, issues).await, wanted);
    let replaced = "SELECT replaced_nul FROM fortinet.fortilake_snapshots";
    assert_eq!(column(&database, replaced).await, ["3"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn history_keeps_old_versions() {
    let database = server().database().await;
    let with = options(&database, &[("history", true.into())]);
    let load = |number, rows: &[(i64, Option<&str>, Option<&str>)]| {
        Load::new(number).account(1).rows("things", rows)
    };
    // The first crawl is delivered without the option: its rows begin when the option is set.
    load(1, &[(1, None, Some("one")), (2, None, Some("two"))])
        .deliver(&database)
        .await;
    let loads = [
        load(2, &[(1, None, Some("one")), (2, None, Some("two"))]),
        load(3, &[(1, None, Some("uno")), (2, None, Some("two"))]),
        load(4, &[(1, None, Some("uno"))]),
        load(5, &[(1, None, Some("uno")), (2, None, Some("two"))]),
    ];
    for load in &loads {
        load.deliver_with(&with).await.unwrap();
    }
    // A replay adds nothing.
    loads[2].clone().ended().deliver_with(&with).await.unwrap();
    let versions = "SET TimeZone = 'UTC'; SELECT concat_ws(' ', id, name, to_char(_valid_from, 'HH24:MI'), \
                    coalesce(to_char(_valid_to, 'HH24:MI'), 'now')) \
                    FROM fortinet.things_history ORDER BY id, _valid_from";
    let wanted = [
        "1 one 12:02 12:03",
        "1 uno 12:03 now",
        "2 two 12:02 12:04",
        "2 two 12:05 now",
    ];
    assert_eq!(column(&database, versions).await, wanted);
}
