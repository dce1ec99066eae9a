//! `cargo xtask instructions`: counts the instructions of `fortilake decode` and of calls in the
//! ledger, and compares them with `benches/instructions.toml`.
//!
//! Times on a shared machine vary by half, and a change that costs five percent is not seen in them.
//! Valgrind counts the same instructions in every run, to a tenth of a percent.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{executable, root};

/// Counts the instructions of decoding and of the ledger, and compares them with the recorded ones.
///
/// It needs Valgrind, and is left out without it.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Record the counts of this build instead of comparing them.
    #[arg(long)]
    record: bool,
}

/// Where the counts are recorded, and what the file says at its top.
const RECORDED: &str = "benches/instructions.toml";
const HEADER: &str = "\
# Instructions of `fortilake decode` for 2,000 products, and of 2,000 calls in the ledger, as Valgrind counts them.
# Written by `cargo xtask instructions --record`; `cargo xtask ci` allows 5 % more or less.

";

/// The sinks that rows are written to.
const SINKS: [&str; 3] = ["parquet", "csv", "ndjson"];

/// How many calls are made in the ledger: twice as many as its longest window holds.
const CALLS: &str = "2000";

/// How many percent a count may differ, either way. A count that fell has to be recorded too, or the
/// next change could lose what this one has won.
const TOLERANCE: u64 = 5;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Recorded {
    /// The version of the compiler. Another one makes other instructions.
    rustc: String,
    /// The model of the processor. Libraries choose their instructions by what it can do.
    processor: String,
    /// The number of instructions by sink, and of the ledger.
    counts: BTreeMap<String, u64>,
}

