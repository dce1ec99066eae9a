//! How processes are named in messages.

/// Describes a process: its id, host and start, in microseconds of Unix time.
pub(crate) fn describe(pid: i64, host: &str, since: i64) -> String {
    let since = match jiff::Timestamp::from_microsecond(since) {
        Ok(time) => format!(" since {time:.0}"),
        Err(_) => String::new(),
    };
    format!("process {pid} on `{host}`{since}")
}

/// The name of this machine.
#[cfg(unix)]
pub(crate) fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// The name of this machine.
#[cfg(not(unix))]
pub(crate) fn host() -> String {
    "this machine".to_owned()
}
