//! Tables stay: what others built on them survives, and what did not change is not written.

use std::sync::Arc;

use arrow_array::{Int64Array, StringArray};
use fortilake_sink::{DataType, Field, KeyIn};

use super::crawls::{Load, changes, column, rows, table, text};
use fortilake_postgres::testing::server;

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn views_and_grants_survive() {
    let database = server().database().await;
    let first = Load::new(1).account(1);
    let first = first.rows("things", &[(1, None, Some("one")), (2, None, Some("two"))]);
    first.deliver(&database).await;
    let reader = format!("reader_of_{}", database.name);
    let client = database.client().await;
    client
        .batch_execute(&format!(
            "CREATE ROLE {reader}; GRANT USAGE ON SCHEMA fortinet TO {reader}; \
             GRANT SELECT ON fortinet.things TO {reader}; \
             CREATE VIEW public.names AS SELECT name FROM fortinet.things; \
             CREATE INDEX mine ON fortinet.things (name)"
        ))
        .await
        .unwrap();
    let second = Load::new(2).account(1);
    let second = second.rows(
        "things",
        &[(2, None, Some("zwei")), (3, None, Some("three"))],
    );
    second.deliver(&database).await;

    let names = "SELECT name FROM public.names ORDER BY 1";
    assert_eq!(column(&database, names).await, ["three", "zwei"]);
    let as_reader = format!("SET ROLE {reader}; SELECT name FROM fortinet.things ORDER BY 1");
    assert_eq!(column(&database, &as_reader).await, ["three", "zwei"]);
    assert_eq!(changes(&database).await, ["2/0/0", "1/1/1"]);
}

/// `xmin` and `ctid` change when a row is written, and `xmax` when it is locked.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_crawl_without_changes_writes_no_row() {
    let database = server().database().await;
    let load = |number| {
        let load = Load::new(number).account(1);
        let load = load.rows("things", &[(1, None, Some("one")), (1, Some(""), None)]);
        let load = load.rows("things", &[(2, Some("x"), Some("two"))]);
        load.rows("owners", &[(7, None, Some("seven"))])
    };
    load(1).deliver(&database).await;
    let state = "SELECT concat_ws(' ', xmin, xmax, ctid, _crawl_id) FROM fortinet.things \
                 UNION ALL SELECT concat_ws(' ', xmin, xmax, ctid, _crawl_id) FROM fortinet.owners";
    let before = column(&database, state).await;
    assert_eq!(before.len(), 4);
    // Another crawl, so other values in `_crawl_id` and `_observed_at`.
    load(2).deliver(&database).await;
    // The same crawl again.
    load(2).ended().deliver(&database).await;
    assert_eq!(column(&database, state).await, before);
    assert_eq!(changes(&database).await, ["4/0/0", "0/0/0"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_new_column_is_added_with_its_comment() {
    let database = server().database().await;
    let first = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    let first = first.account(2).rows("things", &[(2, None, Some("two"))]);
    first.deliver(&database).await;

    let mut second = Load::new(2).failed(2).account(1);
    let about = [("description".to_owned(), "It's the size.".to_owned())];
    let fields = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("part", text(), true),
        Field::new("size", DataType::Int64, true).with_metadata(about.into()),
        Field::new("name", text(), true),
    ];
    second.tables[0] = table("things", &["id", "part"], KeyIn::Scope, fields);
    let second = second.batch(
        "things",
        vec![
            Arc::new(Int64Array::from(vec![1])),
            Arc::new(StringArray::from(vec![None::<&str>])),
            Arc::new(Int64Array::from(vec![42])),
            Arc::new(StringArray::from(vec!["one"])),
        ],
    );
    second.deliver(&database).await;

    let sizes = "SELECT concat(id, ' ', size) FROM fortinet.things ORDER BY id";
    assert_eq!(column(&database, sizes).await, ["1 42", "2 "]);
    let comment = "SELECT col_description('fortinet.things'::regclass, attnum) FROM pg_attribute \
                   WHERE attrelid = 'fortinet.things'::regclass AND attname = 'size'";
    assert_eq!(column(&database, comment).await, ["It's the size."]);
    let comment = "SELECT obj_description('fortinet.things'::regclass)";
    assert_eq!(column(&database, comment).await, ["One of the things."]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn another_key_replaces_the_constraint() {
    let database = server().database().await;
    let first = Load::new(1)
        .account(1)
        .rows("things", &[(1, Some("a"), Some("one"))]);
    first.deliver(&database).await;
    let mut second = Load::new(2).account(1);
    let mut spec = (*second.tables[0]).clone();
    spec.key = vec!["part".to_owned()];
    second.tables[0] = Arc::new(spec);
    let second = second.rows("things", &[(2, Some("a"), Some("two"))]);
    second.deliver(&database).await;
    assert_eq!(rows(&database, "things").await, ["2 a two"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_table_that_is_not_ours_is_left_alone() {
    let database = server().database().await;
    let client = database.client().await;
    let create = "CREATE SCHEMA fortinet; CREATE TABLE fortinet.things (id bigint, part text); \
                  INSERT INTO fortinet.things VALUES (9, 'mine')";
    client.batch_execute(create).await.unwrap();
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    let options = super::crawls::options(&database, &[]);
    let error = load.deliver_with(&options).await.unwrap_err();
    assert_eq!(error.kind(), fortilake_sink::Kind::Config);
    assert!(error.to_string().contains("`things`"), "{error}");
    let mine = column(&database, "SELECT part FROM fortinet.things").await;
    assert_eq!(mine, ["mine"]);
}
