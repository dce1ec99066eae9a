//! What sinks that write files share: staging, publishing, and the manifest.
//!
//! A file sink brings a [`Format`]; [`open`] makes a [`Sink`](crate::Sink) of it that publishes into a folder:
//!
//! ```text
//! PATH/products/snapshot=20260901T120000Z/part-00000.parquet   layout `snapshots`
//! PATH/products.csv                                            layout `latest`
//! PATH/_fortilake/staging/20260901T120000Z-parquet.71-0/       not published yet
//! PATH/_fortilake/snapshots/20260901T120000Z.json              the manifest of a snapshot
//! PATH/_fortilake/latest.json                                  names the newest manifest
//! PATH/_fortilake/lock                                         held while publishing
//! ```
//!
//! Files are written whole and synced in the staging folder and then renamed into place, the manifest after them
//! and `latest.json` last, so no reader ever opens half a file and whoever starts at `latest.json` finds all of it.
//! Several sinks may publish one crawl into one folder: each merges its files into the snapshot's manifest.
//!
//! Before the first rename a plan of all of them is put into the staging folder.
//! A process that dies after that leaves the folder behind, and the next sink of that name finishes the plan;
//! what was left behind without a plan is removed.
//!
//! In the layout `latest` the files of a newer snapshot replace those of an older one, table by table.
//! The older manifest stays as a record; its files are known to be replaced by their `sha256`.

pub use self::format::{Encoder, Format, Output};
pub use self::layout::Layout;
pub use self::manifest::{Column, File, Latest, MadeBy, Manifest, SCHEMA_VERSION, Table};
pub use self::sink::{Target, open};

mod disk;
mod format;
mod layout;
mod manifest;
mod plan;
mod root;
mod sink;
mod staging;
#[cfg(test)]
mod tests;
