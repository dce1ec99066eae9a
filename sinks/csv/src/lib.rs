//! The `csv` sink: every table as a CSV file that is safe to open.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
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
//! Files follow RFC 4180: commas, CRLF line ends, and always a header. The encoding is UTF-8. The options `delimiter`,
//! `newlines`, `bom` and `dates` change that, for example for a spreadsheet whose list separator is a semicolon.
//!
//! | value | cell |
//! | --- | --- |
//! | null | empty, without quotes |
//! | empty text | `""` |
//! | text | unchanged, quoted where necessary |
//! | text that a spreadsheet would run as a formula | `'` and the text |
//! | true, 7, 0.5 | `true`, `7`, `0.5` |
//! | wall-clock timestamp | `2026-09-01T12:00:00`, with six decimals if it has a fraction |
//! | timestamp in UTC | `2026-09-01T12:00:00Z` |
//!
//! The `'` has a price: a cell with `'=1` may have been the text `=1` or the text `'=1`. If programs read the files,
//! turn `formula_prefix` off. The manifest says which setting was used.
//!
//! [`fortilake_snapshot`] documents where files are written and when readers see them.
//!
//! Other encodings and nested columns are not supported. Use Parquet for these.

mod cell;
mod config;
mod dialect;
mod encode;
mod sink;
