//! A catalog in a PostgreSQL database.
//!
//! A registration is one transaction, so a process that dies in the middle of it leaves nothing. Registrations wait for
//! each other by an advisory lock. DuckDB does not know that lock, but the primary key of `ducklake_snapshot` lets only
//! one transaction have a version: the other one is rolled back and run again.
//!
//! Statements have no name, every setting is local to the transaction, and so is the lock. So this works through a
//! pooler that gives each transaction another connection to the server, such as PgBouncer in transaction mode.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fortilake_postgres::{self as server, Connector, ServerAddress};
use fortilake_sink::{Error, Kind, Result};
use tokio::runtime::{Builder, Runtime};
use tracing::debug;

use self::session::{End, Session};
use crate::transaction::Transaction;

mod access;
mod session;

/// How long to wait until a connection is ready.
const CONNECT: Duration = Duration::from_secs(10);

/// How often to run a transaction, if another program is faster each time.
const TRIES: u32 = 20;

/// A schema of a database with a catalog, or for one.
#[derive(Clone)]
pub(crate) struct Server {
    address: ServerAddress,
    ca_cert: Option<PathBuf>,
    schema: String,
}

impl Server {
    /// Reads the URL. Connects to nothing.
    pub(crate) fn new(
        url: &str,
        password: Option<&str>,
        schema: &str,
        ca_cert: Option<PathBuf>,
    ) -> Result<Self> {
        let config = |text: String| Err(Error::new(Kind::Config, text));
        let mut address =
            ServerAddress::parse(url, "`catalog_ca_cert`", CONNECT).map_err(failed)?;
        if address.has_password() {
            return config(
                "the URL in option `catalog` contains a password, which would be stored and printed with the URL; \
                 take it out and set option `catalog_password`"
                    .to_owned(),
            );
        }
        if let Some(password) = password {
            address.set_password(password);
        }
        let is_reserved = schema.starts_with("pg_") || schema == "information_schema";
        if schema.is_empty() || schema.len() > 63 || schema.contains('\0') || is_reserved {
            return config(format!(
                "option `catalog_schema` cannot be `{schema}`: a name has 1 to 63 bytes, and PostgreSQL reserves `pg_` \
                 and `information_schema`"
            ));
        }
        Ok(Self {
            address,
            ca_cert,
            schema: schema.to_owned(),
        })
    }

    /// The database, without user and password.
    pub(crate) fn url(&self) -> String {
        let (servers, database) = (self.address.servers(), self.address.database());
        format!("postgres://{servers}/{database}")
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// Runs `work` in a transaction and commits it.
    pub(crate) fn transaction<T>(&self, work: impl Fn(&dyn Transaction) -> Result<T>) -> Result<T> {
        self.with_connector(|runtime, connector| {
            let (mut tries, mut was_in_doubt) = (0, false);
            loop {
                tries += 1;
                let session = Session::begin(self, runtime, connector)?;
                let (done, end) = match work(&session) {
                    Ok(done) => session.commit(done),
                    Err(error) => session.roll_back(error),
                };
                match (done, end) {
                    (Ok(done), _) => return Ok(done),
                    // If it was committed, it now finds nothing to do. It waits until the first one has ended.
                    (Err(error), End::InDoubt) if !was_in_doubt => {
                        was_in_doubt = true;
                        debug!(%error, "running the transaction again, because its commit was not confirmed");
                    }
                    (Err(error), End::Conflict) if tries < TRIES => {
                        debug!(%error, "running the transaction again, because another one was faster");
                    }
                    (Err(error), _) => return Err(error),
                }
            }
        })
    }

    /// Checks the server and the user's privileges, runs `work`, and rolls back.
    pub(crate) fn try_out(&self, work: impl Fn(&dyn Transaction) -> Result<()>) -> Result<()> {
        self.with_connector(|runtime, connector| {
            let session = Session::begin(self, runtime, connector)?;
            let checked = access::check(&session, self).and_then(|()| work(&session));
            session.cancel();
            checked
        })
    }

    /// Runs `work` with what it needs to connect. Must be called where blocking is allowed.
    fn with_connector<T>(&self, work: impl FnOnce(&Runtime, &Connector) -> Result<T>) -> Result<T> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            let text = "cannot set up the connection to the DuckLake catalog";
            Error::new(Kind::Internal, text).with_source(error)
        })?;
        let (address, ca_cert) = (self.address.clone(), self.ca_cert.as_deref());
        let connector = runtime.block_on(Connector::new(address, ca_cert, CONNECT));
        let done = connector
            .map_err(failed)
            .and_then(|connector| work(&runtime, &connector));
        // Otherwise it would wait for a lookup of the host's name that takes longer than the deadline.
        runtime.shutdown_background();
        done
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "in schema `{}` of database `{}` on `{}`",
            self.schema,
            self.address.database(),
            self.address.servers()
        )
    }
}

// The address contains the password.
impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Server({self})")
    }
}

/// The sink's error for an error of a connection.
fn failed(error: server::Error) -> Error {
    let kind = match error.kind() {
        server::Kind::Config => Kind::Config,
        server::Kind::Unavailable => Kind::Unavailable,
        server::Kind::Full => Kind::Full,
        server::Kind::Rejected => Kind::Rejected,
        server::Kind::Internal => Kind::Internal,
    };
    let (text, source) = error.into_parts();
    let error = Error::new(kind, text);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}
