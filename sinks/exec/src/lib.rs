//! The `exec` sink: every table to a program, on its standard input.
//!
//! The crate has no items to call: naming it links the sink into the
//! [registry](fortilake_sink::registry), and a [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_exec as _;
//!
//! let spec = Spec::parse("exec:./load.py?format=ndjson&timeout=10m")?;
//! assert_eq!(spec.options["command"], "./load.py");
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! While the crawl runs, each table is gathered in a temporary file without a name.
//! At the end the program is started once for each table, in the order of the crawl's tables,
//! with that file as its standard input: an Arrow IPC stream, or a line of JSON per row.
//! Because it is a file and not a pipe, a table that was started is there whole, whatever becomes of us;
//! a program may seek in it, map it, or open `/dev/stdin` again; and none can block by not reading.
//! The price is the disk: a table takes its size in the temporary folder.
//!
//! # What the program is told
//!
//! | variable | value |
//! | --- | --- |
//! | `FORTILAKE_TABLE` | the table's name |
//! | `FORTILAKE_KEY` | the columns that are unique within a snapshot, with commas between; may be empty |
//! | `FORTILAKE_ROWS` | how many rows come |
//! | `FORTILAKE_FORMAT` | `arrow` or `ndjson` |
//! | `FORTILAKE_CRAWL_ID` | the crawl's id, the same whenever the same crawl is delivered |
//! | `FORTILAKE_SNAPSHOT` | the snapshot's name, `YYYYMMDDTHHMMSSZ` |
//! | `FORTILAKE_STARTED_AT` | when the crawl started, as in RFC 3339 |
//! | `FORTILAKE_COMPLETE` | `true`, or `false` if scopes failed and rows are missing |
//! | `FORTILAKE_FAILED_SCOPES` | how many scopes failed |
//!
//! Beside these it has the environment that we were started with, and what the option `env` adds.
//!
//! # What the program answers
//!
//! Its exit status is the receipt.
//! 0 says that the table was taken, and 75 (`EX_TEMPFAIL`) that a later try may succeed;
//! any other says that the table was refused, and then the last lines of its standard error are the reason.
//! A program that began to read and stopped half-way has not taken the table, even if it says so;
//! one that did not read at all is believed, for it may have no use for that table.
//! It is killed if it takes longer than `timeout`.
//! What it writes to standard output and error is logged at debug; our own standard output is not its own.
//!
//! # Delivery
//!
//! A program sees whole tables, but its destination sees them one after the other,
//! and when one fails the tables before it were taken.
//! The next delivery begins with the first again, so delivery is at least once:
//! a program replaces what it has of the same `FORTILAKE_CRAWL_ID` and table instead of adding to it.
//! After an abort no program was started.
//!
//! Programs do not outlive the sink: dropping `finish` kills those that run and all that they started.
//! Only a process that is ended without a chance to drop anything, as by `kill -9`, leaves them to finish.
//!
//! It leaves out shells: `command` is a program and never a line to be split, so no file name can be misread.
//! Who wants a shell names it, as in `command = ["sh", "-c", "…"]`.

mod config;
mod encode;
mod find;
mod process;
mod program;
mod sink;
mod spool;
