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
use fortilake_sink::{Error, Kind, Result};
use futures_util::SinkExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Timeouts;
use crate::failure;
use crate::target::{Security, ServerAddress};
use crate::tls;

/// How much longer than the server to wait. The server's own timeout gives the better error.
const GRACE: Duration = Duration::from_secs(10);

/// How long the server must at least wait for the next statement. A busy machine may take a while to send it.
const LEAST_IDLE: Duration = Duration::from_mins(1);

/// How long to wait for the server to notice the end of a connection.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many bytes of rows to send at once.
const CHUNK: usize = 256 << 10;

/// How to connect to the database.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) target: ServerAddress,
    tls: Option<MakeRustlsConnect>,
    timeouts: Timeouts,
}

impl Connector {
    /// Reads the certificates, if TLS is used. Connects to nothing.
    pub(crate) async fn new(
        target: ServerAddress,
        ca_cert: Option<&Path>,
        timeouts: Timeouts,
    ) -> Result<Self> {
        let tls = match target.security {
            Security::Plain => None,
            Security::Verified => {
                let ca_cert = ca_cert.map(Path::to_owned);
                let config = spawn_blocking(move || tls::config(ca_cert.as_deref())).await;
                let config = config.unwrap_or_else(|error| {
                    let text = "the task that reads certificates failed";
                    Err(Error::new(Kind::Internal, text).with_source(error))
                })?;
                Some(MakeRustlsConnect::new(config))
            }
        };
        Ok(Self {
            target,
            tls,
            timeouts,
        })
    }

    /// Connects and begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Connection> {
        let limit = self.timeouts.connect;
        let opened = time::timeout(limit, self.open()).await.map_err(|_| {
            let text = format!(
                "`{}` did not respond within {} ms",
                self.target.servers(),
                limit.as_millis()
            );
            Error::new(Kind::Unavailable, text)
        })?;
        let (client, task) = opened.map_err(|error| failure::connecting(&self.target, &error))?;
        let connection = Connection {
            client,
            task,
            limit: self.timeouts.statement,
        };
        // A process that is stopped in the middle must not hold the lock for ever. And settings of the server, the
        // database or the user must not change what statements mean.
        let limit = self.timeouts.statement.as_millis();
        let idle = self.timeouts.statement.max(LEAST_IDLE).as_millis();
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
             SET LOCAL statement_timeout = {limit}; \
             SET LOCAL idle_in_transaction_session_timeout = {idle}; \
             SET LOCAL lock_timeout = 0; \
             SET LOCAL TimeZone = 'UTC'; \
             SET LOCAL DateStyle = 'ISO'; \
             SET LOCAL standard_conforming_strings = on; \
             SET LOCAL default_tablespace = ''; \
             SET LOCAL client_min_messages = warning"
        );
        connection.run("begin a transaction", &begin).await?;
        Ok(connection)
    }

    async fn open(&self) -> Result<(Client, Task), tokio_postgres::Error> {
        let config = &self.target.config;
        if let Some(tls) = &self.tls {
            let (client, connection) = config.connect(tls.clone()).await?;
            return Ok((client, Task(tokio::spawn(connection))));
        }
        let (client, connection) = config.connect(NoTls).await?;
        Ok((client, Task(tokio::spawn(connection))))
    }
}

/// The task that moves messages. It ends with the connection: if a call is dropped, the server must see that at once
/// and roll back, because the next sink may be waiting for the lock.
struct Task(JoinHandle<Result<(), tokio_postgres::Error>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
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
            Ok(Err(CopyError::Database(error))) => Err(failure::statement(action, &error)),
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
        self.close().await;
        Ok(())
    }

    /// Rolls back and closes the connection.
    pub(crate) async fn roll_back(self) -> Result<()> {
        self.run("roll back", "ROLLBACK").await?;
        self.close().await;
        Ok(())
    }

    /// Ends the connection as the server expects it, because it logs those that break.
    async fn close(self) {
        let Self {
            client, mut task, ..
        } = self;
        drop(client);
        // The transaction has ended, whatever happens now.
        let _ = time::timeout(FAREWELL, &mut task.0).await;
    }

    async fn wait<T>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        match time::timeout(self.limit + GRACE, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failure::statement(action, &error)),
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
