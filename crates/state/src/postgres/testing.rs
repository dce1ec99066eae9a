//! A database for tests that are written for every database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use fortilake_postgres::{
    Connector, ServerAddress,
    testing::{connect, server},
};

use super::{
    CLOCK, CONNECT, Postgres, TokenKey,
    database::{Access, ClockSql, Driver},
    schema::MIGRATIONS,
};
use crate::{Result, State};

/// So long that no test outlasts it in virtual time.
pub(super) const FOREVER: Duration = Duration::from_hours(24 * 365 * 100);

/// A schema of its own in the database of the test server.
pub(crate) struct Database {
    url: String,
    pub(super) schema: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            url: server().url("postgres", "postgres"),
            schema: format!("test {number}"),
        }
    }

    /// Opens the state with this clock.
    pub(crate) fn open(&self, time: Arc<AtomicI64>) -> State {
        let local = time.clone();
        let clock = Arc::new(move || time.load(Ordering::SeqCst).to_string().into());
        let wall: fortilake_auth::Clock = Arc::new(move || local.load(Ordering::SeqCst));
        State(Arc::new(self.open_with(clock, FOREVER, &wall)))
    }

    /// The same schema for a new user without any privilege.
    pub(super) fn of_new_user(self) -> Self {
        let user = self.schema.replace(' ', "_");
        self.execute(&format!("CREATE USER {user}"));
        Self {
            url: server().url(&user, "postgres"),
            ..self
        }
    }

    pub(super) fn try_open(&self) -> Result<Postgres> {
        self.try_open_as(MIGRATIONS)
    }

    /// Opens the state as a program that creates and upgrades the tables with these statements.
    pub(super) fn try_open_as(&self, migrations: &'static [&'static str]) -> Result<Postgres> {
        let wall: fortilake_auth::Clock = Arc::new(|| 0);
        self.open_as(migrations, Arc::new(|| CLOCK.into()), FOREVER, &wall)
    }

    pub(super) fn open_with(
        &self,
        clock: ClockSql,
        lease: Duration,
        wall: &fortilake_auth::Clock,
    ) -> Postgres {
        self.open_as(MIGRATIONS, clock, lease, wall)
            .expect("the state opens")
    }

    pub(super) fn open_as(
        &self,
        migrations: &'static [&'static str],
        clock: ClockSql,
        lease: Duration,
        wall: &fortilake_auth::Clock,
    ) -> Result<Postgres> {
        let address = ServerAddress::parse(&self.url, "", CONNECT).expect("a URL");
        let connector = Connector::new(address, None, CONNECT);
        let connector = Driver::new().expect("a runtime").block_on(connector);
        let access = Access {
            connector: connector.expect("no certificates are read"),
            schema: self.schema.clone(),
            migrations,
            clock,
        };
        let key = TokenKey::parse(&"0f".repeat(32)).expect("a key");
        Postgres::open(access, key, lease, wall)
    }

    /// Runs statements in the schema.
    pub(crate) fn execute(&self, sql: &str) {
        Driver::new().expect("a runtime").block_on(async {
            let client = connect(&self.url).await;
            let sql = format!("SET search_path = {}; {sql}", self.quoted());
            client.batch_execute(&sql).await.expect("it is written");
        });
    }

    /// The number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        Driver::new().expect("a runtime").block_on(async {
            let client = connect(&self.url).await;
            let path = format!("SET search_path = {}", self.quoted());
            client.batch_execute(&path).await.expect("it is set");
            let row = client.query_one(sql, &[]).await.expect("a row");
            row.get(0)
        })
    }

    fn quoted(&self) -> String {
        fortilake_postgres::name(&self.schema)
    }
}
