//! `cargo xtask interop`: checks that need third-party software.
//!
//! Published Python readers read our files and check the totals of the report, published Python
//! clients call our simulator, a published package verifies our webhooks, programs receive our
//! tables, and we crawl a server that shares no code with this workspace. The sinks `postgres` and
//! `ducklake` write to a PostgreSQL server, also through PgBouncer, and file sinks to servers that speak
//! the protocols of S3, Azure Blob Storage and Google Cloud Storage. Delta tables and DuckLake catalogs
//! are read by the programs that they are for. Spark reads our files, and runs our example job on two executors.
//! Five machines, which are network namespaces, share an API user by a state in PostgreSQL.
//!
//! These checks are not part of `cargo test`, because they need Python and a package registry, npm, Java,
//! the programs of PostgreSQL and PgBouncer, or the rights of root.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    executable,
    python::{environment, succeed},
};

/// The scripts in the order in which they run. Each prints `N passed, M failed` at its end.
const SCRIPTS: [&str; 7] = [
    "read.py",
    "report.py",
    "clients.py",
    "sinks.py",
    "foreign.py",
    "load.py",
    POSTGRES,
];

/// The script that needs a PostgreSQL server.
const POSTGRES: &str = "postgres.py";

/// The script that runs fortilake on several machines, and the folder that has the library for their clocks.
const MACHINES: &str = "machines.py";
const LIBRARIES: &str = "/usr/lib";

/// The scripts that publish to object stores and in table formats, and the packages that only they
/// need.
const LAKE: [&str; 2] = ["lake.py", "formats.py"];
const LAKE_PACKAGES: &str = "lake.txt";

/// The script that needs Java, its packages, and the oldest Java that this Spark runs on.
const SPARK: &str = "spark.py";
const SPARK_PACKAGES: &str = "spark.txt";
const OLDEST_JAVA: u32 = 17;

/// The npm package with a server that speaks the protocol of Azure Blob Storage.
const AZURITE: &str = "azurite@3.37.0";

/// Runs all scripts and the tests with servers, even if one fails.
///
/// # Errors
///
/// Fails if the environment or the binary cannot be built, or if a check failed.
pub fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the directory of xtask has no parent")?;
    let scripts = root.join("xtask/interop");
    let venv = root.join("target/interop/venv");
    let python = environment(&scripts.join("requirements.txt"), &venv)?;
    let binary = build()?;
    let mut failed = Vec::new();
    let has_postgres = has_postgres();
    if !has_postgres {
        left_out(
            "PostgreSQL or PgBouncer is not installed, so what uses a database is not checked",
        );
    }
    for script in SCRIPTS {
        if script == POSTGRES && !has_postgres {
            continue;
        }
        if !succeeds(&python, &scripts.join(script), &binary, None)? {
            failed.push(script);
        }
    }
    match missing_for_machines(has_postgres) {
        Some(reason) => left_out(&format!("{reason}, so several machines are not checked")),
        None if succeeds(&python, &scripts.join(MACHINES), &binary, None)? => {}
        None => failed.push(MACHINES),
    }
    let packages = scripts.join(LAKE_PACKAGES);
    let python = environment(&packages, &venv.with_file_name("lake"))?;
    let azurite = azurite(&venv.with_file_name("azurite"))?;
    if azurite.is_none() {
        left_out("npm is not installed, so places on Azure are not checked");
    }
    for script in LAKE {
        if !succeeds(&python, &scripts.join(script), &binary, azurite.as_deref())? {
            failed.push(script);
        }
    }
    if has_java() {
        let python = environment(&scripts.join(SPARK_PACKAGES), &venv.with_file_name("spark"))?;
        if !succeeds(&python, &scripts.join(SPARK), &binary, None)? {
            failed.push(SPARK);
        }
    } else {
        left_out(&format!(
            "Java {OLDEST_JAVA} or newer is not installed, so nothing is checked with Spark"
        ));
    }
    if traces().is_err() {
        failed.push("the tests of traces");
    }
    if lake().is_err() {
        failed.push("the tests of places on object stores");
    }
    if has_postgres && postgres().is_err() {
        failed.push("the tests with a PostgreSQL server");
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Says that a check is left out.
#[expect(
    clippy::print_stderr,
    reason = "a check that is left out must be visible"
)]
fn left_out(text: &str) {
    eprintln!("{text}");
}

