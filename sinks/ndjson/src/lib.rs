//! The `ndjson` sink: one line of JSON per row, in files or on standard output.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
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
//! With a folder, each table is one file. [`fortilake_snapshot`] documents where files are written and when readers see
//! them.
//!
//! With `-`, all rows go to standard output, each with its table as the first member:
//!
//! ```text
//! {"_table":"accounts","account_id":7,…}
//! {"_table":"products","account_id":7,"serial_number":"FGT60F0000000001",…}
//! {"_outcome":{"crawl_id":"…","complete":true,…}}
//! ```
//!
//! The last line is the outcome of the crawl. If it is missing, the process died while it wrote, and rows are missing.
//! In a script, `set -o pipefail` detects that too.
//!
//! Lines are written when the crawl has ended, and never for an aborted crawl, because output to a pipe cannot be
//! undone. Until then they are stored in an unnamed temporary file. The sink has no memory: a crawl that is delivered
//! again writes all its lines again. If the reader closes the pipe early, as `head` does, that is not an error; the
//! receipt counts the rows that were written.
//!
//! [`fortilake_sink::json`] documents how values are encoded.
//!
//! Compression is not supported. Pipe the output into a compressor instead.

mod config;
mod encode;
mod pipe;
mod sink;
