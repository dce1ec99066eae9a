//! The `{{name}}` sink: one file of JSON lines per crawl.
//!
//! The crate has no public items: importing it links the sink into the
//! [registry](fortilake_sink::registry), and a [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use {{crate}} as _;
//!
//! let spec = Spec::parse("{{name}}:out")?;
//! assert_eq!(spec.options["path"], "out");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! The file is called `NAME_CRAWL.jsonl`, from the name of the snapshot, which sorts by time, and
//! the id of the crawl. The first line names the crawl and its tables. Then there is one line per
//! row, and the last line is the outcome:
//!
//! ```text
//! {"crawl_id":"c1","tables":["products"]}
//! {"table":"products","row":{"serial_number":"FGT60FTK23900101"}}
//! {"outcome":{"complete":true}}
//! ```

mod config;
mod sink;
