//! The `xlsx` sink: all tables as the sheets of one Excel workbook.
//!
//! The crate has no public items. Naming it links the sink into the [registry](fortilake_sink::registry), and a
//! [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_xlsx as _;
//!
//! let spec = Spec::parse("xlsx:inventory.xlsx?tables=products,entitlements&meta=false")?;
//! assert_eq!(spec.options["path"], "inventory.xlsx");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! | value | cell |
//! | --- | --- |
//! | null | none |
//! | empty text | empty, with the format for text |
//! | text | text, never a formula or a number, so `=1+1` and `0012` stay what they are |
//! | text of more than 32,767 characters | cut, with a note at its end and a row in `issues` |
//! | true, 7, 0.5 | a boolean or a number |
//! | an integer of more than 15 digits | text, because Excel would round it |
//! | wall-clock timestamp | a date with a time |
//! | timestamp in UTC, or one that Excel cannot represent | text, such as `2026-09-01T12:00:00Z` |
//!
//! Excel has no dates before 1900-03-01 that all programs agree on, and none with microseconds or a time zone.
//!
//! # How it is published
//!
//! While batches come, each sheet is compressed into an unnamed temporary file. `finish` puts the sheets together in a
//! hidden file beside the workbook, syncs it, and renames it. So readers see the old workbook or the new one. The
//! workbook's custom properties say which crawl it has, and a file without them is never replaced.
//!
//! Two processes with different states that publish the same workbook at the same moment do not wait for each other:
//! the later rename wins. Each of the two workbooks is whole.
//!
//! # Decisions
//!
//! - **The XML is written here** and not by `rust_xlsxwriter`. In its mode with bounded memory, that crate panics if the
//!   disk for its temporary files is full, and a sink has to report that. What we need of the format is small: text,
//!   numbers, dates and a header. The `zip` crate writes and reads the container.
//! - **Text is in the cells** and not in a table of shared strings, which would have to be in memory. The price is a
//!   larger file before compression.
//!
//! # Not supported
//!
//! - More than 1,048,576 rows, 16,384 columns or 4 GiB of XML per sheet. These are limits of the format, and the sink
//!   fails with an error that names the table.
//! - Buckets. Publish files with the sink `csv` or `parquet` there.

mod cell;
mod config;
mod document;
mod identity;
mod output;
mod sheet;
mod sink;
mod workbook;
mod xml;
