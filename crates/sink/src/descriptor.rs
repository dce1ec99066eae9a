//! The registry entry of a sink.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::Schema;

use crate::options::{self, Options};
use crate::{Context, Receipt, Result, Sink, Store};

/// The future that the functions of a [`Descriptor`] return.
pub type Task<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A maintenance operation on a sink's target outside a crawl. It gets the sink's options and its [`Store`].
pub type Maintain<T> = fn(Options, Arc<dyn Store>) -> Task<T>;

/// A sink's entry in the [registry](crate::registry): everything that is known about the sink before it is opened.
///
/// Submit it with [`inventory::submit!`](crate::inventory::submit). Help texts, documentation and error messages are
/// generated from it.
pub struct Descriptor {
    /// The name in configurations: lower-case letters, digits, `-` and `_`.
    pub name: &'static str,
    /// What the sink does, in one sentence on one line, with a full stop.
    pub summary: &'static str,
    /// The option that the target of a [`Spec`](crate::Spec) fills, such as `path`.
    pub target: &'static str,
    /// The JSON Schema of the options; options of type [`Secret`](crate::Secret) are resolved before the sink sees
    /// them.
    pub options: fn() -> Schema,
    /// What readers of the destination can rely on. It may depend on the options.
    pub delivery: fn(&Options) -> Result<Delivery>,
    /// Opens the sink, before the crawl makes its first API call.
    ///
    /// It probes the target, claims a name for the crawl, and refuses a selection that does not cover what is
    /// published. So a configuration that cannot work fails here and not at the first batch.
    pub open: fn(Context, Options) -> Task<Box<dyn Sink>>,
    /// Checks that the target can be written to, and leaves nothing behind. `open` does the same first.
    pub probe: fn(Options) -> Task<()>,
    /// Finishes or undoes what dead processes left at the target; `None` if the sink never leaves anything.
    ///
    /// It is called outside a crawl, and only while no other process uses the same state.
    pub recover: Option<Maintain<()>>,
    /// Sends the sink's dead letters again: messages that it kept because its destination rejected them.
    ///
    /// It gets the options that the sink was opened with, and the sink's own [`Store`]. Messages that are accepted now
    /// are removed and counted in the receipt; messages that are rejected again stay. `None` if the sink keeps no dead
    /// letters.
    pub redeliver: Option<Maintain<Receipt>>,
}

impl Descriptor {
    /// What an option accepts, such as "one of `zstd`, `snappy` or `none`"; `None` for an unknown option.
    ///
    /// Error messages describe the option in the same words.
    pub fn accepts(&self, option: &str) -> Option<String> {
        options::accepts((self.options)().as_value(), option)
    }

    /// The options that must be set.
    pub fn required(&self) -> Vec<String> {
        options::required((self.options)().as_value())
    }
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
    /// Each table changes at its own moment, and all tables carry the same snapshot name.
    AtomicPerTable,
    /// Batches arrive one by one and may be repeated under the same ids. The outcome is the last message.
    ///
    /// Only the outcome tells whether the snapshot is whole.
    AtLeastOnce,
}

inventory::collect!(Descriptor);
