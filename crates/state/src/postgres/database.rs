//! One connection to the database, and transactions on it.
//!
//! Every statement is inside a transaction, every setting is local to it, and statements have no
//! name. So it works through a pooler that gives each transaction another server connection, such as
//! PgBouncer in transaction mode.
//!
//! If the database goes away, the transaction is repeated until it is back, for up to a minute. The
//! callers wait meanwhile: no call is made without a grant. The outcome of a commit can be unknown,
//! so every transaction must give the same result if it is carried out twice.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use fortilake_postgres::{self as server, Connector, Task};
use tokio::{runtime::Runtime, time};
use tokio_postgres::{
    Client, Row,
    types::{FromSql, ToSql, Type},
};

use crate::{Error, Kind, Result};

/// How long to wait for a database that has gone away, such as during its restart.
const PATIENCE: Duration = Duration::from_mins(1);

/// The pause before the first repetition; later ones are longer.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two repetitions.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long one statement may run, including the wait for locks.
const STATEMENT: Duration = Duration::from_secs(30);

/// How long the server waits for the next statement of a transaction.
const IDLE: Duration = Duration::from_secs(10);

/// How much longer than the server to wait. The server's own timeout gives the better error.
const GRACE: Duration = Duration::from_secs(5);

/// How to reach a state: the server, and what its messages and transactions need to know.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) connector: Connector,
    pub(super) schema: String,
    /// What creates and upgrades the tables. Tests have versions of their own.
    pub(super) migrations: &'static [&'static str],
    pub(super) clock: ClockSql,
}

impl Access {
    /// The version of the tables that this program works with.
    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}

/// Returns an SQL expression for the time in microseconds of Unix time. Tests have a clock of their
/// own.
pub(super) type ClockSql = Arc<dyn Fn() -> Cow<'static, str> + Send + Sync>;

/// The time by the database's clock. `now()` would be when the transaction began, which is before it
/// has waited for locks.
pub(super) const CLOCK: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.connector.address;
        write!(
            formatter,
            "schema `{}` of database `{}` on `{}`",
            self.schema,
            address.database(),
            address.servers()
        )
    }
}

/// A connection, which is opened when it is needed.
pub(super) struct Database {
    pub(super) access: Access,
    driver: Driver,
    open: Option<(Client, Task)>,
}

/// A transaction. It is rolled back unless its work succeeds.
pub(super) struct Transaction<'a> {
    client: &'a Client,
    driver: &'a Driver,
    clock: &'a ClockSql,
    /// Whether an earlier attempt may have been committed unnoticed.
    pub(super) is_repeated: bool,
}

/// Why a transaction failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection could not be opened.
    Connect(server::Error),
    Sql(tokio_postgres::Error),
    /// The server does not respond.
    Late,
    /// A row that this crate cannot have written.
    Damaged(String),
    Error(Error),
}

impl Database {
    pub(super) fn new(access: Access) -> Result<Self> {
        Ok(Self {
            access,
            driver: Driver::new()?,
            open: None,
        })
    }

    /// Runs `work` in one transaction, and again if the database goes away. `operation` describes it
    /// in errors: "cannot `operation`".
    pub(super) fn transact<T: Send>(
        &mut self,
        operation: &str,
        work: impl FnMut(&mut Transaction<'_>) -> Result<T, Failure> + Send,
    ) -> Result<T> {
        self.transact_for(PATIENCE, operation, work)
    }

    /// As [`transact`](Self::transact), but without waiting for a database that is away.
    pub(super) fn transact_once<T: Send>(
        &mut self,
        operation: &str,
        work: impl FnMut(&mut Transaction<'_>) -> Result<T, Failure> + Send,
    ) -> Result<T> {
        self.transact_for(Duration::ZERO, operation, work)
    }

    fn transact_for<T: Send>(
        &mut self,
        patience: Duration,
        operation: &str,
        mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, Failure> + Send,
    ) -> Result<T> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut is_repeated = false;
        loop {
            // The caller may be inside an async runtime, whose threads must not drive another one.
            let tried = thread::scope(|scope| {
                scope
                    .spawn(|| self.attempt(is_repeated, &mut work))
                    .join()
                    .unwrap_or_else(|_| {
                        let text = format!("cannot {operation}: its thread panicked");
                        Err(Failure::Error(Error::new(Kind::Unforeseen, text)))
                    })
            });
            let failure = match tried {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if !failure.may_heal() || began.elapsed() >= patience {
                return Err(failure.during(operation, &self.access));
            }
            let error = failure.during(operation, &self.access);
            tracing::warn!(%error, "cannot use the database; trying again");
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            is_repeated = true;
        }
    }

    fn attempt<T>(
        &mut self,
        is_repeated: bool,
        work: &mut impl FnMut(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (client, task) = match self.open.take() {
            Some(open) if !open.0.is_closed() => open,
            _ => self
                .driver
                .block_on(self.access.connector.open())
                .map_err(Failure::Connect)?,
        };
        let mut transaction = Transaction {
            client: &client,
            driver: &self.driver,
            clock: &self.access.clock,
            is_repeated,
        };
        let result = begin(&mut transaction, &self.access.schema)
            .and_then(|()| work(&mut transaction))
            .and_then(|value| transaction.run("COMMIT").map(|()| value));
        // After a failure of the connection it is dropped, and the server rolls back.
        let is_usable = match &result {
            Ok(_) => true,
            Err(Failure::Late | Failure::Connect(_)) => false,
            Err(_) => transaction.run("ROLLBACK").is_ok(),
        };
        if is_usable {
            self.open = Some((client, task));
        }
        result
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((client, task)) = self.open.take() else {
            return;
        };
        let driver = &self.driver;
        thread::scope(|scope| {
            scope.spawn(|| driver.block_on(task.close(client)));
        });
    }
}

/// Runs the connection's futures on the calling thread.
pub(super) struct Driver(Option<Runtime>);

impl Driver {
    pub(super) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            let text = "cannot set up the connection to the database";
            Error::new(Kind::Unforeseen, text).with_source(error)
        })?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let runtime = self
            .0
            .as_ref()
            .expect("it is taken only when it is dropped");
        runtime.block_on(future)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Usually, a runtime waits for its threads when it is dropped. That is not allowed inside
        // another runtime, where commands use the state.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn begin(transaction: &mut Transaction<'_>, schema: &str) -> Result<(), Failure> {
    transaction.run(&format!(
        "{} SET LOCAL synchronous_commit = on; SET LOCAL search_path = {}",
        server::begin(STATEMENT, IDLE),
        server::name(schema)
    ))
}

impl Transaction<'_> {
    /// Runs statements without parameters and results.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Runs a statement and returns its rows. `{clock}` in it is the time.
    pub(super) fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Failure> {
        let params: Vec<_> = params.iter().map(Param::typed).collect();
        let sql = self.with_clock(sql);
        self.wait(self.client.query_typed(&sql, &params))
    }

