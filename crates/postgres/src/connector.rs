//! Connecting within a deadline.

use std::path::Path;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Security, ServerAddress};
use crate::{Error, Kind, Result, failure, tls};

/// How long to wait for the server to notice the end of a connection.
const FAREWELL: Duration = Duration::from_secs(1);

/// How to connect to a database.
#[derive(Clone)]
pub struct Connector {
    /// The server and the database.
    pub address: ServerAddress,
    tls: Option<MakeRustlsConnect>,
    timeout: Duration,
}

impl Connector {
    /// Reads the certificates, if TLS is used. Connects to nothing.
    ///
    /// `ca_cert` is a PEM file with the certificates of a private CA. `timeout` is how long a server may take until it is
    /// ready for the first statement.
    pub async fn new(
        address: ServerAddress,
        ca_cert: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self> {
        let tls = match address.security {
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
            address,
            tls,
            timeout,
        })
    }

    /// Opens a connection. It works as long as the task lives.
    pub async fn open(&self) -> Result<(Client, Task)> {
        let opened = time::timeout(self.timeout, self.connect()).await;
        let opened = opened.map_err(|_| {
            let text = format!(
                "`{}` did not respond within {} ms",
                self.address.servers(),
                self.timeout.as_millis()
            );
            Error::new(Kind::Unavailable, text)
        })?;
        opened.map_err(|error| failure::connecting(&self.address, &error))
    }

    async fn connect(&self) -> Result<(Client, Task), tokio_postgres::Error> {
        let config = &self.address.config;
        if let Some(tls) = &self.tls {
            let (client, connection) = config.connect(tls.clone()).await?;
            return Ok((client, Task(tokio::spawn(connection))));
        }
        let (client, connection) = config.connect(NoTls).await?;
        Ok((client, Task(tokio::spawn(connection))))
    }
}

/// The task that moves a connection's messages. It ends with the connection: if a call is dropped, the server must see
/// that at once and roll back, because somebody else may be waiting for a lock.
pub struct Task(JoinHandle<Result<(), tokio_postgres::Error>>);

impl Task {
    /// Ends the connection as the server expects it, because it logs those that break.
    pub async fn close(mut self, client: Client) {
        drop(client);
        // Nothing is lost if the server does not answer any more.
        let _ = time::timeout(FAREWELL, &mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
