//! A connection with deadlines, for one transaction.

use std::cell::Cell as Flag;
use std::time::Duration;

use fortilake_postgres::{Connector, Task, begin, literal, name, statement};
use fortilake_sink::{Error, Kind, Result};
use tokio::runtime::Runtime;
use tokio::time;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::{Server, failed};
use crate::transaction::{Cell, OTHER_TYPE, Param, Row, Transaction, damaged, params};

/// How long one statement may run, including the wait for other transactions.
const STATEMENT: Duration = Duration::from_mins(1);

/// How long the server waits for the next statement.
const IDLE: Duration = Duration::from_mins(1);

/// How much longer than the server to wait. The server's own timeout gives the better error.
const GRACE: Duration = Duration::from_secs(10);

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was committed, or it was rolled back and would be again.
    Settled,
    /// It was rolled back, because another transaction was faster.
    Conflict,
    /// It is unknown whether it was committed.
    InDoubt,
}

/// An open transaction. Dropping it ends the connection, and the server rolls back.
pub(super) struct Session<'a> {
    server: &'a Server,
    runtime: &'a Runtime,
    client: Client,
    task: Task,
    /// Whether a statement failed because another transaction was faster.
    is_conflict: Flag<bool>,
}

impl<'a> Session<'a> {
    /// Connects, begins a transaction, and waits until no other registration runs.
    pub(super) fn begin(
        server: &'a Server,
        runtime: &'a Runtime,
        connector: &Connector,
    ) -> Result<Self> {
        let (client, task) = runtime.block_on(connector.open()).map_err(failed)?;
        let session = Self {
            server,
            runtime,
            client,
            task,
            is_conflict: Flag::new(false),
        };
        // In the search path, the temporary schema would come first if it were not named.
        session.run(&format!(
            "{begin} \
             SET LOCAL synchronous_commit = on; \
             SET LOCAL search_path = {schema}, pg_temp; \
             SELECT pg_advisory_xact_lock(hashtextextended({lock}, 0))",
            begin = begin(STATEMENT, IDLE),
            schema = name(&server.schema),
            lock = literal(&format!("fortilake ducklake {}", server.schema)),
        ))?;
        Ok(session)
    }

    /// Commits, and closes the connection.
    pub(super) fn commit<T>(self, done: T) -> (Result<T>, End) {
        let committed = self.run("COMMIT");
        let is_conflict = self.is_conflict.get();
        self.close();
        match committed {
            Ok(()) => (Ok(done), End::Settled),
            Err(error) if is_conflict => (Err(error), End::Conflict),
            Err(error) => (Err(error), End::InDoubt),
        }
    }

    /// Rolls back after an error, and closes the connection.
    pub(super) fn roll_back<T>(self, error: Error) -> (Result<T>, End) {
        let end = if self.is_conflict.get() {
            End::Conflict
        } else {
            End::Settled
        };
        self.cancel();
        (Err(error), end)
    }

    /// Rolls back and closes the connection.
    pub(super) fn cancel(self) {
        // If this fails, the server rolls back as soon as the connection is closed.
        let _ = self.run("ROLLBACK");
        self.close();
    }

    fn close(self) {
        self.runtime.block_on(self.task.close(self.client));
    }

    /// Runs statements without parameters and results.
    fn run(&self, sql: &str) -> Result<()> {
        self.wait(self.client.batch_execute(sql))
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        let limited = async { time::timeout(STATEMENT + GRACE, call).await };
        match self.runtime.block_on(limited) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if error.code().is_some_and(is_conflict) {
                    self.is_conflict.set(true);
                }
                let action = format!("write the DuckLake catalog {}", self.server);
                Err(failed(statement(action, &error)))
            }
            Err(_) => {
                let text = format!(
                    "cannot write the DuckLake catalog {}: the server did not respond within {} s",
                    self.server,
                    (STATEMENT + GRACE).as_secs()
                );
                Err(Error::new(Kind::Unavailable, text))
            }
        }
    }
}

/// Whether a transaction failed because of another one: it has taken our version, or both waited for each other.
fn is_conflict(code: &SqlState) -> bool {
    *code == SqlState::UNIQUE_VIOLATION || code.code().starts_with("40")
}

impl Transaction for Session<'_> {
    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let params: Vec<_> = params.iter().map(typed).collect();
        self.wait(self.client.execute_typed(sql, &params))
    }

    fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let params: Vec<_> = params.iter().map(typed).collect();
        let rows = self.wait(self.client.query_typed(sql, &params))?;
        let rows = rows.iter().map(|row| {
            let cells = (0..row.len()).map(|index| cell(row, index));
            let cells = cells.collect::<Option<_>>().map(Row::new);
            cells.ok_or_else(|| damaged(OTHER_TYPE))
        });
        rows.collect()
    }

    fn has_table(&self, name: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r'";
        let row = self.query_opt(sql, params![self.server.schema(), name])?;
        Ok(row.is_some())
    }

    fn create_catalog(&self) -> Result<()> {
        // `IF NOT EXISTS` would need the privilege to create, even if there is nothing to create.
        let sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
        let schema = self.server.schema();
        if self.query_opt(sql, params![schema])?.is_none() {
            self.run(&format!("CREATE SCHEMA {}", name(schema)))?;
        }
        self.run(include_str!("catalog.sql"))
    }

    fn create_own(&self) -> Result<()> {
        let sql = "SELECT 1 FROM pg_trigger WHERE tgname = 'fortilake_keep_files'
                   AND tgrelid = 'ducklake_files_scheduled_for_deletion'::regclass";
        if self.has_table("fortilake_snapshots")? && self.query_opt(sql, &[])?.is_some() {
            return Ok(());
        }
        self.run(include_str!("own.sql"))
    }

    fn new_uuid(&self) -> &'static str {
        "gen_random_uuid()"
    }

    fn time(&self, parameter: &str) -> String {
        format!("CAST({parameter} AS timestamptz)")
    }
}

/// A parameter with its type. With it, a statement takes one round trip and no name.
fn typed<'a>(param: &'a Param<'_>) -> (&'a (dyn ToSql + Sync), Type) {
    match param {
        Param::Integer(value) => (value, Type::INT8),
        Param::Boolean(value) => (value, Type::BOOL),
        Param::Text(value) => (value, Type::TEXT),
    }
}

/// A value; `None` if it has a type that no statement of ours asks for.
fn cell(row: &tokio_postgres::Row, index: usize) -> Option<Cell> {
    let kind = row.columns().get(index)?.type_();
    let found = match *kind {
        Type::INT8 => row
            .try_get::<_, Option<i64>>(index)
            .ok()?
            .map(Cell::Integer),
        Type::INT4 => {
            let value = row.try_get::<_, Option<i32>>(index).ok()?;
            value.map(|value| Cell::Integer(value.into()))
        }
        Type::BOOL => {
            let value = row.try_get::<_, Option<bool>>(index).ok()?;
            value.map(|value| Cell::Integer(value.into()))
        }
        Type::TEXT | Type::VARCHAR | Type::NAME => row
            .try_get::<_, Option<String>>(index)
            .ok()?
            .map(Cell::Text),
        _ => return None,
    };
    Some(found.unwrap_or(Cell::Null))
}
