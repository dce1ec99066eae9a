//! The registry entry of a sink.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::Schema;

use crate::{Context, Options, Receipt, Result, Sink, Store};

/// A sink that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Sink>>> + Send>>;

/// Dead letters that are being sent again.
pub type Redelivering = Pin<Box<dyn Future<Output = Result<Receipt>> + Send>>;

/// A sink's entry in the [registry](crate::registry): everything that is known about the sink before it is opened.
///
/// It gets the options that the sink was opened with, and the sink's own [`Store`].
/// What the destination takes now is kept no longer and is counted in the receipt; what it refuses again stays.
/// With nothing to send, the receipt counts nothing.
pub type Redeliver = fn(Options, Arc<dyn Store>) -> Redelivering;

/// A constant entry in the [registry](crate::registry): all that is known of a sink before it is opened.
///
/// Submit it with [`inventory::submit!`](crate::inventory::submit).
/// Help, documentation and error messages are made from it.
pub struct Descriptor {
    /// The name in configurations: lower-case letters, digits, `-` and `_`.
    pub name: &'static str,
    /// What the sink does, in one sentence on one line, with a full stop.
    pub summary: &'static str,
    /// The option that the target of a [`Spec`](crate::Spec) fills, such as `path`.
    pub target: &'static str,
    /// What a reader of the destination can count on.
    pub delivery: Delivery,
    /// The JSON Schema of the options.
    pub options: fn() -> Schema,
    /// Opens the sink; a configuration that cannot work fails here and not at the first batch.
    pub open: fn(Context, Options) -> Opening,
    /// Sends dead letters again; `None` for a sink that keeps none.
    pub redeliver: Option<Redeliver>,
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What readers of a sink's destination can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// All tables change at one moment, when the sink finishes.
    Atomic,
    /// Sees batches as they come, some of them more than once after a failure, but then with the same ids.
    ///
    /// Only the outcome tells whether the snapshot is whole.
    AtLeastOnce,
}

inventory::collect!(Descriptor);
