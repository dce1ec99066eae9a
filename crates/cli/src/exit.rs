//! Exit codes, and the failures that lead to them.

use std::{error::Error, process::ExitCode};

use fortilake_crawler as crawler;

use crate::time::Time;

/// The exit code of the process. The numbers are a documented interface for schedulers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// Everything was done.
    Complete = 0,
    /// An unexpected error, or a sink that failed.
    Failed = 1,
    /// Nothing was done, because of usage, configuration, credentials or permissions.
    NotStarted = 2,
    /// Published, but some scopes failed.
    Partial = 3,
    /// Read but refused: the snapshot is partial, covers only a selection, or lost too many rows and no flag allows that.
    Refused = 4,
    /// Paused at a limit or a deadline, or another process holds the lock; the same command
    /// continues later.
    Paused = 75,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl Code {
    /// The name of the outcome in traces.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::NotStarted => "not_started",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
impl Code {
    /// Every exit code. A test holds the documentation against this list.
    pub(crate) const ALL: [Self; 7] = [
        Self::Complete,
        Self::Failed,
        Self::NotStarted,
        Self::Partial,
        Self::Refused,
        Self::Paused,
        Self::Interrupted,
    ];
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The exit code.
    pub(crate) code: Code,
    /// What failed, with its causes.
    pub(crate) error: anyhow::Error,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

/// What to do if a system refuses the user.
pub(crate) const CREDENTIALS_HINT: &str = "check the user and its password or key; in FortiCloud, downloading the \
    credentials file again resets the password";

/// The result of a command.
pub(crate) type Result<T = Code> = std::result::Result<T, CommandError>;

impl CommandError {
    /// A failure with exit code 2: nothing was done.
    pub(crate) fn not_started(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: Code::NotStarted,
            error: error.into(),
            hint: None,
        }
    }

    /// A failure with exit code 75: another process is at work, and the same command can be run
    /// again later.
    pub(crate) fn busy(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: Code::Paused,
            error: error.into(),
            hint: None,
        }
    }

    /// A failure with exit code 1.
    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: Code::Failed,
            error: error.into(),
            hint: None,
        }
    }

    /// Sets the hint, replacing an earlier one.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what was being attempted; the error so far becomes its cause.
    #[must_use]
    pub(crate) fn context(mut self, context: impl Into<String>) -> Self {
        self.error = self.error.context(context.into());
        self
    }
}

impl From<crawler::Error> for CommandError {
    fn from(error: crawler::Error) -> Self {
        use crawler::Kind;
        let (code, hint) = match error.kind() {
            Kind::Configuration => (Code::NotStarted, None),
            Kind::Credentials => (Code::NotStarted, Some(CREDENTIALS_HINT)),
            Kind::Paused => (Code::Paused, None),
            Kind::Interrupted => (Code::Interrupted, None),
            Kind::Sinks => (
                Code::Failed,
                Some("fix the cause, then run the same command again"),
            ),
            _ => (Code::Failed, None),
        };
        let pause = error.pause();
        let resume =
            pause.map(|pause| format!("the API allows calls again at {}", Time(pause.resume_at)));
        let hint = hint.map(str::to_owned).or(resume);
        let hint = hint.or_else(|| state_hint(&error));
        let hint = hint.or_else(|| permission_hint(&error));
        Self {
            code,
            error: error.into(),
            hint,
        }
    }
}

/// What to do about a permission that is missing, if that is among the causes.
fn permission_hint(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let found = error.downcast_ref::<fortilake_client::Error>();
        if found.is_some_and(|error| error.kind() == fortilake_client::Kind::Refused) {
            let hint = "run `fortilake check`: it says which permissions the API user lacks";
            return Some(hint.to_owned());
        }
        cause = error.source();
    }
    None
}

/// The hint of a state error, if there is one among the causes.
fn state_hint(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<fortilake_state::Error>() {
            return error.hint().map(str::to_owned);
        }
        cause = error.source();
    }
    None
}

impl From<fortilake_sink::Error> for CommandError {
    fn from(error: fortilake_sink::Error) -> Self {
        use fortilake_sink::Kind;
        let (code, hint) = match error.kind() {
            Kind::Config => (Code::NotStarted, None),
            Kind::Refused => (Code::Refused, None),
            Kind::Full => (
                Code::Failed,
                Some("free some space there, then run the same command again"),
            ),
            _ => (Code::Failed, None),
        };
        Self {
            code,
            error: error.into(),
            hint: hint.map(str::to_owned),
        }
    }
}

/// Renders a failure as text: the error, its causes, and the hint.
pub(crate) fn render(failure: &CommandError) -> String {
    let mut text = format!("error: {}\n", failure.error);
    for cause in failure.error.chain().skip(1) {
        for (number, line) in cause.to_string().lines().enumerate() {
            let lead = if number == 0 {
                "  caused by: "
            } else {
                "             "
            };
            text.push_str(lead);
            text.push_str(line);
            text.push('\n');
        }
    }
    if let Some(hint) = &failure.hint {
        text.push_str("\nhint: ");
        text.push_str(hint);
        text.push('\n');
    }
    text
}
