//! The `csv` sink: every table as a CSV file that is safe to open.
//!
//! The crate has no items to call: naming it links the sink into the
//! [registry](fortilake_sink::registry), and a [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_csv as _;
//!
//! let spec = Spec::parse("csv:out?formula_prefix=false")?;
//! assert_eq!(spec.options["formula_prefix"], false);
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! Files are as RFC 4180 has them: UTF-8, commas, lines that end in CRLF, a header always.
//!
//! | value | cell |
//! | --- | --- |
//! | null | nothing |
//! | empty text | `""` |
//! | text | as it is, quoted where it must be |
//! | text that a spreadsheet would run as a formula | the same behind a `'` |
//! | true, 7, 0.5 | `true`, `7`, `0.5` |
//! | wall-clock timestamp | `2026-09-01T12:00:00`, with six decimals if it has a fraction |
//! | timestamp in UTC | `2026-09-01T12:00:00Z` |
//!
//! The `'` is a price: a cell that shows `'=1` may have been either text.
//! Whoever reads the files with a program turns `formula_prefix` off, and the manifest says which it was.
//! Where files go, and when readers see them, is [`fortilake_sink::files`].
//!
//! It leaves out other delimiters and encodings, and nested columns: Parquet is there for those.

mod cell;
mod config;
mod encode;
mod sink;
