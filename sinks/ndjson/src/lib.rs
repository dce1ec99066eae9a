//! The `ndjson` sink: a line of JSON for each row, to files or to a pipe.
//!
//! The crate has no items to call: naming it links the sink into the
//! [registry](fortilake_sink::registry), and a [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_ndjson as _;
//!
//! let files = Spec::parse("ndjson:out?layout=snapshots")?;
//! let pipe = Spec::parse("ndjson:-?tables=products,coverage")?;
//! assert_eq!(pipe.options["path"], "-");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! With a folder, each table is a file; where files go, and when readers see them, is [`fortilake_sink::files`].
//!
//! With `-` all rows go to standard output, each with its table before its columns:
//!
//! ```text
//! {"_table":"accounts","account_id":7,…}
//! {"_table":"products","account_id":7,"serial_number":"FGT60F0000000001",…}
//! ```
//!
//! They come when the crawl has ended, and after an abort not at all,
//! for what went into a pipe cannot be taken back; until then they wait in a temporary file without a name.
//! So whoever reads the pipe sees one whole snapshot or nothing.
//! The price is the wait, which the crawl itself would cause: its first row may come hours before its last.
//! A reader that closes the pipe has seen enough, and that is no error; the receipt counts what it took.
//! Only our death in the middle of writing can end the lines early; `set -o pipefail` tells a script of it.
//!
//! How values look is said in [`fortilake_sink::json`].
//!
//! It leaves out compression, for which a pipe has better programs.

mod config;
mod encode;
mod pipe;
mod select;
mod sink;
