//! The conformance suite.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, Fault, Part, View};
use fortilake_sink::{Context, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use fortilake_postgres::testing::{Database, server};

/// A schema of the suite's database.
struct Schema<'a> {
    database: &'a Database,
    name: String,
    spool: TempDir,
}

#[async_trait(?Send)]
impl Destination for Schema<'_> {
    fn options(&self) -> Options {
        Options::from_iter([
            ("url", json!(self.database.url())),
            ("schema", json!(self.name)),
            ("spool", json!(self.spool.path())),
        ])
    }

    async fn read(&self, context: &Context) -> View {
        let client = self.database.client().await;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TimeZone = 'UTC'";
        client.batch_execute(begin).await.unwrap();
        let tables = "SELECT relname::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace \
             WHERE nspname = $1 AND relkind = 'r' ORDER BY 1";
        let mut view = View::default();
        for row in client.query(tables, &[&self.name]).await.unwrap() {
            let table: String = row.get(0);
            if table == "fortilake_snapshots" {
                // The tables contain the newest crawl.
                let newest = format!(
                    "SELECT crawl_id, summary::text FROM \"{}\".fortilake_snapshots \
                     WHERE published_at IS NOT NULL ORDER BY name DESC LIMIT 1",
                    self.name
                );
                let found = client.query_opt(&newest, &[]).await.unwrap();
                let found = found.filter(|row| row.get::<_, &str>(0) == context.crawl.id);
                let summary: Option<String> = found.map(|row| row.get(1));
                view.whole = summary.is_some();
                view.summary = summary.map(|text| serde_json::from_str(&text).unwrap());
            } else if !["fortilake_scopes", "fortilake_version"].contains(&table.as_str()) {
                let rows = format!(
                    "SELECT row_to_json(t)::text FROM \"{}\".\"{table}\" t ORDER BY row_number",
                    self.name
                );
                let rows = client.query(&rows, &[]).await.unwrap();
                let rows = rows.iter().map(|row| cells(&row.get::<_, String>(0)));
                view.parts.push(Part {
                    table,
                    id: None,
                    rows: rows.collect(),
                });
            }
        }
        view
    }

    fn stores(&self, text: &str) -> String {
        text.replace('\0', "\u{fffd}")
    }

    async fn fail(&self, fault: Fault) -> bool {
        let name = &self.database.name;
        let statement = match fault {
            Fault::Down => format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            Fault::Full => trigger("RAISE disk_full"),
            Fault::Slow => trigger("PERFORM pg_sleep(0.3)"),
            _ => return false,
        };
        let client = match fault {
            Fault::Down => {
                fortilake_postgres::testing::connect(&server().url("postgres", "postgres")).await
            }
            _ => self.database.client().await,
        };
        client.batch_execute(&statement).await.unwrap();
        true
    }

    async fn heal(&self) {
        let allow = format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS true",
            self.database.name
        );
        let client =
            fortilake_postgres::testing::connect(&server().url("postgres", "postgres")).await;
        client.batch_execute(&allow).await.unwrap();
        let drop = "DROP EVENT TRIGGER IF EXISTS fault";
        self.database
            .client()
            .await
            .batch_execute(drop)
            .await
            .unwrap();
    }

    async fn leftovers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.spool.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    fn memory(&self) -> Option<u64> {
        Some(48 << 20)
    }

    fn keeps_rows(&self) -> bool {
        true
    }
}

/// Makes the server do something whenever a table is created, which the sink does for each table.
fn trigger(action: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION public.fault() RETURNS event_trigger LANGUAGE plpgsql \
         AS 'BEGIN {action}; END'; \
         CREATE EVENT TRIGGER fault ON ddl_command_start WHEN TAG IN ('CREATE TABLE') \
         EXECUTE FUNCTION public.fault()"
    )
}

/// A row as the suite compares it: without the sink's own column, and timestamps in the suite's form.
fn cells(row: &str) -> Value {
    let mut row: Value = serde_json::from_str(row).unwrap();
    let members = row.as_object_mut().unwrap();
    members.remove("_scope").unwrap();
    for (name, value) in members {
        if let (true, Some(text)) = (name.ends_with("_at"), value.as_str()) {
            *value = json!(text.replace("+00:00", "Z"));
        }
    }
    row
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn passes_the_suite() {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let database = server().database().await;
    let fresh = async || Schema {
        database: &database,
        name: format!("Suite {}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        spool: tempfile::tempdir().unwrap(),
    };
    let report = conformance::run("postgres", fresh).await;
    assert!(report.passed(), "{report}");
    let left_out: Vec<_> = report.left_out().map(|case| case.name).collect();
    assert_eq!(left_out, ["refused", "recover"], "{report}");
}
