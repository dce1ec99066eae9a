//! `cargo xtask new-sink NAME`: a sink that works, to be changed into the one that is wanted.
//!
//! It writes a crate into `sinks/` and names it where a sink has to be named, so that nothing is edited by hand
//! before it compiles, passes the suite of all sinks and appears in `fortilake sinks`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

#[cfg(test)]
mod tests;

/// The files of a new sink, with `{{…}}` where its name goes.
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

/// What a new sink does, until it does something else.
const SUMMARY: &str = "One file of JSON lines for each crawl, in place when the crawl has ended.";

/// What the dependency of a sink begins with, in every manifest.
const PREFIX: &str = "fortilake-sink-";

/// Begins a new sink: a crate in `sinks/` that compiles, passes the suite, and is linked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name: lower-case letters, digits, and `-` between words.
    name: String,
}

impl Args {
    /// Writes the sink.
    ///
    /// # Errors
    ///
    /// If the name does not do or is taken, or a file is not as expected; nothing is written then.
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

/// How long a line gets depends on the name, so the code is formatted once the name is in it.
fn format_code(root: &Path, package: &str) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["fmt", "--package", package, "--package", "fortilake"])
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "`cargo fmt` failed");
    Ok(())
}

/// Writes the sink into the repository at `root`, and says which files are new or changed.
fn write(root: &Path, name: &str) -> Result<Vec<PathBuf>> {
    check(name)?;
    let folder = Path::new("sinks").join(name);
    ensure!(
        !root.join(&folder).exists(),
        "`{}` is there already",
        folder.display()
    );
    // All is made before anything is written, so that a surprise leaves no half of it.
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

/// Refuses what is no name of a sink, of a package and of a feature alike.
fn check(name: &str) -> Result<()> {
    let is_word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !word.is_empty() && word.bytes().all(plain)
    };
    ensure!(
        name.split('-').all(is_word) && name.starts_with(|first: char| first.is_ascii_lowercase()),
        "`{name}` is not a name: write lower-case letters and digits, with `-` between words"
    );
    ensure!(
        name != "default",
        "`default` means something else as a feature"
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

/// The files that name every sink, with the new one in them.
fn edits(root: &Path, name: &str) -> Result<Vec<(PathBuf, String)>> {
    let package = format!("{PREFIX}{name}");
    let module = package.replace('-', "_");
    let edit = |path: &str, edit: &dyn Fn(&str) -> Result<String>| {
        let read = fs::read_to_string(root.join(path));
        let text = read.with_context(|| format!("cannot read `{path}`"))?;
        let text = edit(&text).with_context(|| format!("`{path}` cannot be edited"))?;
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
            // The features are the lines that end so; the list of the default ones has a line for each.
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

/// Inserts `lines` where they belong among the lines that begin with `start`, which are in order.
fn insert(text: &str, start: &str, lines: &[&str]) -> Result<String> {
    insert_where(text, &|line| line.starts_with(start), lines)
}

fn insert_where(text: &str, is_like: &dyn Fn(&str) -> bool, lines: &[&str]) -> Result<String> {
    let Some(first) = lines.first() else {
        return Ok(text.to_owned());
    };
    let there: Vec<_> = text.lines().collect();
    ensure!(!there.contains(first), "`{first}` is there already");
    let alike = || there.iter().enumerate().filter(|(_, line)| is_like(line));
    let before = alike()
        .find(|(_, line)| *line > first)
        .map(|(index, _)| index);
    // Behind the last one, and behind what belongs to it.
    let behind = alike().last().map(|(index, _)| index + lines.len());
    let Some(place) = before.or(behind) else {
        bail!("there is no line like `{first}`");
    };
    let mut edited = there;
    edited.splice(place..place, lines.iter().copied());
    Ok(edited.join("\n") + "\n")
}