impl Args {
    /// Builds the program, counts and compares.
    #[expect(clippy::print_stdout, reason = "the counts are what was asked for")]
    pub fn run(&self) -> Result<()> {
        if Command::new("valgrind")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            println!("instructions: left out, because Valgrind is not installed");
            return Ok(());
        }
        let counted = count()?;
        let path = root().join(RECORDED);
        for (sink, count) in &counted.counts {
            println!("instructions: {count:>13} for {sink}");
        }
        if self.record {
            let text = toml::to_string(&counted)?;
            return Ok(fs::write(path, format!("{HEADER}{text}"))?);
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{RECORDED}`; record it with `--record`"))?;
        let recorded: Recorded = toml::from_str(&text)?;
        let differs = [
            (&recorded.rustc, &counted.rustc),
            (&recorded.processor, &counted.processor),
        ];
        if let Some((there, here)) = differs.iter().find(|(there, here)| there != here) {
            println!(
                "instructions: not compared, because they were recorded with {there}, and this is \
                 {here}; to compare a change here, run `cargo xtask instructions --record` before it"
            );
            return Ok(());
        }
        let differences = differences(&recorded.counts, &counted.counts);
        ensure!(
            differences.is_empty(),
            "the number of instructions has changed by more than {TOLERANCE} %: {}; if that is \
             intended, run `cargo xtask instructions --record` and commit `{RECORDED}`",
            differences.join(", ")
        );
        Ok(())
    }
}

/// What differs by more than the tolerance, in words.
fn differences(recorded: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> Vec<String> {
    let sinks = recorded.keys().chain(counted.keys());
    let sinks: BTreeSet<_> = sinks.collect();
    let differs = sinks.into_iter().filter_map(|sink| {
        let (before, now) = (recorded.get(sink).copied(), counted.get(sink).copied());
        let same = before
            .zip(now)
            .is_some_and(|(before, now)| before.abs_diff(now) * 100 <= before * TOLERANCE);
        let shown = |count: Option<u64>| count.map_or("none".to_owned(), |count| count.to_string());
        (!same).then(|| format!("{sink} from {} to {}", shown(before), shown(now)))
    });
    differs.collect()
}

fn count() -> Result<Recorded> {
    let rustc = Command::new("rustc").arg("--version").output()?;
    let mut build = Command::new(env!("CARGO"));
    // Only this package, so that the features are those of the README's first command.
    let program = executable(
        build.args(["build", "--release", "--package", "fortilake"]),
        "fortilake",
    )?;
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("pages");
    write_pages(&pages)?;
    let mut counts = BTreeMap::new();
    for sink in SINKS {
        let sink_folder = folder.path().join(sink);
        let target = format!("{sink}:{}", sink_folder.display());
        let count = count_run(folder.path(), &program, |command| {
            command.args(["decode", "products/list"]).arg(&pages);
            command.args(["--sink", &target]);
        })?;
        counts.insert(sink.to_owned(), count);
    }
    let mut build = Command::new(env!("CARGO"));
    // The tests have built it already. What matters is how much SQLite does, which is optimized here too.
    build.args(["build", "--workspace", "--example", "ledger"]);
    let ledger = executable(&mut build, "ledger")?;
    let state = folder.path().join("state");
    let count = count_run(folder.path(), &ledger, |command| {
        command.arg(&state).arg(CALLS);
    })?;
    counts.insert("ledger".to_owned(), count);
    Ok(Recorded {
        rustc: String::from_utf8_lossy(&rustc.stdout).trim().to_owned(),
        processor: processor(),
        counts,
    })
}

/// The instructions of one run of a program.
fn count_run(folder: &Path, program: &Path, arguments: impl FnOnce(&mut Command)) -> Result<u64> {
    let out = folder.join("callgrind");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "-q"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program);
    arguments(&mut valgrind);
    let output = valgrind.output().context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "valgrind failed: {said}");
    total(&fs::read_to_string(&out)?)
}

/// The model of the processor, on systems that report it in this file.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.trim() == name);
        found.map_or("unknown", |(_, value)| value.trim())
    };
    // A virtual machine often has a name without a model.
    format!("{}, model {}", value("model name"), value("model"))
}

/// The total that callgrind writes at the end of its file.
fn total(callgrind: &str) -> Result<u64> {
    let mut lines = callgrind.lines();
    let Some(total) = lines.find_map(|line| line.strip_prefix("totals: ")) else {
        bail!("callgrind has written no totals");
    };
    Ok(total.trim().parse()?)
}

/// Writes pages with 25 products each, always the same ones.
fn write_pages(folder: &Path) -> Result<()> {
    const PAGES: u64 = 80;
    fs::create_dir(folder)?;
    for page in 0..PAGES {
        let products: Vec<Value> = (0..25).map(|at| product(page * 25 + at)).collect();
        let text = json!({
            "build": "1.0.0", "error": null, "message": "Request processed successfully",
            "status": 0, "version": "3.0", "assets": products,
            "pageNumber": page + 1, "totalPages": PAGES,
        });
        fs::write(folder.join(format!("{page:04}.json")), text.to_string())?;
    }
    Ok(())
}

fn product(number: u64) -> Value {
    let day = |after: u64| {
        let (year, month) = (20 + after % 9, 1 + (number + after) % 12);
        let day = 1 + (number * 7 + after) % 28;
        format!("20{year:02}-{month:02}-{day:02}T08:{:02}:00", number % 60)
    };
    let entitlements = (0..9).map(|level| {
        json!({
            "level": level % 4, "levelDesc": format!("Level {}", level % 4),
            "type": level, "typeDesc": format!("Entitlement {}", level % 7),
            "startDate": day(level), "endDate": day(level + 1),
        })
    });
    let term = |after: u64| {
        json!({
            "startDate": day(after), "endDate": day(after + 1),
            "supportType": format!("FortiCare {}", after % 3),
        })
    };
    let contracts = (0..2).map(|contract| {
        json!({
            "contractNumber": format!("{:08}AB{contract}", number * 13),
            "sku": format!("FC-10-{:04}-247-02-12", number % 40),
            "terms": (contract..contract + 4).map(term).collect::<Vec<_>>(),
        })
    });
    let description = format!("Store {:03} edge", number % 200);
    json!({
        "description": Some(description).filter(|_| !number.is_multiple_of(3)),
        "entitlements": entitlements.collect::<Vec<_>>(),
        "isDecommissioned": number.is_multiple_of(50),
        "productModel": format!("FortiGate {}F", 40 + number % 12 * 20),
        "registrationDate": day(0),
        "serialNumber": format!("FGT{:02}FTK{:08}", number % 90, number * 7919),
        "warrantySupports": null,
        "assetGroups": [{
            "assetGroupId": 41_000 + number % 9, "assetGroup": format!("Group {}", number % 9),
        }],
        "contracts": contracts.collect::<Vec<_>>(),
        "productModelEoR": null, "productModelEoS": null,
        "accountId": 710_101 + number % 20,
        "folderId": 880_000 + number % 50, "folderPath": format!("/My Assets/{}", number % 50),
        "status": "Registered",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(csv: u64, parquet: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("csv".to_owned(), csv), ("parquet".to_owned(), parquet)])
    }

    #[test]
    fn five_percent_either_way_are_allowed() {
        let recorded = counts(1_000, 2_000);
        assert!(differences(&recorded, &counts(1_050, 1_900)).is_empty());
        assert_eq!(
            differences(&recorded, &counts(1_051, 1_899)),
            ["csv from 1000 to 1051", "parquet from 2000 to 1899"]
        );
    }

    #[test]
    fn a_sink_without_a_count_is_a_difference() {
        let csv = BTreeMap::from([("csv".to_owned(), 1_000)]);
        assert_eq!(
            differences(&csv, &counts(1_000, 2_000)),
            ["parquet from none to 2000"]
        );
    }

    #[test]
    fn the_total_is_at_the_end() {
        let text = "version: 1\nevents: Ir\n\nfn=(1) main\n16 400\n\ntotals: 488736909\n";
        assert_eq!(total(text).unwrap(), 488_736_909);
        assert!(total("version: 1\n").is_err());
    }
}
