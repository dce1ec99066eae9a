//! Makes one measurement. `cargo xtask bench` runs this program repeatedly and compares the
//! results.
//!
//! Each measurement has its own process, because the peak memory of a process is measured too.

#![expect(
    clippy::print_stdout,
    reason = "the figures are read by the process that started this one"
)]

mod crawls;
mod decoding;

use std::{collections::BTreeMap, env, error::Error, fs, path::Path};

/// The measured values. The name of each one says its unit.
type Figures = BTreeMap<&'static str, f64>;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut figures = match arguments[..] {
        ["crawl", state] => crawls::preset(Path::new(state)).await?,
        ["journal", state, products] => {
            crawls::journal(Path::new(state), products.parse()?).await?
        }
        ["pages", state, folder] => decoding::write(Path::new(state), Path::new(folder))?,
        ["publish", state, products] => {
            crawls::publish(Path::new(state), products.parse()?).await?
        }
        ["resume", state] => crawls::resume(Path::new(state)).await?,
        ["decode", state] => decoding::columns(Path::new(state))?,
        ["decode-peer", state] => decoding::values(Path::new(state))?,
        _ => {
            return Err(
                "crawl STATE | journal STATE PRODUCTS | pages STATE FOLDER | \
                 publish STATE PRODUCTS | resume STATE | decode[-peer] STATE"
                    .into(),
            );
        }
    };
    if let Some(peak) = peak_memory() {
        figures.insert("peak MiB", peak);
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// The peak memory of this process in MiB, on systems that report it.
fn peak_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
