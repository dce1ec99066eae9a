//! One transaction: readers see all or nothing, whatever happens in between.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{Int64Array, StringArray};
use fortilake_sink::Kind;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::crawls::{Load, changes, column, options, rows};
use fortilake_postgres::testing::{Database, server};

/// A crawl in which all rows of all tables have the same name.
fn uniform(number: u32) -> Load {
    let name = format!("crawl {number}");
    let row = |id| (id, None, Some(name.as_str()));
    let load = Load::new(number).account(1);
    let load = load.rows("things", &[row(1), row(2), row(3)]);
    load.rows("parts", &[row(1), row(2), row(3)])
}

/// A crawl that takes a while to copy.
fn long(number: u32, rows: i64) -> Load {
    let ids: Int64Array = (0..rows).map(Some).collect();
    let parts: StringArray = (0..rows).map(|_| None::<&str>).collect();
    let text = format!("{number} {}", "x".repeat(200));
    let names: StringArray = (0..rows).map(|_| Some(text.as_str())).collect();
    let columns: Vec<arrow_array::ArrayRef> = vec![Arc::new(ids), Arc::new(parts), Arc::new(names)];
    Load::new(number).account(1).batch("things", columns)
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn all_tables_change_in_one_commit() {
    let database = server().database().await;
    uniform(1).deliver(&database).await;
    let options = options(&database, &[]);
    let publishing = tokio::spawn(async move {
        for number in 2..=20 {
            uniform(number).deliver_with(&options).await.unwrap();
        }
    });
    let client = database.client().await;
    let join = "SELECT count(DISTINCT name)::int4, count(*)::int4, max(name) FROM \
                (SELECT name FROM fortinet.things JOIN fortinet.parts USING (id, name) \
                 UNION ALL SELECT name FROM fortinet.things UNION ALL SELECT name FROM fortinet.parts) t";
    // `part` is null, so the join is by `id` and `name`: it finds a pair only if both tables have the same crawl.
    let mut seen = std::collections::BTreeSet::new();
    while !publishing.is_finished() {
        let row = client.query_one(join, &[]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), 1, "names of two crawls at once");
        assert_eq!(row.get::<_, i32>(1), 9, "a row is missing");
        seen.insert(row.get::<_, String>(2));
    }
    publishing.await.unwrap();
    assert!(seen.len() > 2, "only {seen:?} were seen");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn two_runs_take_turns() {
    let database = server().database().await;
    let mut running = JoinSet::new();
    for number in 1..=6 {
        let options = options(&database, &[]);
        running.spawn(async move { uniform(number).deliver_with(&options).await });
    }
    let mut names = Vec::new();
    while let Some(ended) = running.join_next().await {
        names.extend(ended.unwrap().unwrap().snapshot);
    }
    names.sort();
    let newest = names.last().unwrap();
    let wanted =
        format!("SELECT crawl_id FROM fortinet.fortilake_snapshots WHERE name = '{newest}'");
    let newest = column(&database, &wanted).await[0].replace('-', " ");
    let all = "SELECT DISTINCT name FROM fortinet.things UNION SELECT name FROM fortinet.parts";
    assert_eq!(column(&database, all).await, [newest]);
    assert_eq!(changes(&database).await.len(), 6);
}

/// Ends the connection of the sink as soon as it is in the middle of a statement that begins with `statement`.
async fn end(database: &Database, statement: &str) {
    let client = database.client().await;
    let end = format!(
        "SELECT count(pg_terminate_backend(pid))::int4 FROM pg_stat_activity \
         WHERE datname = current_database() AND state = 'active' AND query LIKE '{statement}%'"
    );
    let ending = async {
        while client.query_one(&end, &[]).await.unwrap().get::<_, i32>(0) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_mins(1), ending).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_killed_backend_changes_nothing() {
    let database = server().database().await;
    uniform(1).deliver(&database).await;
    let before = rows(&database, "things").await;
    let load = long(2, 200_000);
    for statement in ["COPY pg_temp.fortilake_staged", "WITH changed AS"] {
        let sink = load.begin(&options(&database, &[])).await.unwrap();
        let outcome = load.outcome();
        let (finished, ()) = tokio::join!(sink.finish(&outcome), end(&database, statement));
        let error = finished.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
        assert_eq!(rows(&database, "things").await, before, "{statement}");
    }
    let receipt = load.deliver(&database).await;
    assert_eq!(receipt.rows, 200_000);
    assert_eq!(rows(&database, "things").await.len(), 200_000);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_statement_that_takes_too_long_is_an_error_that_names_the_option() {
    let database = server().database().await;
    uniform(1).deliver(&database).await;
    let client = database.client().await;
    let lock = "BEGIN; LOCK TABLE fortinet.things IN EXCLUSIVE MODE";
    client.batch_execute(lock).await.unwrap();
    let limited = options(&database, &[("statement_timeout", "300ms".into())]);
    let error = uniform(2).deliver_with(&limited).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("`statement_timeout`"), "{error}");
    client.batch_execute("ROLLBACK").await.unwrap();
    // While rows are copied, the server's error arrives between messages of the sink.
    let limited = options(&database, &[("statement_timeout", "250ms".into())]);
    let error = long(2, 400_000).deliver_with(&limited).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("copy") && text.contains("`statement_timeout`"),
        "{text}"
    );
    uniform(2).deliver(&database).await;
    assert_eq!(rows(&database, "things").await[0], "1 - crawl 2");
}

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kibibytes * 1024
}

/// The conformance suite measures `write`; this is `finish`, which sends the same rows to the server.
#[tokio::test]
#[cfg(target_os = "linux")]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn publishing_takes_bounded_memory() {
    let database = server().database().await;
    let load = long(1, 400_000);
    let sink = load.begin(&options(&database, &[])).await.unwrap();
    let outcome = load.outcome();
    let before = resident();
    let finishing = tokio::spawn(async move { sink.finish(&outcome).await });
    let mut grown = 0;
    while !finishing.is_finished() {
        sleep(Duration::from_millis(5)).await;
        grown = resident().saturating_sub(before).max(grown);
    }
    let receipt = finishing.await.unwrap().unwrap();
    assert!(
        receipt.bytes > 80 << 20,
        "{} bytes are too few to tell",
        receipt.bytes
    );
    assert!(grown < 16 << 20, "the process grew by {grown} bytes");
}
