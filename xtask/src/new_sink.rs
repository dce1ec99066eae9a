//! `cargo xtask new-sink NAME`: creates a working sink as a starting point.
//!
//! It writes a crate into `sinks/` and adds it to all lists of sinks. Without any manual edit, the
//! new sink compiles, passes the conformance suite of all sinks, and appears in `fortilake sinks`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

#[cfg(test)]
mod tests;

/// The files of a new sink, with placeholders `{{…}}` for its name.
const TEMPLATE: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("new_sink/template/Cargo.toml")),
    ("src/lib.rs", include_str!("new_sink/template/src/lib.rs")),
    (
        "src/config.rs",
        include_str!("new_sink/template/src/config.rs"),
    ),
    ("src/sink.rs", include_str!("new_sink/template/src/sink.rs")),
    (
        "tests/it/main.rs",
        include_str!("new_sink/template/tests/it/main.rs"),
    ),
];

/// What a new sink does until it is changed.
const SUMMARY: &str = "One file of JSON lines per crawl, published at the end of the crawl.";

/// The beginning of every sink's package name.
const PREFIX: &str = "fortilake-sink-";

/// Creates a new sink: a crate in `sinks/` that compiles, passes the conformance suite, and is
/// linked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name: lower-case letters and digits, with `-` between words.
    name: String,
}

impl Args {
    /// Writes the sink.
    ///
    /// # Errors
    ///
    /// Fails if the name is invalid or taken, or if a file to edit has unexpected content. Nothing
    /// is written then.
    pub fn run(&self) -> Result<()> {
        let (root, name) = (crate::root(), &self.name);
        let files = write(&root, name)?;
        format_code(&root, &format!("{PREFIX}{name}"))?;
        let mut out = io::stdout();
        for path in files {
            writeln!(out, "wrote {}", path.display())?;
        }
        writeln!(out, "next: cargo test -p {PREFIX}{name}")?;
        Ok(())
    }
}

/// The length of lines depends on the name, so the code is formatted after the name has been
/// inserted.
fn format_code(root: &Path, package: &str) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["fmt", "--package", package, "--package", "fortilake"])
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "`cargo fmt` failed");
    Ok(())
}

/// Writes the sink into the repository at `root`. Returns the new and changed files.
fn write(root: &Path, name: &str) -> Result<Vec<PathBuf>> {
    check(name)?;
    let folder = Path::new("sinks").join(name);
    ensure!(
        !root.join(&folder).exists(),
        "`{}` already exists",
        folder.display()
    );
    // All content is created before the first file is written, so that an error leaves no partial
    // result.
    let mut files = edits(root, name)?;
    files.extend(TEMPLATE.map(|(path, text)| (folder.join(path), fill(text, name))));
    for (path, text) in &files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Rejects names that are not valid for a sink, a package and a feature.
fn check(name: &str) -> Result<()> {
    let is_word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !word.is_empty() && word.bytes().all(plain)
    };
    ensure!(
        name.split('-').all(is_word) && name.starts_with(|first: char| first.is_ascii_lowercase()),
        "`{name}` is not a valid name; use lower-case letters and digits, with `-` between words"
    );
    ensure!(
        name != "default",
        "a sink cannot be called `default`, because that is a Cargo feature with a special meaning"
    );
    Ok(())
}

fn fill(text: &str, name: &str) -> String {
    text.replace("{{name}}", name)
        .replace(
            "{{crate}}",
            &format!("fortilake_sink_{}", name.replace('-', "_")),
        )
        .replace("{{summary}}", SUMMARY)
}

/// Returns the files that list all sinks, with the new one added.
fn edits(root: &Path, name: &str) -> Result<Vec<(PathBuf, String)>> {
    let package = format!("{PREFIX}{name}");
    let module = package.replace('-', "_");
    let edit = |path: &str, edit: &dyn Fn(&str) -> Result<String>| {
        let read = fs::read_to_string(root.join(path));
        let text = read.with_context(|| format!("cannot read `{path}`"))?;
        let text = edit(&text).with_context(|| format!("cannot edit `{path}`"))?;
        Ok::<_, anyhow::Error>((PathBuf::from(path), text))
    };
    Ok(vec![
        edit("Cargo.toml", &|text| {
            let line = format!("{package} = {{ path = \"sinks/{name}\" }}");
            insert(text, PREFIX, &[&line])
        })?,
        edit("crates/cli/Cargo.toml", &|text| {
            let dependency = format!("{package} = {{ workspace = true, optional = true }}");
            let feature = format!("{name} = [\"dep:{package}\"]");
            let text = insert(text, PREFIX, &[&dependency])?;
            // Lines with this ending declare features; the list of default features has one line
            // per sink.
            let text = insert_where(
                &text,
                &|line| line.contains(" = [\"dep:fortilake-sink-"),
                &[&feature],
            )?;
            insert(&text, "    \"", &[&format!("    \"{name}\",")])
        })?,
        edit("crates/cli/src/sinks.rs", &|text| {
            let feature = format!("#[cfg(feature = \"{name}\")]");
            let link = format!("use {module} as _;");
            insert(text, "#[cfg(feature = \"", &[&feature, &link])
        })?,
        edit("crates/cli/tests/it/sinks.txt", &|text| {
            insert(text, "", &[name])
        })?,
    ])
}

/// Inserts `lines` in order among the sorted lines that begin with `start`.
fn insert(text: &str, start: &str, lines: &[&str]) -> Result<String> {
    insert_where(text, &|line| line.starts_with(start), lines)
}

fn insert_where(text: &str, is_like: &dyn Fn(&str) -> bool, lines: &[&str]) -> Result<String> {
    let Some(first) = lines.first() else {
        return Ok(text.to_owned());
    };
    let there: Vec<_> = text.lines().collect();
    ensure!(!there.contains(first), "the line `{first}` already exists");
    let alike = || there.iter().enumerate().filter(|(_, line)| is_like(line));
    let before = alike()
        .find(|(_, line)| *line > first)
        .map(|(index, _)| index);
    // Insert after the last one, and after the lines that belong to it.
    let behind = alike().last().map(|(index, _)| index + lines.len());
    let Some(place) = before.or(behind) else {
        bail!("no similar line found where `{first}` could be added");
    };
    let mut edited = there;
    edited.splice(place..place, lines.iter().copied());
    Ok(edited.join("\n") + "\n")
}
