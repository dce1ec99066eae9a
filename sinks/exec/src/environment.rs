//! Selects the environment variables that a program inherits.
//!
//! The environment of fortilake often contains every secret of the configuration, and a program that loads tables only
//! needs its own. So a program inherits what it needs to run at all, and the option `env` adds the rest.

use std::env;
use std::ffi::{OsStr, OsString};

/// Variables that many programs need and that contain no secrets.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "TMPDIR",
    // Where OpenSSL, and therefore most programs that use TLS, finds CA certificates.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    // Programs on Windows need these to start.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
];

/// The prefix of further locale settings, such as `LC_ALL`.
const LOCALE: &str = "LC_";

/// The variables of fortilake's own environment that a program inherits.
pub(crate) fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os().filter(|(name, _)| is_inherited(name))
}

fn is_inherited(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    // Names of variables are case-insensitive on Windows and case-sensitive elsewhere.
    let is_same = |other: &&str| {
        if cfg!(windows) {
            name.eq_ignore_ascii_case(other)
        } else {
            name == *other
        }
    };
    name.starts_with(LOCALE) || INHERITED.iter().any(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_inherit_what_they_need_to_run_and_no_secrets() {
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ"] {
            assert!(is_inherited(OsStr::new(name)), "{name}");
        }
        for name in [
            "",
            "FORTICLOUD_PASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "PATHS",
            "XLC_ALL",
        ] {
            assert!(!is_inherited(OsStr::new(name)), "{name}");
        }
    }
}
