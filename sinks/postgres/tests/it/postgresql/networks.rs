//! What lies between the sink and the server: a pooler, and a connection that breaks.

use fortilake_postgres::testing::{
    connect,
    networks::{Pooler, break_at_commit},
    server,
};
use fortilake_sink::{Options, Standing};
use serde_json::json;

use super::crawls::{Load, changes, column, rows};

#[tokio::test]
#[ignore = "needs PostgreSQL and PgBouncer: cargo xtask interop"]
async fn works_behind_a_pooler_in_transaction_mode() {
    let database = server().database().await;
    let pooler = Pooler::start().await;
    let url = format!(
        "postgres://postgres@127.0.0.1:{}/{}",
        pooler.port, database.name
    );
    let options = Options::from_iter([("url", json!(url))]);
    let load = |number, name| {
        let load = Load::new(number).account(1);
        load.rows("things", &[(1, None, Some(name))])
            .rows("parts", &[(1, None, Some(name))])
    };
    // Two sinks and another client take turns on the one connection.
    let first = load(1, "one").begin(&options).await.unwrap();
    let second = load(2, "two").begin(&options).await.unwrap();
    let other = connect(&url).await;
    let (one, two) = (load(1, "one").outcome(), load(2, "two").outcome());
    let others = async {
        for _ in 0..20 {
            other.simple_query("SELECT 1").await.unwrap();
        }
    };
    let (first, second, ()) = tokio::join!(first.finish(&one), second.finish(&two), others);
    first.unwrap();
    assert_eq!(second.unwrap().standing, Standing::Latest);
    assert_eq!(rows(&database, "things").await, ["1 - two"]);
    // Nothing of the sink is left on the shared connection: no setting, lock, statement or temporary table.
    let left = "SELECT concat_ws(' ', current_setting('statement_timeout'), \
                (SELECT count(*) FROM pg_prepared_statements), \
                (SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
                  WHERE locktype = 'advisory' AND datname = current_database()), \
                (SELECT count(*) FROM pg_class WHERE relpersistence = 't'))";
    let messages = other.simple_query(left).await.unwrap();
    let row = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    assert_eq!(row, Some("0 0 0 0"));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_commit_whose_answer_is_lost_is_found() {
    let database = server().database().await;
    // The first commit is that of the claim.
    let port = break_at_commit(1).await;
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}", database.name);
    let options = Options::from_iter([("url", json!(url))]);
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    let receipt = load.deliver_with(&options).await.unwrap();
    assert_eq!(receipt.rows, 1);
    assert_eq!(rows(&database, "things").await, ["1 - one"]);
    assert_eq!(changes(&database).await, ["1/0/0"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_claim_whose_answer_is_lost_keeps_its_name() {
    let database = server().database().await;
    let port = break_at_commit(0).await;
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}", database.name);
    let options = Options::from_iter([("url", json!(url))]);
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    assert!(load.begin(&options).await.err().unwrap().is_transient());
    load.deliver_with(&options).await.unwrap();
    let names = "SELECT name FROM fortinet.fortilake_snapshots";
    assert_eq!(column(&database, names).await, ["20260901T120100Z"]);
}
