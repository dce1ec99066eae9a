//! The state in one `SQLite` file: opening it, and running transactions on it.

mod baselines;
mod crawls;
mod files;
mod holder;
mod ledger;
mod notes;
mod pages;
mod schema;
mod sink_values;
#[cfg(test)]
mod tests;
mod time;
mod tokens;
mod user_ledger;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fortilake_client::ledger::PastError;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use self::{holder::Holder, time::Time, user_ledger::UserLedger};
use crate::{
    Baseline, Clocks, Crawl, Error, Kind, NewCrawl, OnCorrection, Result,
    backend::{Backend, CrawlLease, RecordReader},
    error::OperationError,
};

/// The file's name in the state directory.
const FILE: &str = "state.sqlite";

/// How long to wait for another process's transaction. Normally one takes milliseconds.
const BUSY: Duration = Duration::from_secs(20);

/// The open state file. Clones share one connection and one entry in the list of processes.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Shared>);

struct Shared {
    path: PathBuf,
    directory: PathBuf,
    time: Time,
    holder: Holder,
    /// For everything except journals. These have connections of their own, so that the ledger does
    /// not wait for large pages.
    connection: Mutex<Connection>,
}

/// What a power failure may undo of a connection's last transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Nothing: every commit is synced to the disk.
    Full,
    /// Transactions that are not synced yet. The file stays consistent.
    ///
    /// This is enough for the ledger. A killed process loses nothing, because the system has the
    /// written data. A power failure loses the calls since the last sync. While a crawl runs, each
    /// commit of its journal syncs the log that both share, and without a crawl there are only a
    /// few calls. Syncing each reservation instead would take milliseconds, not microseconds.
    Normal,
}

impl Sqlite {
    /// Opens the state in this directory. Creates the directory and the file if they do not exist.
    pub(crate) fn open_with(directory: &Path, clocks: Clocks) -> Result<Self> {
        files::create_directory(directory)?;
        let path = directory.join(FILE);
        // Many processes can use a SQLite file, but only one may create or migrate it.
        let turn = directory.join("open.lock");
        let lock = files::open_private(&turn)?;
        lock.lock()
            .map_err(|error| Error::io("lock", &turn, error))?;
        create(&path)?;
        check_header(&path)?;
        let mut connection = connect(&path, Durability::Normal)?;
        schema::migrate(&mut connection, &path, schema::MIGRATIONS)?;
        write_ahead(&connection, &path)?;
        schema::check_trees(&connection, &path)?;
        let (holder, time) = transact(&mut connection, &path, "start a session", |transaction| {
            let time = Time::start(transaction, clocks, UserLedger::latest_of_all(transaction)?)?;
            let holder = Holder::enter(transaction, directory, time.wall())?;
            holder::clean_up_dead(transaction, directory, holder.id, time.now())?;
            Ok((holder, time))
        })?;
        Ok(Self(Arc::new(Shared {
            path,
            directory: directory.to_owned(),
            time,
            holder,
            connection: Mutex::new(connection),
        })))
    }

    fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs `work` in one write transaction on a thread for blocking operations. A transaction may
    /// wait for other processes, and async worker threads must not.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the transaction is carried out nevertheless.
    async fn write_elsewhere<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Shared, &Transaction<'_>) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T> {
        let shared = self.0.clone();
        let writing = tokio::task::spawn_blocking(move || {
            shared.write(operation, |transaction| work(&shared, transaction))
        });
        writing.await.unwrap_or_else(|error| {
            let message = format!("cannot {operation}: its thread panicked");
            Err(Error::new(Kind::Unforeseen, message).with_source(error))
        })
    }
}

impl Backend for Sqlite {
    fn file(&self) -> Option<&Path> {
        Some(self.path())
    }

    fn name(&self) -> String {
        format!("`{}`", self.path().display())
    }

    fn size(&self) -> Result<u64> {
        // SQLite keeps recent changes beside the file.
        let files = [
            self.path().to_owned(),
            files::with_suffix(self.path(), "-wal"),
        ];
        let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
        Ok(sizes.map(|file| file.len()).sum())
    }

    fn now(&self) -> Result<i64> {
        Ok(self.0.now())
    }

    fn on_correction(&self, listener: OnCorrection) {
        self.0.time.on_correction(listener);
    }

    fn check(&self) -> Result<()> {
        let path = self.path();
        let result: String = connect(path, Durability::Full)?
            .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
            .map_err(|error| Error::sqlite("check the file", path, error))?;
        if result != "ok" {
            return Err(Error::damaged(path, result.replace('\n', " ")));
        }
        for crawl in self.list_crawls()? {
            self.check_journal(&crawl)?;
        }
        Ok(())
    }

    fn last_errors(&self) -> Result<Vec<PastError>> {
        self.read_last_errors()
    }

    fn crawls(&self) -> Result<Vec<Crawl>> {
        self.list_crawls()
    }

    fn begin(&self, new: &NewCrawl) -> Result<Box<dyn CrawlLease>> {
        Ok(Box::new(self.hold_new(new)?))
    }