/// Runs a script with the paths of the binary and of Azurite, and returns whether all its checks passed.
fn succeeds(python: &Path, script: &Path, binary: &Path, azurite: Option<&Path>) -> Result<bool> {
    let mut script_run = Command::new(python);
    script_run
        .arg(script)
        .arg(binary)
        // The scripts import each other, which would leave cache files in the repository.
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(azurite) = azurite {
        script_run.env("AZURITE", azurite);
    }
    let status = script_run
        .status()
        .with_context(|| format!("cannot run `{}`", python.display()))?;
    Ok(status.success())
}

/// Installs Azurite into a folder, and returns its program; `None` without npm.
fn azurite(folder: &Path) -> Result<Option<PathBuf>> {
    let program = folder.join("node_modules/azurite/dist/src/blob/main.js");
    // Written last, so that an interrupted installation is repeated.
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == AZURITE) {
        return Ok(Some(program));
    }
    let mut version = Command::new("npm");
    if !version
        .arg("--version")
        .output()
        .is_ok_and(|ended| ended.status.success())
    {
        return Ok(None);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
    ]);
    succeed(npm.arg(folder).arg(AZURITE))?;
    fs::write(&stamp, AZURITE).with_context(|| format!("cannot write `{}`", stamp.display()))?;
    Ok(Some(program))
}

/// Runs the tests of the commit protocol on an object store in memory.
///
/// `cargo test` does not, because no crate of the workspace enables the feature by default.
fn lake() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("test").args(ALL_FEATURES);
    succeed(cargo.args(["--lib", "--", "cloud", "deaths"]))
}

/// Runs the tests of the export of traces. `cargo test` does not, for the same reason.
fn traces() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("test").args(ALL_FEATURES);
    succeed(cargo.args(["--tests", "--", "traces::"]))
}

/// Whether Debian's packages of PostgreSQL and PgBouncer are installed, from which the tests start
/// servers.
fn has_postgres() -> bool {
    let mut versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    versions.any(|version| version.path().join("bin/initdb").exists())
        && Path::new("/usr/sbin/pgbouncer").exists()
}

/// Why machines cannot be made on this one; `None` if they can.
fn missing_for_machines(has_postgres: bool) -> Option<&'static str> {
    let succeeds = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        let ended = command.args(&words[1..]).output();
        ended.is_ok_and(|ended| ended.status.success())
    };
    let has_clock = || {
        let mut folders = fs::read_dir(LIBRARIES).into_iter().flatten().flatten();
        folders.any(|folder| folder.path().join("faketime/libfaketime.so.1").exists())
    };
    let link = "ip link add one type veth peer name two && ip link add bridge type bridge";
    if !has_postgres {
        Some("PostgreSQL is not installed")
    } else if !succeeds(&["unshare", "--net", "--uts", "sh", "-c", link]) {
        Some("network namespaces cannot be created")
    } else if !succeeds(&["openssl", "version"]) {
        Some("openssl is not installed")
    } else if !has_clock() {
        Some("libfaketime is not installed")
    } else {
        None
    }
}

/// Whether the Java that Spark would use is there and new enough.
fn has_java() -> bool {
    let java = env::var_os("JAVA_HOME").map_or_else(
        || PathBuf::from("java"),
        |home| Path::new(&home).join("bin/java"),
    );
    let Ok(ended) = Command::new(java).arg("-version").output() else {
        return false;
    };
    // Such as `openjdk version "17.0.15" 2025-04-15`. Versions before 9 are `1.8.0_452`.
    let text = String::from_utf8_lossy(&ended.stderr);
    let version = text.split('"').nth(1).unwrap_or_default();
    let major = version.split(|next: char| !next.is_ascii_digit()).next();
    major.is_some_and(|major| major.parse().is_ok_and(|major: u32| major >= OLDEST_JAVA))
}

/// Runs the tests of the sinks `postgres` and `ducklake` and of the state in PostgreSQL. They start
/// servers of their own.
fn postgres() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("test").args(ALL_FEATURES);
    // One after another, because one of them measures the memory of the process.
    succeed(cargo.args([
        "--tests",
        "--",
        "--ignored",
        "--test-threads=1",
        "postgresql::",
    ]))
}

/// What is built with the features that are not on by default, in one command with its tests, so that
/// their dependencies are built once.
const ALL_FEATURES: [&str; 12] = [
    "--package",
    "fortilake",
    "--package",
    "fortilake-sink-ducklake",
    "--package",
    "fortilake-sink-postgres",
    "--package",
    "fortilake-snapshot",
    "--package",
    "fortilake-state",
    "--features",
    "fortilake/cloud,fortilake/otel,fortilake/postgres",
];

/// Builds `fortilake` with all sinks and places, and returns its path.
fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build").args(ALL_FEATURES);
    executable(cargo.args(["--bins", "--tests"]), "fortilake")
}
