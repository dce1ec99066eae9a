//! Whether standard output can be written to at all.

/// Whether the process was started with standard output closed, as by `>&-` in a shell.
///
/// Rust's runtime opens `/dev/null` in the place of a closed descriptor, so that no file that is
/// opened later takes its number. Everything that is written then disappears without an error. The
/// runtime opens it for reading and writing, which a shell's `> /dev/null` does not do, and that
/// tells the two apart. Only Linux shows this without unsafe code; elsewhere the result is
/// `false`.
///
/// If the parent process opened `/dev/null` in both directions, as Python's `DEVNULL` does, the result
/// is also true. Error messages should mention this.
pub fn standard_output_is_closed() -> bool {
    let target = std::fs::read_link("/proc/self/fd/1").unwrap_or_default();
    let info = std::fs::read_to_string("/proc/self/fdinfo/1").unwrap_or_default();
    target.as_os_str() == "/dev/null" && is_read_write(&info)
}

/// Whether the flags of an open file, which are octal, say that it is open in both directions.
fn is_read_write(info: &str) -> bool {
    const ACCESS: u32 = 0o3;
    const READ_WRITE: u32 = 0o2;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & ACCESS == READ_WRITE)
}

#[cfg(test)]
mod tests {
    use super::is_read_write;

    #[test]
    fn flags_are_octal() {
        assert!(is_read_write("pos:\t0\nflags:\t0100002\nmnt_id:\t27\n"));
        assert!(!is_read_write("pos:\t0\nflags:\t0100001\n"));
        assert!(!is_read_write(""));
    }
}
