//! A connection with deadlines, for one transaction.
//!
//! All statements use the simple query protocol and every setting is local to the transaction, so connections work
//! through a pooler that gives each transaction another server connection, such as PgBouncer in transaction mode.

use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fortilake_postgres::{self as postgres, ServerAddress, Task};
use fortilake_sink::{Error, Kind, Result};
use futures_util::SinkExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use crate::config::Timeouts;

/// How much longer than the server to wait. The server's own timeout gives the better error.
const GRACE: Duration = Duration::from_secs(10);

/// How long the server must at least wait for the next statement. A busy machine may take a while to send it.
const LEAST_IDLE: Duration = Duration::from_mins(1);

/// How many bytes of rows to send at once.
const CHUNK: usize = 256 << 10;

/// How to connect to the database.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: postgres::Connector,
    limit: Duration,
}

impl Connector {
    /// Reads the certificates, if TLS is used. Connects to nothing.
    pub(crate) async fn new(
        target: ServerAddress,
        ca_cert: Option<&Path>,
        timeouts: Timeouts,
    ) -> Result<Self> {
        let inner = postgres::Connector::new(target, ca_cert, timeouts.connect).await;
        Ok(Self {
            inner: inner.map_err(failed)?,
            limit: timeouts.statement,
        })
    }

    /// The server and the database.
    pub(crate) fn target(&self) -> &ServerAddress {
        &self.inner.address
    }

    /// Connects and begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Connection> {
        let (client, task) = self.inner.open().await.map_err(failed)?;
        let connection = Connection {
            client,
            task,
            limit: self.limit,
        };
        let begin = postgres::begin(self.limit, self.limit.max(LEAST_IDLE));
        connection.run("begin a transaction", &begin).await?;
        Ok(connection)
    }
}

/// A connection inside a transaction. Dropping it rolls back.
pub(crate) struct Connection {
    client: Client,
    task: Task,
    limit: Duration,
}

impl Connection {
    /// Runs statements without looking at their results.
    pub(crate) async fn run(&self, action: &str, sql: &str) -> Result<()> {
        self.query(action, sql).await.map(drop)
    }

    /// Runs statements and returns all their rows.
    pub(crate) async fn query(&self, action: &str, sql: &str) -> Result<Vec<SimpleQueryRow>> {
        let messages = self.wait(action, self.client.simple_query(sql)).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) async fn change(&self, action: &str, sql: &str) -> Result<u64> {
        let messages = self.wait(action, self.client.simple_query(sql)).await?;
        let counts = messages.into_iter().map(|message| match message {
            SimpleQueryMessage::CommandComplete(count) => count,
            _ => 0,
        });
        Ok(counts.sum())
    }

    /// Copies rows in binary format into `table`, which is SQL: a name and a list of columns.
    pub(crate) async fn copy(
        &self,
        action: &str,
        table: &str,
        rows: impl AsyncRead,
    ) -> Result<u64> {
        let sql = format!("COPY {table} FROM STDIN (FORMAT binary)");
        // The library offers COPY only for prepared statements with a name. It lives until the end of this function, so
        // within the transaction, and does not outlive it on the pooler's connection.
        let statement = self.wait(action, self.client.prepare(&sql)).await?;
        let sending = async {
            let mut sink = pin!(
                self.client
                    .copy_in::<_, Bytes>(&statement)
                    .await
                    .map_err(CopyError::Database)?
            );
            let mut rows = pin!(rows);
            let mut chunk = BytesMut::with_capacity(CHUNK);
            while rows.read_buf(&mut chunk).await.map_err(CopyError::File)? > 0 {
                if chunk.len() >= CHUNK / 2 {
                    sink.send(chunk.split().freeze())
                        .await
                        .map_err(CopyError::Database)?;
                    chunk.reserve(CHUNK);
                }
            }
            sink.send(chunk.freeze())
                .await
                .map_err(CopyError::Database)?;
            sink.finish().await.map_err(CopyError::Database)
        };
        let sent = time::timeout(self.limit + GRACE, sending).await;
        match sent {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(CopyError::Database(error))) => Err(failed(postgres::statement(action, &error))),
            Ok(Err(CopyError::File(error))) => {
                let text = format!("cannot {action}: a temporary file cannot be read");
                Err(Error::new(Kind::Unavailable, text).with_source(error))
            }
            Err(_) => Err(self.late(action)),
        }
    }

    /// Commits and closes the connection.
    pub(crate) async fn commit(self) -> Result<()> {
        // A transaction in which a statement failed answers COMMIT with ROLLBACK and no error. That cannot happen here,
        // because every failure is returned and drops the connection.
        self.run("commit", "COMMIT").await?;
        self.task.close(self.client).await;
        Ok(())
    }

    /// Rolls back and closes the connection.
    pub(crate) async fn roll_back(self) -> Result<()> {
        self.run("roll back", "ROLLBACK").await?;
        self.task.close(self.client).await;
        Ok(())
    }

    async fn wait<T>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        match time::timeout(self.limit + GRACE, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failed(postgres::statement(action, &error))),
            Err(_) => Err(self.late(action)),
        }
    }

    fn late(&self, action: &str) -> Error {
        let text = format!(
            "cannot {action}: the server did not respond within {} s",
            (self.limit + GRACE).as_secs()
        );
        Error::new(Kind::Unavailable, text)
    }
}

/// What can fail while rows are copied.
enum CopyError {
    Database(tokio_postgres::Error),
    File(std::io::Error),
}

/// A file for [`Connection::copy`].
pub(crate) fn reader(file: File) -> impl AsyncRead {
    tokio::fs::File::from_std(file)
}

/// The sink's error for an error of a connection.
pub(crate) fn failed(error: postgres::Error) -> Error {
    let kind = match error.kind() {
        postgres::Kind::Config => Kind::Config,
        postgres::Kind::Unavailable => Kind::Unavailable,
        postgres::Kind::Full => Kind::Full,
        postgres::Kind::Rejected => Kind::Rejected,
        postgres::Kind::Internal => Kind::Internal,
    };
    let (text, source) = error.into_parts();
    let error = Error::new(kind, text);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}
