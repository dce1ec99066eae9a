//! How a sink makes itself known.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use schemars::Schema;

use crate::{Context, Options, Result, Sink};

/// A sink that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Sink>>> + Send>>;

/// A constant entry in the [registry](crate::registry): all that is known of a sink before it is opened.
///
/// Submit it with [`inventory::submit!`](crate::inventory::submit).
/// Help, documentation and error messages are made from it.
pub struct Descriptor {
    /// The name in configurations: lower-case letters, digits, `-` and `_`.
    pub name: &'static str,
    /// What the sink does, in one line.
    pub summary: &'static str,
    /// The option that the target of a [`Spec`](crate::Spec) fills, such as `path`.
    pub target: &'static str,
    /// What a reader of the destination can count on.
    pub delivery: Delivery,
    /// The JSON Schema of the options.
    pub options: fn() -> Schema,
    /// Opens the sink; a configuration that cannot work fails here and not at the first batch.
    pub open: fn(Context, Options) -> Opening,
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a reader of a sink's destination can count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// Sees nothing before the end and then everything once.
    Atomic,
    /// Sees batches as they come, some of them more than once after a failure.
    AtLeastOnce,
}

inventory::collect!(Descriptor);
