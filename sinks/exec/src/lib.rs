//! The `exec` sink: passes every table to a program on its standard input.
//!
//! The crate has no items to call. Mention it as `use fortilake_sink_exec as _`, which links the sink into the
//! [registry](fortilake_sink::registry), and open it with a [`Spec`](fortilake_sink::Spec).
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
//! While the crawl runs, each table is written to an unnamed temporary file: in the folder of the option `spool`, or
//! else in the folder that the caller provides (that of its state), or else in the system's folder for temporary files.
//! At the end, the program is started once per table, in the order of the crawl's tables, with that file as its standard
//! input: an Arrow IPC stream, or one line of JSON per row.
//!
//! The input is a file and not a pipe, so a table is complete before its program starts, even if fortilake dies in the
//! meantime. A program can seek in it, map it or open `/dev/stdin` again, and cannot block fortilake by not reading. The
//! price is disk space: every table takes its full size in that folder.
//!
//! # Environment of the program
//!
//! | variable | value |
//! | --- | --- |
//! | `FORTILAKE_TABLE` | the table's name |
//! | `FORTILAKE_KEY` | the columns that together are unique within a snapshot, separated by commas; may be empty |
//! | `FORTILAKE_ROWS` | the number of rows |
//! | `FORTILAKE_FORMAT` | `arrow` or `ndjson` |
//! | `FORTILAKE_CRAWL_ID` | the crawl's id, the same in every delivery of the crawl |
//! | `FORTILAKE_SNAPSHOT` | the snapshot's name, `YYYYMMDDTHHMMSSZ` |
//! | `FORTILAKE_STARTED_AT` | when the crawl started, in RFC 3339 format |
//! | `FORTILAKE_COMPLETE` | `true`, or `false` if scopes failed and rows are missing |
//! | `FORTILAKE_FAILED_SCOPES` | the number of failed scopes |
//!
//! A program does not inherit the whole environment, which may contain the secrets of other systems. It gets `PATH`,
//! `HOME`, `USER`, `SHELL`, `LANG`, `LC_*`, `TZ`, `TERM`, `TMPDIR`, `SSL_CERT_FILE` and the like, and the variables of
//! the option `env`. Their values may be secrets that the caller resolves:
//! `env = { PGPASSWORD = { env = "PGPASSWORD" } }`. Pass proxy settings and `LD_LIBRARY_PATH` in the same way.
//!
//! # Exit status of the program
//!
//! Exit status 0 means that the program has taken the table, and 75 (`EX_TEMPFAIL`) that a later attempt may succeed.
//! Any other status means that it refused the table; the last lines of its standard error are reported as the reason.
//! A program that began to read and stopped halfway has not taken the table, even if it exits with 0. A program that
//! read nothing at all is believed, because it may have no use for that table.
//! A program that runs longer than `timeout` is killed.
//! Its standard output and standard error are logged at debug level and never mix with fortilake's own standard output.
//!
//! # Delivery
//!
//! Tables are delivered one after the other. If one fails, the tables before it have been taken.
//! The sink records which tables were taken, by edition of the crawl and table, so the next delivery of the crawl starts
//! programs only for the others. With `resend = true`, it starts them for all tables.
//! If fortilake dies while a program runs, it cannot know whether the program took the table. So delivery is at least
//! once: a program must replace what it has of the same `FORTILAKE_CRAWL_ID` and table instead of adding to it.
//! If the crawl is aborted, no program is started.
//!
//! Programs do not outlive the sink: dropping `finish` kills them and everything that they have started.
//! Only if fortilake itself is killed with `kill -9` do they keep running.
//!
//! No shell is involved: `command` is a program and is never split into words, so every file name is safe.
//! To use a shell, name it, as in `command = ["sh", "-c", "…"]`.

mod config;
mod encode;
mod environment;
mod find;
mod process;
mod program;
mod progress;
mod sink;
mod spool;
