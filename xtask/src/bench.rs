//! `cargo xtask bench`: measures speed and memory, ours and those of an alternative, in the same
//! run.
//!
//! The measured program is an example of the crawler. It is built here and run once per
//! measurement, so that this crate stays quick to build and every measurement has a process of its
//! own.
//!
//! With `--peers`, the command line tool is compared with programs in Python that do the same, in
//! `xtask/bench/`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{executable, python, root};

/// Measures speed and memory. Needs no network, except to install what `--peers` compares with.
///
/// Results from a busy machine mean little, so only compare numbers from the same run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of products in the journal.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    products: u64,
    /// Use a million products.
    #[arg(long, conflicts_with = "products")]
    full: bool,
    /// How often each case is run. The reported numbers are medians.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Compare `fortilake decode` with Polars, DuckDB, pyarrow, dlt and csv on the same pages, and
    /// add the table to this file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "target/peers.md")]
    peers: Option<PathBuf>,
}

/// The cases and their descriptions.
const CASES: [(&str, &str); 5] = [
    ("crawl", "whole crawl of the preset"),
    ("publish", "whole crawl into Parquet"),
    ("resume", "journal to first new call"),
    ("decode", "products to columns, ours"),
    ("decode-peer", "products to maps, by values"),
];

/// The measured values of one case, by name.
type Figures = BTreeMap<String, f64>;

impl Args {
    /// Prints a table, and writes the results as JSON to `target/bench.json`.
    #[expect(clippy::print_stdout, reason = "the table is what was asked for")]
    pub fn run(&self) -> Result<()> {
        let binary = build("bench")?;
        let folder = tempfile::tempdir()?;
        let products = if self.full { 1_000_000 } else { self.products };
        let journal = folder.path().join("journal");
        let made = measure(&binary, "journal", &journal, Some(products))?;
        println!("A journal of {products} products: {}", line(&made));
        if let Some(results) = &self.peers {
            return self.compare(&binary, &journal, products, results);
        }
        let mut runs: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
        // Each run measures all cases in turn, so that other load on the machine affects all of
        // them equally.
        for run in 0..self.runs {
            for (case, _) in CASES {
                let (state, products) = match case {
                    "crawl" => (folder.path().join(format!("crawl-{run}")), None),
                    "publish" => {
                        let state = folder.path().join(format!("publish-{run}"));
                        (state, Some(products))
                    }
                    _ => (journal.clone(), None),
                };
                let figures = measure(&binary, case, &state, products)?;
                runs.entry(case).or_default().push(figures);
            }
        }
        let mut medians = BTreeMap::new();
        for (case, meaning) in CASES {
            let median = medians_of(&runs[case]);
            println!("{meaning:28} {}", line(&median));
            medians.insert(case, median);
        }
        let path = root().join("target/bench.json");
        let json = serde_json::json!({
            "products": products,
            "runs": self.runs,
            "journal": made,
            "medians": medians,
        });
        fs::write(&path, serde_json::to_string_pretty(&json)?)?;
        println!("Written to {}", path.display());
        Ok(())
    }

    /// Compares `fortilake decode` with its peers on the pages of a journal.
    fn compare(&self, binary: &Path, journal: &Path, products: u64, results: &Path) -> Result<()> {
        let pages = journal.with_file_name("pages");
        let status = Command::new(binary)
            .arg("pages")
            .args([journal, &pages])
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("cannot run `{}`", binary.display()))?;
        ensure!(status.success(), "the pages could not be written");
        let scripts = root().join("xtask/bench");
        let venv = root().join("target/bench/venv");
        let python = python::environment(&scripts.join("requirements.txt"), &venv)?;
        let fortilake = build("fortilake")?;
        let status = Command::new(&python)
            .arg(scripts.join("compare.py"))
            .args([&fortilake, &pages])
            .args([products.to_string(), self.runs.to_string()])
            .arg(root().join(results))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .status()
            .with_context(|| format!("cannot run `{}`", python.display()))?;
        ensure!(status.success(), "the comparison failed");
        Ok(())
    }
}

/// Builds the programs that are measured, and returns the path of one of them.
fn build(program: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--package", "fortilake"]);
    // In one command, so that both share their dependencies.
    cargo.args(["--package", "fortilake-crawler", "--bins"]);
    executable(cargo.args(["--example", "bench"]), program)
}

fn measure(binary: &Path, case: &str, state: &Path, products: Option<u64>) -> Result<Figures> {
    let output = Command::new(binary)
        .arg(case)
        .arg(state)
        .args(products.map(|products| products.to_string()))
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", binary.display()))?;
    ensure!(output.status.success(), "`{case}` failed");
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{case}` printed no measurements"))
}

/// Returns the median of each value separately.
fn medians_of(runs: &[Figures]) -> Figures {
    let names = runs.iter().flat_map(BTreeMap::keys);
    names
        .map(|name| {
            let mut values: Vec<f64> = runs
                .iter()
                .filter_map(|run| run.get(name).copied())
                .collect();
            values.sort_by(f64::total_cmp);
            (name.clone(), values[values.len() / 2])
        })
        .collect()
}

fn line(figures: &Figures) -> String {
    let figures: Vec<_> = figures
        .iter()
        .map(|(name, value)| {
            let is_count = value.fract() == 0.0;
            let digits = if is_count || *value >= 100.0 { 0 } else { 2 };
            format!("{value:>10.digits$} {name}")
        })
        .collect();
    figures.join("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_no_mean() {
        let run = |value| Figures::from([("s".to_owned(), value)]);
        let runs = [run(9.0), run(1.0), run(2.0)];
        assert_eq!(medians_of(&runs), run(2.0));
    }
}
