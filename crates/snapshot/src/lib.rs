//! The published format: manifests, pointers, the commit protocol and a reader.
//!
//! A *place* is a folder or a bucket that snapshots are published into. `docs/snapshot-format.md` describes the files
//! in it for people who never read this code.
//!
//! A file sink supplies a [`Format`] and a [`FileTarget`]. [`FileTarget::open`] combines them into a
//! [`Sink`](fortilake_sink::Sink) that publishes into a [`Place`]. A [`Reader`] lists, resolves, verifies and prunes
//! published snapshots.
//!
//! # The commit protocol
//!
//! | step | after a crash here, readers see | what the next run of the crawl does |
//! | --- | --- | --- |
//! | probe, recover, claim a name | the old snapshot | finds its claim by the crawl id and keeps the name |
//! | upload files that are not visible yet | the old snapshot | discards them and writes all files again |
//! | complete the files | the old snapshot; a listing shows the new files | writes again under a new token |
//! | put the manifest if it is absent: **the commit** | the old snapshot through the pointer | continues here |
//! | delete the files of other attempts | as above | repeats it |
//! | register in a [`Catalog`], if there is one | the new snapshot through the catalog | registers what is missing |
//! | move the pointer, forward only | the new snapshot | finds it moved |
//! | update the links in the root, prune | the new snapshot | repeats it |
//!
//! Every name that is written is new: each crawl claims its snapshot name, and file names contain a token that is
//! unique to the attempt. A slow process can therefore never overwrite what another process has published. The manifest
//! is the commit, and it is written only if it is absent. A process that loses this race adopts the winner's manifest,
//! because only another attempt of the same crawl can have written it.
//!
//! # Not supported
//!
//! Two sinks cannot contribute to one snapshot. The manifest is immutable, so each layout of a place holds one format.

pub use self::bucket::{BucketOptions, Encryption, scheme, variables};
pub use self::catalog::Catalog;
pub use self::choice::{Choice, Chosen, Columns, Meta, Names};
pub use self::format::{Encoder, Format, Output};
pub use self::join::{Join, Joined};
pub use self::layout::Layout;
pub use self::local::LocalPlace;
pub use self::manifest::{File, MadeBy, Manifest, PublishedColumn, PublishedTable, SCHEMA_VERSION};
pub use self::names::Claim;
pub use self::place::{Digest, Link, Lock, Object, Place, Put, Tag, Unfinished, Upload};
pub use self::pointer::{Latest, LatestComplete};
pub use self::prune::Keep;
pub use self::reader::{Damage, Published, Reader, Which};
pub use self::rules::PartialRule;
pub use self::target::FileTarget;

mod bucket;
mod catalog;
mod choice;
#[cfg(feature = "cloud")]
mod cloud;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod faults;
mod format;
mod join;
mod layout;
mod legacy;
mod local;
mod manifest;
mod names;
mod open;
#[cfg(feature = "parquet")]
pub mod parquet;
mod place;
mod pointer;
mod prune;
mod reader;
mod roots;
mod rules;
mod sink;
mod target;
#[cfg(test)]
mod tests;
mod token;
mod uploads;
