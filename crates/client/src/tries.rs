//! The tries of a call, as its error reports them.

/// The failed tries of a call so far. A caller that tries the call again later passes them on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    /// How many tries there were.
    pub(crate) count: u32,
    /// A digest of the last response, if a retry would most likely get the same one.
    pub(crate) digest: Option<u64>,
}

impl Tries {
    /// A single try, for calls that are not retried.
    pub(crate) const ONE: Self = Self {
        count: 1,
        digest: None,
    };
}

/// How far a try got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TryStage {
    /// The sign-in failed, so the call itself was not sent.
    SignIn,
    /// The call was sent, or may have been.
    Call,
}
