//! When the next coverage of a device ends, from the published tables.

use std::{env, path::Path};

use fortilake_history::{History, Status, Window, renewals};
use fortilake_sink as sink;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

/// How far to look, in days. A short window is tried first, because a window lists all that ends in it.
const WINDOWS: [u32; 4] = [30, 180, 730, 3660];

/// The last day of the coverage that ends next, counted from the day of the snapshot, at 00:00 UTC.
///
/// `None` if nothing ends within ten years, if no sink published Parquet files into a folder, or if they cannot be
/// read. The crawl has ended well by then, so a metric that is missing is no reason to fail.
pub(super) fn next(summary: &Value) -> Option<Timestamp> {
    let mut sinks = summary["sinks"].as_array().into_iter().flatten();
    let (place, snapshot) = sinks.find_map(published)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    match runtime.block_on(end(place, snapshot)) {
        Ok(end) => Some(end?.to_zoned(TimeZone::UTC).ok()?.timestamp()),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot look for the next renewal"
            );
            None
        }
    }
}

/// The folder and the snapshot that a Parquet sink published.
fn published(sink: &Value) -> Option<(&Path, &str)> {
    let is_parquet = sink["sink"].as_str()?.split(':').next() == Some("parquet");
    let receipt = &sink["receipt"];
    let place = Path::new(receipt["location"].as_str()?);
    let snapshot = receipt["snapshot"].as_str()?;
    (is_parquet && place.is_dir()).then_some((place, snapshot))
}

async fn end(place: &Path, snapshot: &str) -> sink::Result<Option<Date>> {
    let snapshot = History::local(place, &env::temp_dir())
        .snapshot(Some(snapshot))
        .await?;
    for days in WINDOWS {
        let found = renewals(&snapshot, Window::around(&snapshot, days))?;
        let ending = found.iter().filter(|line| line.status == Status::Ending);
        if let Some(end) = ending.map(|line| line.end_date).min() {
            return Ok(Some(end));
        }
    }
    Ok(None)
}
