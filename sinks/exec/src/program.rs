//! The configured program: starts it for a table and interprets how it ends.

use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{env, iter};

use fortilake_sink::{Crawl, Error, Kind, MaybeSecret, Result, Summary};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tracing::debug;

use crate::config::{Config, Format};
use crate::environment;
use crate::find;
use crate::process::{Finished, Process};
use crate::spool::SpooledTable;

/// `EX_TEMPFAIL` of `sysexits.h`: "try again later".
const TRY_LATER: i32 = 75;

/// The prefix of the variables that the sink sets.
const OURS: &str = "FORTILAKE_";

/// The length of the digest that identifies a program, in bytes: enough for the few that one user has.
const DIGEST_BYTES: usize = 8;

/// The program that is started for each table.
pub(crate) struct Program {
    /// The program as configured, for messages.
    name: String,
    file: PathBuf,
    args: Vec<String>,
    format: Format,
    timeout: Duration,
    directory: Option<PathBuf>,
    env: Vec<(String, MaybeSecret)>,
}

impl Program {
    /// Checks the options and finds the program. Starts nothing.
    pub(crate) fn new(config: Config) -> Result<Self> {
        let timeout = config.timeout()?;
        check_env(config.env.keys())?;
        let mut words = config.command.into_list().into_iter();
        let name = words.next().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Error::new(Kind::Config, "option `command` is empty"))?;
        if let Some(directory) = config.directory.as_deref() {
            check_directory(directory)?;
        }
        let path = config.env.get("PATH").map(|path| path.expose().into());
        let path = path.or_else(|| env::var_os("PATH"));
        let file = find::program(&name, path.as_deref())?;
        Ok(Self {
            name,
            file,
            args: words.chain(config.args.into_list()).collect(),
            format: config.format,
            timeout,
            directory: config.directory,
            env: config.env.into_iter().collect(),
        })
    }

    /// Identifies the program. It covers the arguments, because other arguments may mean another destination.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for word in iter::once(&self.name).chain(&self.args) {
            hasher.update((word.len() as u64).to_le_bytes());
            hasher.update(word);
        }
        let digest = hasher.finalize();
        digest[..DIGEST_BYTES]
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The variables that describe a table to the program.
    pub(crate) fn variables(
        &self,
        crawl: &Crawl,
        table: &SpooledTable,
        outcome: &Summary,
    ) -> Vec<(String, String)> {
        let variables = [
            ("TABLE", table.spec.name.clone()),
            ("KEY", table.spec.key.join(",")),
            ("ROWS", table.rows.to_string()),
            ("FORMAT", self.format.name().to_owned()),
            ("CRAWL_ID", crawl.id.clone()),
            ("SNAPSHOT", crawl.name.clone()),
            ("STARTED_AT", crawl.started_at.clone()),
            ("COMPLETE", outcome.complete.to_string()),
            ("FAILED_SCOPES", outcome.scopes.failed.to_string()),
        ];
        let variables = variables.into_iter();
        variables
            .map(|(name, value)| (format!("{OURS}{name}"), value))
            .collect()
    }

    /// Runs the program for one table and checks that it has taken the table.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the program is killed.
    pub(crate) async fn run(
        &self,
        mut table: SpooledTable,
        variables: Vec<(String, String)>,
    ) -> Result<()> {
        let mut process = self.start(&table, variables)?;
        let ended = process.wait(&table.spec.name, self.timeout).await;
        let ended = ended.map_err(|error| self.lost(error))?;
        let Some(status) = ended.status else {
            let text = format!("was killed because it took more than {:?}", self.timeout);
            return Err(self.failed(&table, Kind::Unavailable, &text, &ended));
        };
        if !status.success() {
            let (kind, text) = describe(status);
            return Err(self.failed(&table, kind, &text, &ended));
        }
        let read = table
            .file
            .stream_position()
            .map_err(|error| self.lost(error))?;
        if 0 < read && read < table.bytes {
            let text = format!(
                "exited with status 0 but read only {read} of {} bytes",
                table.bytes
            );
            return Err(self.failed(&table, Kind::Rejected, &text, &ended));
        }
        debug!(
            program = self.name,
            table = table.spec.name,
            rows = table.rows,
            "table taken"
        );
        Ok(())
    }

    fn start(&self, table: &SpooledTable, variables: Vec<(String, String)>) -> Result<Process> {
        // The program's copy of the file descriptor shares its position with ours. After the program has exited, our
        // position tells how far it has read.
        let input = table.file.try_clone().map_err(|error| self.lost(error))?;
        let mut command = Command::new(&self.file);
        command
            .args(&self.args)
            .env_clear()
            .envs(environment::inherited())
            .envs(self.env.iter().map(|(name, value)| (name, value.expose())))
            .envs(variables)
            .stdin(Stdio::from(input));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        Process::start(command).map_err(|error| {
            // Too many processes and too little memory are temporary. All other errors would happen again.
            let kind = match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => Kind::Unavailable,
                _ => Kind::Config,
            };
            let (name, table) = (&self.name, &table.spec.name);
            let text = format!("cannot start program `{name}` for table `{table}`");
            Error::new(kind, text).with_source(error)
        })
    }

    /// The error "program `x` for table `y` `what`", with the last lines of standard error as its source.
    fn failed(&self, table: &SpooledTable, kind: Kind, what: &str, ended: &Finished) -> Error {
        let (name, table) = (&self.name, &table.spec.name);
        let text = format!("program `{name}` for table `{table}` {what}");
        let error = Error::new(kind, text);
        match ended.last_lines() {
            Some(lines) => error.with_source(lines),
            None => error,
        }
    }

    fn lost(&self, error: io::Error) -> Error {
        Error::io("wait for the program", Path::new(&self.name), error)
    }
}

fn describe(status: ExitStatus) -> (Kind, String) {
    match status.code() {
        Some(TRY_LATER) => (
            Kind::Unavailable,
            format!("exited with status {TRY_LATER}, which means: try again later"),
        ),
        Some(code) => (Kind::Rejected, format!("failed with exit status {code}")),
        // On Unix, a status without a code displays as the number and name of the signal.
        None => (Kind::Unavailable, format!("was killed ({status})")),
    }
}

fn check_env<'a>(names: impl Iterator<Item = &'a String>) -> Result<()> {
    for name in names {
        let text = if name.starts_with(OURS) {
            format!(
                "option `env` cannot set `{name}`, because the sink sets variables that begin with `{OURS}`"
            )
        } else if name.is_empty() || name.contains(['=', '\0']) {
            format!(
                "option `env` contains `{}`, which is not a valid variable name",
                name.escape_default()
            )
        } else {
            continue;
        };
        return Err(Error::new(Kind::Config, text));
    }
    Ok(())
}

fn check_directory(directory: &Path) -> Result<()> {
    let failed = |error| Error::io("start a program in", directory, error);
    let metadata = directory.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Ok(());
    }
    Err(failed(io::ErrorKind::NotADirectory.into()))
}
