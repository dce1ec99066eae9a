//! The `{{name}}` sink: one file of JSON lines for each crawl.
//!
//! The crate has no items to call: naming it links the sink into the
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
//! The first line names the crawl and its tables, then comes a line for each row, and the last is the outcome:
//!
//! ```text
//! {"crawl_id":"c1","snapshot":"20260901T120000Z","tables":["products"]}
//! {"table":"products","row":{"serial_number":"FGT60FTK23900101"}}
//! {"outcome":{"complete":true}}
//! ```

mod config;
mod sink;