    /// The first row of a query, if there is one.
    pub(super) fn query_opt(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Option<Row>, Failure> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// The only row of a query.
    pub(super) fn query_one(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Row, Failure> {
        let row = self.query_opt(sql, params)?;
        row.ok_or_else(|| Failure::Damaged("a row is missing".to_owned()))
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, Failure> {
        let params: Vec<_> = params.iter().map(Param::typed).collect();
        let sql = self.with_clock(sql);
        self.wait(self.client.execute_typed(&sql, &params))
    }

    fn with_clock(&self, sql: &str) -> String {
        sql.replace("{clock}", &(self.clock)())
    }

    fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let limited = async { time::timeout(STATEMENT + GRACE, call).await };
        match self.driver.block_on(limited) {
            Ok(answer) => answer.map_err(Failure::Sql),
            Err(_) => Err(Failure::Late),
        }
    }
}

/// The time, in microseconds of Unix time.
pub(super) fn now(transaction: &mut Transaction<'_>) -> Result<i64, Failure> {
    get(&transaction.query_one("SELECT {clock}", &[])?, 0)
}

/// A cell of a row.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Failure> {
    row.try_get(index).map_err(Failure::Sql)
}

/// The parameter of a statement. With its type, a statement takes one round trip and no name.
#[derive(Debug)]
pub(super) enum Param<'a> {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Bytes(&'a [u8]),
    Ints(Vec<i64>),
    Texts(Vec<&'a str>),
    ByteStrings(Vec<&'a [u8]>),
}

impl Param<'_> {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Int(value) => (value, Type::INT8),
            Self::MaybeInt(value) => (value, Type::INT8),
            Self::Text(value) => (value, Type::TEXT),
            Self::MaybeText(value) => (value, Type::TEXT),
            Self::Bytes(value) => (value, Type::BYTEA),
            Self::Ints(values) => (values, Type::INT8_ARRAY),
            Self::Texts(values) => (values, Type::TEXT_ARRAY),
            Self::ByteStrings(values) => (values, Type::BYTEA_ARRAY),
        }
    }
}

impl Failure {
    /// Whether the same transaction may succeed when the database is back.
    fn may_heal(&self) -> bool {
        match self {
            Self::Connect(error) => error.kind() == server::Kind::Unavailable,
            Self::Sql(error) => match error.code() {
                // The connection, a deadlock, too many connections, or an operator. `57014` is a
                // statement that ran for too long.
                Some(code) => match code.code() {
                    "57014" => false,
                    "25P03" | "53300" => true,
                    code => ["08", "40", "57"].contains(&code.get(..2).unwrap_or_default()),
                },
                None => error.is_closed() || std::error::Error::source(error).is_some_and(is_io),
            },
            Self::Late => true,
            Self::Damaged(_) | Self::Error(_) => false,
        }
    }

    fn during(self, operation: &str, access: &Access) -> Error {
        match self {
            Self::Connect(error) => from_server(error),
            Self::Sql(error) => from_server(server::statement(operation, &error)),
            Self::Late => {
                let text = format!(
                    "cannot {operation}: `{}` did not respond within {} s",
                    access.connector.address.servers(),
                    (STATEMENT + GRACE).as_secs()
                );
                from_server(server::Error::new(server::Kind::Unavailable, text))
            }
            Self::Damaged(what) => Error::new(
                Kind::Damaged,
                format!("the state in {access} is damaged: {what}"),
            )
            .with_hint("restore the database from a backup, or use another schema"),
            Self::Error(error) => error,
        }
    }
}

fn is_io(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<std::io::Error>()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// This crate's error for an error of the server or of the connection.
pub(super) fn from_server(error: server::Error) -> Error {
    let (kind, hint) = match error.kind() {
        server::Kind::Config => (Kind::Refused, None),
        server::Kind::Unavailable => (
            Kind::Unavailable,
            Some(
                "no calls are made without the database, and everything stored so far is kept; run the \
                 same command again when the database can be reached",
            ),
        ),
        server::Kind::Full => (
            Kind::Full,
            Some("free disk space on the server and run the same command again"),
        ),
        server::Kind::Rejected | server::Kind::Internal => (Kind::Unforeseen, None),
    };
    let (text, source) = error.into_parts();
    let mut error = Error::new(kind, text);
    if let Some(source) = source {
        error = error.with_source(source);
    }
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