    fn take_up(&self, id: &str) -> Result<Box<dyn CrawlLease>> {
        Ok(Box::new(self.hold(id)?))
    }

    fn remove_crawl(&self, id: &str) -> Result<()> {
        self.remove_with_journal(id)
    }

    fn deliveries(&self, crawl: i64) -> Result<Vec<(String, String)>> {
        crawls::deliveries(self, crawl)
    }

    fn newest_record(&self, crawl: i64) -> Result<Option<i64>> {
        self.newest_page(crawl)
    }

    fn reader(&self) -> Result<Box<dyn RecordReader>> {
        Ok(Box::new(pages::Reader {
            connection: connect(self.path(), Durability::Full)?,
            path: self.path().to_owned(),
        }))
    }

    fn baseline(&self, key: &str) -> Result<Option<Baseline>> {
        self.read_baseline(key)
    }

    fn baseline_keys(&self) -> Result<Vec<String>> {
        self.list_baselines()
    }

    fn set_baseline(&self, key: &str, baseline: &Baseline) -> Result<()> {
        self.write_baseline(key, baseline)
    }

    fn check_sink_values(&self) -> Result<()> {
        self.check_values()
    }

    fn sink_value(&self, sink: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.read_value(sink, key)
    }

    fn set_sink_value(&self, sink: &str, key: &str, value: Option<&[u8]>) -> Result<()> {
        self.write_value(sink, key, value)
    }

    fn sink_keys(&self, sink: &str) -> Result<Vec<String>> {
        self.list_values(sink)
    }
}

impl Shared {
    /// Runs `work` in one write transaction. `operation` describes it in errors: "cannot
    /// `operation`".
    fn write<T>(
        &self,
        operation: &str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, OperationError>,
    ) -> Result<T> {
        transact(&mut self.connection(), &self.path, operation, work)
    }

    /// The system's date and time, in microseconds of Unix time. The ledger has its own time.
    fn now(&self) -> i64 {
        self.time.wall()
    }

    // A panic with the lock held rolls back the transaction, so the connection is usable
    // afterwards.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // If this fails, the next process that opens the state cleans up.
        let left = self.write("end a session", |transaction| {
            self.holder.leave(transaction)
        });
        if let Ok(true) = left {
            let _ = fs::remove_file(&self.holder.path);
        }
    }
}

/// Creates the file under another name and renames it, so that an empty state file is always
/// damage.
fn create(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        // An existing file was complete once, even if it is empty now.
        Ok(_) => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("read", path, error));
        }
        Err(_) => {}
    }
    // If the user moved the file away but not its log, SQLite would apply that log to the new file.
    let draft = files::with_suffix(path, ".new");
    for suffix in ["-wal", "-shm", ".new", ".new-journal"] {
        files::remove(&files::with_suffix(path, suffix))?;
    }
    drop(files::open_private(&draft)?);
    let mut connection = connect(&draft, Durability::Full)?;
    schema::begin(&connection, &draft)?;
    schema::migrate(&mut connection, &draft, schema::MIGRATIONS)?;
    connection
        .close()
        .map_err(|(_, error)| Error::sqlite("create the tables", &draft, error))?;
    fs::rename(&draft, path).map_err(|error| Error::io("create", path, error))
}

/// Checks the part of the header that, if damaged, makes `SQLite` report a read-only file instead.
fn check_header(path: &Path) -> Result<()> {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(Error::io("read", path, error));
        }
        _ => {}
    }
    // The format versions for writing and reading: both are 2 with a write-ahead log and 1 without.
    match header[18..] {
        [1..=2, 1..=2] => Ok(()),
        _ => Err(Error::damaged(path, "its header is invalid")),
    }
}

fn connect(path: &Path, durability: Durability) -> Result<Connection> {
    let failed = |error| Error::sqlite("open the database", path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    let synchronous = match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    // `secure_delete` overwrites deleted rows, so that a removed token does not stay in the file.
    // Journals contain no secrets, so their connections do without the extra writes.
    let secure_delete = durability == Durability::Normal;
    connection
        .pragma_update(None, "synchronous", synchronous)
        .and_then(|()| connection.pragma_update(None, "cell_size_check", true))
        .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
        .and_then(|()| {
            connection.pragma_update_and_check(None, "secure_delete", secure_delete, |_| Ok(()))
        })
        .map_err(failed)?;
    Ok(connection)
}

fn write_ahead(connection: &Connection, path: &Path) -> Result<()> {
    let failed = |error| Error::sqlite("open the database", path, error);
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed)?;
    if mode == "wal" {
        return Ok(());
    }
    let message = format!(
        "cannot use a write-ahead log for `{}`: the file system does not support it",
        path.display()
    );
    Err(Error::new(Kind::Io, message)
        .with_hint("use a state folder on a local disk, not on a network file system"))
}

fn transact<T>(
    connection: &mut Connection,
    path: &Path,
    operation: &str,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, OperationError>,
) -> Result<T> {
    let run = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    };
    run().map_err(|error: OperationError| error.during(operation, path))
}
