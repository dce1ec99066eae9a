//! The two logs of a user.

/// Which log of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// When calls were answered.
    Calls,
    /// When calls turned out to be errors.
    Errors,
}

impl Log {
    /// As the table names it.
    pub(super) fn id(self) -> i64 {
        match self {
            Self::Calls => 0,
            Self::Errors => 1,
        }
    }
}

/// The numbers of the entries that a log still has; the first is above the last if there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: i64,
    pub(super) last: i64,
}
