//! A catalog in a SQLite file.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fortilake_sink::{Error, Kind, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Statement, TransactionBehavior};

use crate::transaction::{Cell, OTHER_TYPE, Param, Row, Transaction, damaged, params};

/// How long to wait while another program writes to the catalog.
const BUSY: Duration = Duration::from_secs(30);

/// A SQLite file with a catalog, or for one.
#[derive(Clone, Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
}

impl SqliteFile {
    /// A file at an absolute path, because other programs that read the catalog have other working directories.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether there may be a catalog.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Its path as text.
    pub(crate) fn path(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Runs `work` in a transaction that locks out other writers, so what it reads cannot change before it ends.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&dyn Transaction) -> Result<T>,
    ) -> Result<T> {
        if let Some(folder) = self.path.parent() {
            let made = fs::create_dir_all(folder);
            made.map_err(|error| Error::io("create the folder", folder, error))?;
        }
        let failed = |error| self.failed(error);
        let mut connection = Connection::open(&self.path).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        let began = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let open = Open {
            transaction: began.map_err(failed)?,
            file: self,
        };
        // An error drops the transaction, which rolls it back.
        let done = work(&open)?;
        open.transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// As [`transaction`](Self::transaction), for work that changes nothing. Leaves no file behind if there is none.
    pub(crate) fn try_out<T>(&self, work: impl FnOnce(&dyn Transaction) -> Result<T>) -> Result<T> {
        let is_new = !self.path.exists();
        let done = self.transaction(work);
        if is_new {
            // SQLite has created an empty file.
            let _ = fs::remove_file(&self.path);
        }
        done
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Unavailable,
            Some(ErrorCode::DiskFull) => Kind::Full,
            Some(
                ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied,
            ) => Kind::Config,
            _ => Kind::Rejected,
        };
        Error::new(kind, format!("cannot write the DuckLake catalog {self}")).with_source(error)
    }
}

impl fmt::Display for SqliteFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.path.display())
    }
}

/// A transaction of a file.
struct Open<'a> {
    transaction: rusqlite::Transaction<'a>,
    file: &'a SqliteFile,
}

impl Open<'_> {
    fn run(&self, sql: &str) -> Result<()> {
        let done = self.transaction.execute_batch(sql);
        done.map_err(|error| self.file.failed(error))
    }

    fn change(&self, sql: &str, params: &[Param<'_>]) -> rusqlite::Result<usize> {
        let mut statement = self.transaction.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        statement.raw_execute()
    }

    /// All rows; `None` in the place of a value that no column of DuckLake has.
    fn read(&self, sql: &str, params: &[Param<'_>]) -> rusqlite::Result<Vec<Vec<Option<Cell>>>> {
        let mut statement = self.transaction.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        let columns = statement.column_count();
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let cells = (0..columns).map(|index| row.get_ref(index).map(cell));
            rows.push(cells.collect::<rusqlite::Result<_>>()?);
        }
        Ok(rows)
    }
}

impl Transaction for Open<'_> {
    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let count = self.change(sql, params);
        let count = count.map_err(|error| self.file.failed(error))?;
        Ok(count as u64)
    }

    fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let rows = self.read(sql, params);
        let rows = rows.map_err(|error| self.file.failed(error))?;
        let rows = rows.into_iter().map(|cells| {
            let cells = cells.into_iter().collect::<Option<_>>();
            cells.map(Row::new).ok_or_else(|| damaged(OTHER_TYPE))
        });
        rows.collect()
    }

    fn has_table(&self, name: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1";
        Ok(self.query_opt(sql, params![name])?.is_some())
    }

    fn create_catalog(&self) -> Result<()> {
        self.run(include_str!("sqlite/catalog.sql"))
    }

    fn create_own(&self) -> Result<()> {
        self.run(include_str!("sqlite/own.sql"))
    }

    fn new_uuid(&self) -> &'static str {
        "(SELECT lower(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' \
         || substr(h, 18, 3) || '-' || substr(h, 21, 12)) FROM (SELECT hex(randomblob(16)) AS h))"
    }

    fn time(&self, parameter: &str) -> String {
        // The column is text.
        parameter.to_owned()
    }
}

fn bind(statement: &mut Statement<'_>, params: &[Param<'_>]) -> rusqlite::Result<()> {
    for (number, param) in (1..).zip(params) {
        // SQLite numbers parameters in the order in which the statement names them first, and `$1` is only a name.
        let name = format!("${number}");
        let index = statement.parameter_index(&name)?;
        let index = index.ok_or(rusqlite::Error::InvalidParameterName(name))?;
        match param {
            Param::Integer(value) => statement.raw_bind_parameter(index, value),
            Param::Boolean(value) => statement.raw_bind_parameter(index, value),
            Param::Text(value) => statement.raw_bind_parameter(index, value),
        }?;
    }
    Ok(())
}

fn cell(value: ValueRef<'_>) -> Option<Cell> {
    match value {
        ValueRef::Null => Some(Cell::Null),
        ValueRef::Integer(value) => Some(Cell::Integer(value)),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(Cell::Text(text.to_owned()))
        }
        ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}
