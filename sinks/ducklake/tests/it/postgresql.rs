//! What only a catalog in a PostgreSQL database can do, or can do wrong.
//!
//! The tests need a server, so `cargo xtask interop` runs them.

use std::fs;

use fortilake_postgres::testing::networks::{Pooler, break_at_commit};
use fortilake_postgres::testing::{Database, HOST, server};
use fortilake_sink::{Kind, Options};
use serde_json::{Value, json};

use crate::lake::Lake;
use crate::story::{publish, publish_with, with_causes};

const PASSWORD: &str = "hunter2-s3cret";

fn options<const N: usize>(options: [(&str, Value); N]) -> Options {
    Options::from_iter(options)
}

fn database(lake: &Lake) -> &Database {
    lake.database.as_ref().unwrap()
}

/// The versions with their snapshots.
async fn versions(lake: &Lake) -> Vec<String> {
    let sql =
        "SELECT snapshot_id || ' ' || substr(name, 1, 8) FROM fortilake_snapshots ORDER BY name";
    lake.query(sql).await
}

/// All rows of all tables, as lines. Columns with random UUIDs are left out, and so is the path of the database.
async fn dump(lake: &Lake, tables: &[(String, String)]) -> Vec<String> {
    let booleans = "SELECT table_name || '.' || column_name FROM information_schema.columns
                    WHERE data_type = 'boolean'";
    let booleans = match lake.rows(booleans, 1).await {
        Some(rows) => rows.into_iter().flatten().flatten().collect(),
        // SQLite has no such table, and no booleans.
        None => Vec::new(),
    };
    let mut lines = Vec::new();
    for (table, column) in tables {
        if column.ends_with("_uuid") {
            continue;
        }
        let value = if booleans.contains(&format!("{table}.{column}")) {
            format!("CAST({column} AS INTEGER)")
        } else {
            column.clone()
        };
        let sql = format!("SELECT coalesce(CAST({value} AS TEXT), 'NULL') FROM {table}");
        let cells = lake.query(&sql).await.into_iter();
        let cells = cells.filter(|cell| !cell.ends_with(".files/"));
        // PostgreSQL leaves out digits that are zero.
        let mut cells: Vec<_> = cells
            .map(|cell| cell.replace(".000000+00", "+00"))
            .collect();
        cells.sort();
        lines.push(format!("{table}.{column}: {}", cells.join(" ")));
    }
    lines
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn both_databases_get_the_same_rows() {
    let (file, lake) = (Lake::new(), Lake::in_postgres().await);
    for (day, sizes) in [(1, None), (2, Some([5, 10])), (3, Some([-7, 1])), (4, None)] {
        let sizes = sizes.as_ref().map(<[_; 2]>::as_slice);
        publish(&file, None, day, sizes).await.unwrap();
    }
    // It gets what the place already has.
    let place = [("data", json!(file.data()))];
    publish_with(&lake, options(place), 4, None).await.unwrap();
    let columns = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table' ORDER BY m.name, c.cid";
    let columns = file.rows(columns, 2).await.unwrap();
    let columns = columns.into_iter().map(|mut row| {
        let column = row.pop().unwrap().unwrap();
        (row.pop().unwrap().unwrap(), column)
    });
    let columns: Vec<_> = columns.collect();
    assert!(columns.len() > 100, "{columns:?}");
    assert_eq!(dump(&lake, &columns).await, dump(&file, &columns).await);
    let uuids = "SELECT DISTINCT CAST(table_uuid AS TEXT) FROM ducklake_table";
    assert_eq!(lake.query(uuids).await.len(), 2);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_commit_whose_answer_is_lost_is_found() {
    // The newest snapshot is read in a transaction, then one is registered, and then the version is read.
    for before in 0..3 {
        let lake = Lake::in_postgres().await;
        let port = break_at_commit(before).await;
        let name = &database(&lake).name;
        let url = format!("postgres://postgres@127.0.0.1:{port}/{name}");
        let catalog = [("catalog", json!(url))];
        publish_with(&lake, options(catalog), 1, None)
            .await
            .unwrap();
        assert_eq!(versions(&lake).await, ["1 20260901"], "{before}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_connection_that_breaks_in_a_transaction_leaves_nothing() {
    let lake = Lake::in_postgres().await;
    publish(&lake, None, 1, None).await.unwrap();
    // Almost all rows are written when this row comes.
    let die = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql
               AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
               CREATE TRIGGER die BEFORE INSERT ON fortilake_snapshots FOR EACH ROW EXECUTE FUNCTION die()";
    let client = database(&lake).client().await;
    client.batch_execute(die).await.unwrap();
    let error = publish(&lake, None, 2, Some(&[1, 2])).await.unwrap_err();
    assert!(error.is_transient(), "{}", with_causes(&error));
    assert_eq!(versions(&lake).await, ["1 20260901"]);
    let counts = "SELECT count(*) || '' FROM ducklake_data_file UNION ALL
                  SELECT count(*) || '' FROM ducklake_table UNION ALL
                  SELECT count(*) || '' FROM ducklake_data_file WHERE end_snapshot IS NOT NULL";
    assert_eq!(lake.query(counts).await, ["1", "1", "0"]);
    let heal = "DROP TRIGGER die ON fortilake_snapshots";
    client.batch_execute(heal).await.unwrap();
    publish(&lake, None, 2, Some(&[1, 2])).await.unwrap();
    assert_eq!(versions(&lake).await, ["1 20260901", "2 20260902"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_version_that_another_program_takes_is_not_ours() {
    let lake = Lake::in_postgres().await;
    publish(&lake, None, 1, None).await.unwrap();
    // What DuckDB does, which knows nothing of our lock.
    let other = database(&lake).client().await;
    let take = "BEGIN; INSERT INTO ducklake_snapshot SELECT snapshot_id + 1, snapshot_time + INTERVAL '1 day',
                schema_version, next_catalog_id + 5, next_file_id + 5 FROM ducklake_snapshot WHERE snapshot_id = 1";
    other.batch_execute(take).await.unwrap();
    let commit = async {
        let watch = database(&lake).client().await;
        let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while watch.query(waiting, &[]).await.unwrap().is_empty() {}
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (published, ()) = tokio::join!(publish(&lake, None, 2, None), commit);
    published.unwrap();
    assert_eq!(versions(&lake).await, ["1 20260901", "3 20260902"]);
    // The ids continue after those of the other program.
    let ids = "SELECT (max(f.data_file_id) >= max(s.next_file_id)) || '' FROM ducklake_data_file f, ducklake_snapshot s
               WHERE s.snapshot_id = 2";
    assert_eq!(lake.query(ids).await, ["true"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn registrations_take_turns() {
    let lake = Lake::in_postgres().await;
    let days = (1..=4).map(|day| publish(&lake, None, day, None));
    let [one, two, three, four] = days.collect::<Vec<_>>().try_into().ok().unwrap();
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    for published in [one, two, three, four] {
        published.unwrap();
    }
    let names = versions(&lake).await;
    // A snapshot that comes too late for its place in the order is left out.
    assert_eq!(names.last().unwrap().split_once(' ').unwrap().1, "20260904");
    let order: Vec<_> = names.iter().map(|name| name[..1].to_owned()).collect();
    let counted: Vec<_> = (1..=names.len()).map(|number| number.to_string()).collect();
    assert_eq!(order, counted);
}

#[tokio::test]
#[ignore = "needs PostgreSQL and PgBouncer: cargo xtask interop"]
async fn works_behind_a_pooler_in_transaction_mode() {
    let lake = Lake::in_postgres().await;
    let pooler = Pooler::start().await;
    let name = &database(&lake).name;
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", pooler.port);
    for day in 1..=2 {
        let catalog = [("catalog", json!(url))];
        publish_with(&lake, options(catalog), day, None)
            .await
            .unwrap();
    }
    assert_eq!(versions(&lake).await, ["1 20260901", "2 20260902"]);
    // Nothing is left on the connection that all clients of the pooler share.
    let client = fortilake_postgres::testing::connect(&url).await;
    let left = "SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('search_path'),
                (SELECT count(*) FROM pg_prepared_statements),
                (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()))";
    let row = client.query_typed(left, &[]).await.unwrap();
    assert_eq!(row[0].get::<_, &str>(0), "0 \"$user\", public 0 0");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_missing_privilege_is_named_with_the_statement_that_grants_it() {
    let lake = Lake::in_postgres().await;
    let client = database(&lake).client().await;
    let user = format!("user_of_{}", database(&lake).name);
    client
        .batch_execute(&format!("CREATE USER {user}"))
        .await
        .unwrap();
    let more = || {
        options([
            ("catalog", json!(database(&lake).url_of(&user))),
            ("catalog_schema", json!("The lake")),
        ])
    };
    let statement = async || {
        let error = publish_with(&lake, more(), 1, None).await.unwrap_err();
        let text = with_causes(&error);
        assert_eq!(error.kind(), Kind::Config, "{text}");
        let (_, statement) = text.split_once("run `").unwrap();
        statement.split_once('`').unwrap().0.to_owned()
    };
    let create = statement().await;
    assert_eq!(
        create,
        format!("CREATE SCHEMA \"The lake\" AUTHORIZATION \"{user}\"")
    );
    client
        .batch_execute("CREATE SCHEMA \"The lake\"")
        .await
        .unwrap();
    client.batch_execute(&statement().await).await.unwrap();
    publish_with(&lake, more(), 1, None).await.unwrap();
    let owner = "ALTER TABLE \"The lake\".ducklake_column OWNER TO postgres";
    client.batch_execute(owner).await.unwrap();
    let grant = statement().await;
    client.batch_execute(&grant).await.unwrap();
    publish_with(&lake, more(), 2, None).await.unwrap();
    // Other programs write without our search path, and may not read our tables. They keep our files nevertheless.
    let expire = format!(
        "CREATE USER other_{user}; GRANT USAGE ON SCHEMA \"The lake\" TO other_{user};
         GRANT ALL ON \"The lake\".ducklake_files_scheduled_for_deletion TO other_{user};
         GRANT SELECT ON \"The lake\".ducklake_data_file TO other_{user}; SET ROLE other_{user};
         INSERT INTO \"The lake\".ducklake_files_scheduled_for_deletion
         SELECT data_file_id, path, false, now() FROM \"The lake\".ducklake_data_file
         UNION ALL SELECT 77, '/elsewhere/x.parquet', false, now()"
    );
    client.batch_execute(&expire).await.unwrap();
    let scheduled = "SELECT path FROM \"The lake\".ducklake_files_scheduled_for_deletion";
    assert_eq!(lake.query(scheduled).await, ["/elsewhere/x.parquet"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn the_password_is_used_and_never_shown() {
    let lake = Lake::in_postgres().await;
    let client = database(&lake).client().await;
    let create = format!(
        "CREATE ROLE secret LOGIN PASSWORD '{PASSWORD}'; GRANT CREATE ON SCHEMA public TO secret"
    );
    client.batch_execute(&create).await.unwrap();
    let with = |password: &str| {
        options([
            ("catalog", json!(database(&lake).url_of("secret"))),
            ("catalog_password", json!(password)),
        ])
    };
    let wrong = format!("{PASSWORD}!");
    let error = publish_with(&lake, with(&wrong), 1, None)
        .await
        .unwrap_err();
    let text = with_causes(&error);
    assert_eq!(error.kind(), Kind::Config, "{text}");
    assert!(text.contains("rejected the user `secret`"), "{text}");
    assert!(!format!("{text} {error:?}").contains(PASSWORD), "{text}");
    publish_with(&lake, with(PASSWORD), 1, None).await.unwrap();
    let records = fs::read_dir(lake.data().join("_fortilake/catalogs")).unwrap();
    let records: Vec<_> = records
        .map(|record| fs::read_to_string(record.unwrap().path()).unwrap())
        .collect();
    let [record] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert!(!record.contains(PASSWORD), "{record}");
    let record: Value = serde_json::from_str(record).unwrap();
    let name = &database(&lake).name;
    let expected = json!({
        "snapshot": "20260901T120000Z",
        "catalog": format!("postgres://127.0.0.1:{}/{name}", server().port),
        "schema": "public",
        "version": 1,
    });
    assert_eq!(record, expected);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn the_certificate_of_the_server_is_verified() {
    let lake = Lake::in_postgres().await;
    let name = &database(&lake).name;
    let port = server().port;
    let url = format!("postgres://postgres@{HOST}:{port}/{name}?sslmode=verify-full");
    let catalog = || ("catalog", json!(url));
    let error = publish_with(&lake, options([catalog()]), 1, None).await;
    let error = error.unwrap_err();
    let text = with_causes(&error);
    assert_eq!(error.kind(), Kind::Config, "{text}");
    assert!(
        text.contains("for a private CA, set `catalog_ca_cert`"),
        "{text}"
    );
    let trusted = [catalog(), ("catalog_ca_cert", json!(server().ca()))];
    publish_with(&lake, options(trusted), 1, None)
        .await
        .unwrap();
    assert_eq!(versions(&lake).await, ["1 20260901"]);
}
