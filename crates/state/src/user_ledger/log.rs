//! The two sliding logs of a user.

/// One of a user's two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogKind {
    /// The times at which calls were answered.
    Calls,
    /// The times of the responses that were errors. Each one is in `Calls` too.
    Errors,
}

impl LogKind {
    /// The value of the column `log`.
    pub(crate) fn id(self) -> i64 {
        match self {
            Self::Calls => 0,
            Self::Errors => 1,
        }
    }
}

/// The numbers of the first and last entry of a log. If the log is empty, `first` is `last + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
}
