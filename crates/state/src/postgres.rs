//! The state in a PostgreSQL database, for several machines that share an API user and for
//! containers without a disk.
//!
//! It gives what the file gives, by other means, because a file lock does not reach another machine:
//!
//! - **Time** is the database's. Clocks of machines differ, and a ledger that is measured by several
//!   clocks is none.
//! - **A process counts as alive** as long as it renews its lease. When the lease has run out, its
//!   calls in flight count as answered, and another process may resume its crawl. A process that was
//!   stopped for that long and wakes up cannot write to the crawl any more: each takeover gives the
//!   crawl a higher number, and every write names the number that it was given. The price, compared
//!   with a file lock, is that the crawl of a dead process can be resumed only after a minute.
//! - **Locks** last for a transaction, and no transaction is open while a call is made.
//! - **Tokens** are encrypted, see [`secrets`].

mod account;
mod crawls;
mod database;
mod fence;
mod holder;
mod ledger;
mod pages;
mod schema;
mod secrets;
#[cfg(all(test, unix))]
pub(crate) mod testing;
#[cfg(all(test, unix))]
mod tests;
mod tokens;
mod values;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fortilake_auth::Clock;
use fortilake_client::ledger::PastError;
use fortilake_postgres::{Connector, ServerAddress};

pub use self::secrets::TokenKey;
use self::{
    database::{Access, CLOCK, Database, Failure, Transaction, from_server},
    holder::Holder,
};
use crate::{
    Baseline, Crawl, Error, Kind, NewCrawl, OnCorrection, Result, State,
    backend::{Backend, CrawlLease, RecordReader},
};

/// How long the server may take until a connection is ready.
const CONNECT: Duration = Duration::from_secs(10);

/// The settings of a state in PostgreSQL.
pub struct PostgresConfig {
    address: ServerAddress,
    ca_cert: Option<PathBuf>,
    schema: String,
    lease: Duration,
}

impl PostgresConfig {
    /// Reads a URL such as `postgres://USER:PASSWORD@HOST/DATABASE?schema=fortilake`.
    ///
    /// Beside the parameters of PostgreSQL, it takes `schema`; `lease`, which is how long a process
    /// may be silent until others take it for dead; and `sslrootcert`, a PEM file with the
    /// certificates of a private CA.
    ///
    /// # Errors
    ///
    /// [`Kind::Refused`] if it cannot be used. No error quotes the password.
    pub fn parse(url: &str) -> Result<Self> {
        let refuse = |text: String| Err(Error::new(Kind::Refused, text));
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut ca_cert, mut schema, mut lease) =
            (None, "fortilake".to_owned(), Duration::from_mins(1));
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslrootcert", path)) => ca_cert = Some(PathBuf::from(decoded(path))),
                Some(("schema", name)) => schema = decoded(name),
                Some(("lease", text)) => {
                    let length = text.parse::<jiff::SignedDuration>().ok();
                    let length = length.and_then(|length| Duration::try_from(length).ok());
                    let possible = Duration::from_secs(2)..=Duration::from_hours(1);
                    match length.filter(|length| possible.contains(length)) {
                        Some(length) => lease = length,
                        None => {
                            return refuse(
                                "`lease` in the URL of the state must be a duration between `2s` \
                                 and `1h`"
                                    .to_owned(),
                            );
                        }
                    }
                }
                _ => rest.push(pair),
            }
        }
        if schema.is_empty() || schema.len() > 63 || schema.starts_with("pg_") {
            return refuse(format!(
                "`{schema}` cannot be the schema of the state: a name has 1 to 63 bytes, and \
                 PostgreSQL reserves `pg_`"
            ));
        }
        let url = match rest.as_slice() {
            [] => base.to_owned(),
            rest => format!("{base}?{}", rest.join("&")),
        };
        let address = ServerAddress::parse(&url, "`sslrootcert` in its URL", CONNECT);
        Ok(Self {
            address: address.map_err(from_server)?,
            ca_cert,
            schema,
            lease,
        })
    }

    /// Where the state is, for messages: without the password and all parameters.
    pub fn shown(&self) -> String {
        let (address, schema) = (&self.address, &self.schema);
        format!(
            "postgres://{}@{}/{}?schema={schema}",
            address.user(),
            address.servers(),
            address.database()
        )
    }
}

/// Decodes `%XX` in a parameter of a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl State {
    /// Opens the state in a PostgreSQL database. Creates its schema and tables if they do not exist.
    ///
    /// `wall` is this machine's clock, in microseconds of Unix time. Only tokens are converted from
    /// and to it.
    ///
    /// # Errors
    ///
    /// [`Kind::Unavailable`] if the database cannot be reached, [`Kind::Refused`] if the password, a
    /// privilege or a certificate is missing or wrong, [`Kind::Newer`] if a newer version created
    /// the tables.
    pub fn open_postgres(config: PostgresConfig, key: TokenKey, wall: &Clock) -> Result<Self> {
        let PostgresConfig {
            address,
            ca_cert,
            schema,
            lease,
        } = config;
        let driver = database::Driver::new()?;
        let connector = std::thread::scope(|scope| {
            let new = Connector::new(address, ca_cert.as_deref(), CONNECT);
            scope.spawn(|| driver.block_on(new)).join()
        });
        let connector = connector
            .unwrap_or_else(|_| {
                let text = "the thread that reads certificates panicked";
                let kind = fortilake_postgres::Kind::Internal;
                Err(fortilake_postgres::Error::new(kind, text))
            })
            .map_err(from_server)?;
        let access = Access {
            connector,
            schema,
            migrations: schema::MIGRATIONS,
            clock: Arc::new(|| CLOCK.into()),
        };
        let postgres = Postgres::open(access, key, lease, wall)?;
        Ok(Self(Arc::new(postgres)))
    }
}

