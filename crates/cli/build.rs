//! Sets `FORTILAKE_VERSION`, which `fortilake --version` prints: the version, the commit and its date.
//!
//! Outside a checkout, such as in a source archive or a vendored copy, there is no commit to name.
//! The date is then the one of `SOURCE_DATE_EPOCH`, if it is set. Both are properties of the
//! source, never of the build, so two builds of the same source are equal.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let version = env!("CARGO_PKG_VERSION");
    let version = match commit().or_else(source_date) {
        Some(origin) => format!("{version} ({origin})"),
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=FORTILAKE_VERSION={version}");
}

/// The abbreviated commit and its date, if this is a checkout of fortilake.
fn commit() -> Option<String> {
    // A vendored copy of this crate can be inside the checkout of another project.
    if git(&["rev-parse", "--show-prefix"])? != "crates/cli/" {
        return None;
    }
    let commit = git(&[
        "log",
        "-1",
        "--abbrev=9",
        "--date=format-local:%Y-%m-%d",
        "--format=%h %cd",
    ])?;
    // `HEAD` changes with a checkout, and the branch that it names with a commit. If the branch is
    // packed, it has no file of its own, and only the log of `HEAD` shows its next commit. Cargo
    // reruns this script in every build if a file is missing, so only existing files are named.
    let branch = git(&["rev-parse", "--symbolic-full-name", "HEAD"]);
    for name in ["HEAD", "logs/HEAD"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).is_file()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    Some(commit)
}

/// Runs `git` in this crate's folder; without `git` or a repository, there is no output.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .env("TZ", "UTC0")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// The UTC date of `SOURCE_DATE_EPOCH`, which counts seconds since 1970.
fn source_date() -> Option<String> {
    let seconds: u64 = env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    let mut days = seconds / 86_400;
    let mut year = 1970;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    Some(format!("{year}-{month:02}-{:02}", days + 1))
}
