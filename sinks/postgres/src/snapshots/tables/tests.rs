//! Tables of older and newer versions, in a database.

/// Tests that start a server of PostgreSQL. The module's name is what `cargo xtask interop` looks for.
mod postgresql {
    use std::time::Duration;

    use fortilake_postgres::ServerAddress;
    use fortilake_postgres::testing::{Database, server};
    use fortilake_sink::Kind;

    use crate::config::Timeouts;
    use crate::connection::{Connection, Connector};
    use crate::snapshots::tables::{MIGRATIONS, prepare, prepare_with};

    /// A second version, which changes a table and its rows.
    const SECOND: &[&str] = &[
        MIGRATIONS[0],
        "ALTER TABLE {schema}.fortilake_snapshots ADD COLUMN size bigint; \
         UPDATE {schema}.fortilake_snapshots SET size = 3",
    ];

    /// A transaction in this database.
    async fn begin(database: &Database) -> Connection {
        let limit = Duration::from_secs(30);
        let timeouts = Timeouts {
            connect: limit,
            statement: limit,
        };
        let address = ServerAddress::parse(&database.url(), "`ca_cert`", limit).expect("a URL");
        let connector = Connector::new(address, None, timeouts).await;
        let connector = connector.expect("no certificates are read");
        connector.begin().await.expect("it connects")
    }

    /// Creates or upgrades the tables, and commits.
    async fn upgrade(database: &Database, migrations: &[&str]) -> fortilake_sink::Result<()> {
        let connection = begin(database).await;
        prepare_with(&connection, "a \"b\"", migrations).await?;
        connection.commit().await
    }

    async fn number(database: &Database, sql: &str) -> i64 {
        let client = database.client().await;
        let sql = sql.replace("{schema}", "\"a \"\"b\"\"\"");
        let row = client.query_one(&sql, &[]).await.expect("a row");
        row.get(0)
    }

    const VERSION: &str = "SELECT max(number) FROM {schema}.fortilake_version HAVING count(*) = 1";

    async fn insert(database: &Database) {
        let insert = "WITH added AS (INSERT INTO {schema}.fortilake_snapshots (name, crawl_id, started_at, generator) \
                      VALUES ('20260901T120000Z', 'one', '', '') RETURNING 1) SELECT count(*) FROM added";
        assert_eq!(number(database, insert).await, 1);
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    async fn tables_of_the_first_version_are_upgraded_and_keep_their_rows() {
        for has_version in [true, false] {
            let database = server().database().await;
            upgrade(&database, &MIGRATIONS[..1])
                .await
                .expect("it creates the tables");
            assert_eq!(number(&database, VERSION).await, 1);
            insert(&database).await;
            if !has_version {
                // As the first programs left it.
                let client = database.client().await;
                let drop = "DROP TABLE \"a \"\"b\"\"\".fortilake_version";
                client.batch_execute(drop).await.expect("it is dropped");
                upgrade(&database, &MIGRATIONS[..1])
                    .await
                    .expect("it is known");
            }
            for _ in 0..2 {
                upgrade(&database, SECOND)
                    .await
                    .expect("it upgrades the tables once");
                assert_eq!(number(&database, VERSION).await, 2);
                let sizes = "SELECT sum(size)::bigint FROM {schema}.fortilake_snapshots";
                assert_eq!(number(&database, sizes).await, 3);
            }
            let error = upgrade(&database, MIGRATIONS)
                .await
                .expect_err("it is older");
            assert_eq!(error.kind(), Kind::Config);
            let text = error.to_string();
            assert!(
                text.contains(
                    "have version 2, but this program supports versions up to 1; upgrade fortilake"
                ),
                "{text}"
            );
        }
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    async fn an_upgrade_that_fails_changes_nothing() {
        let database = server().database().await;
        upgrade(&database, &MIGRATIONS[..1])
            .await
            .expect("it creates the tables");
        insert(&database).await;
        let broken = &[
            MIGRATIONS[0],
            "DELETE FROM {schema}.fortilake_snapshots; CREATE TABLE {schema}.fortilake_scopes ()",
        ];
        let error = upgrade(&database, broken)
            .await
            .expect_err("the table exists");
        let text = error.to_string();
        assert!(
            text.starts_with(
                "cannot upgrade the tables of snapshots and scopes from version 1 to 2"
            ),
            "{text}"
        );
        assert_eq!(number(&database, VERSION).await, 1);
        assert_eq!(
            number(
                &database,
                "SELECT count(*) FROM {schema}.fortilake_snapshots"
            )
            .await,
            1
        );
        upgrade(&database, SECOND)
            .await
            .expect("it upgrades the tables");
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    async fn nothing_is_written_to_tables_of_this_version() {
        let database = server().database().await;
        upgrade(&database, MIGRATIONS)
            .await
            .expect("it creates the tables");
        let before = number(
            &database,
            "SELECT xmin::text::bigint FROM {schema}.fortilake_version",
        )
        .await;
        let connection = begin(&database).await;
        prepare(&connection, "a \"b\"")
            .await
            .expect("nothing is missing");
        connection.commit().await.expect("it commits");
        let after = number(
            &database,
            "SELECT xmin::text::bigint FROM {schema}.fortilake_version",
        )
        .await;
        assert_eq!(before, after);
    }
}