/// The open state. Clones share one connection and one lease.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Shared>);

struct Shared {
    // Dropped first, so that the lease is not renewed after its end.
    holder: Holder,
    access: Access,
    key: TokenKey,
    /// The database's clock minus this machine's when the state was opened, in microseconds.
    ahead: i64,
    /// For everything except journals, which have connections of their own.
    database: Mutex<Database>,
}

impl Postgres {
    fn open(access: Access, key: TokenKey, lease: Duration, wall: &Clock) -> Result<Self> {
        let mut database = Database::new(access.clone())?;
        schema::prepare(&mut database)?;
        let before = wall();
        let now = database.transact_once("read the clock", database::now)?;
        let holder = Holder::enter(&mut database, lease)?;
        ledger::settle_calls_of_dead_processes(&mut database, holder.id)?;
        Ok(Self(Arc::new(Shared {
            ahead: now.saturating_sub(before),
            holder,
            access,
            key,
            database: Mutex::new(database),
        })))
    }

    /// Runs `work` in one transaction of the shared connection.
    fn transact<T: Send>(
        &self,
        operation: &str,
        work: impl FnMut(&mut Transaction<'_>) -> Result<T, Failure> + Send,
    ) -> Result<T> {
        self.0.database().transact(operation, work)
    }

    /// As [`transact`](Self::transact), on a thread for blocking operations.
    async fn transact_elsewhere<T: Send + 'static>(
        &self,
        operation: &'static str,
        mut work: impl FnMut(&Shared, &mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let shared = self.0.clone();
        let running = tokio::task::spawn_blocking(move || {
            let mut database = shared.database();
            database.transact(operation, |transaction| work(&shared, transaction))
        });
        running.await.unwrap_or_else(|error| {
            let message = format!("cannot {operation}: its thread panicked");
            Err(Error::new(Kind::Unforeseen, message).with_source(error))
        })
    }
}

impl Shared {
    fn database(&self) -> std::sync::MutexGuard<'_, Database> {
        // A transaction whose thread panicked has dropped its connection.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let database = self.database.get_mut();
        self.holder
            .leave(database.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Backend for Postgres {
    fn file(&self) -> Option<&Path> {
        None
    }

    fn name(&self) -> String {
        self.0.access.to_string()
    }

    fn size(&self) -> Result<u64> {
        let size = self.transact("read the size", |transaction| {
            let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
                 FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
                 AND c.relkind = 'r'";
            database::get::<i64>(&transaction.query_one(sql, &[])?, 0)
        })?;
        Ok(size.try_into().unwrap_or_default())
    }

    fn now(&self) -> Result<i64> {
        self.transact("read the clock", database::now)
    }

    // Clocks of machines change nothing here, so there is nothing to report.
    fn on_correction(&self, _: OnCorrection) {}

    fn check(&self) -> Result<()> {
        crawls::check(self)
    }

    fn last_errors(&self) -> Result<Vec<PastError>> {
        self.transact("read the ledger", |transaction| {
            let now = database::now(transaction)?;
            account::reasons(transaction, None, now)
        })
    }

    fn crawls(&self) -> Result<Vec<Crawl>> {
        self.transact("list the crawls", crawls::list)
    }

    fn begin(&self, new: &NewCrawl) -> Result<Box<dyn CrawlLease>> {
        Ok(Box::new(crawls::begin(self, new)?))
    }

    fn take_up(&self, id: &str) -> Result<Box<dyn CrawlLease>> {
        Ok(Box::new(crawls::take_up(self, id)?))
    }

    fn remove_crawl(&self, id: &str) -> Result<()> {
        crawls::remove(self, id)
    }

    fn deliveries(&self, crawl: i64) -> Result<Vec<(String, String)>> {
        crawls::deliveries(self, crawl)
    }

    fn newest_record(&self, crawl: i64) -> Result<Option<i64>> {
        self.transact("read the journal", |transaction| {
            pages::newest(transaction, crawl)
        })
    }

    fn reader(&self) -> Result<Box<dyn RecordReader>> {
        let database = Database::new(self.0.access.clone())?;
        Ok(Box::new(pages::Reader(database)))
    }

    fn baseline(&self, key: &str) -> Result<Option<Baseline>> {
        values::baseline(self, key)
    }

    fn baseline_keys(&self) -> Result<Vec<String>> {
        values::baseline_keys(self)
    }

    fn set_baseline(&self, key: &str, baseline: &Baseline) -> Result<()> {
        values::set_baseline(self, key, baseline)
    }

    // Values have no checksum here: PostgreSQL checks its own pages.
    fn check_sink_values(&self) -> Result<()> {
        Ok(())
    }

    fn sink_value(&self, sink: &str, key: &str) -> Result<Option<Vec<u8>>> {
        values::sink_value(self, sink, key)
    }

    fn set_sink_value(&self, sink: &str, key: &str, value: Option<&[u8]>) -> Result<()> {
        values::set_sink_value(self, sink, key, value)
    }

    fn sink_keys(&self, sink: &str) -> Result<Vec<String>> {
        values::sink_keys(self, sink)
    }
}
