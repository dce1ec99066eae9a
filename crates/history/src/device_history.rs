//! Everything that is known about one device, over all snapshots.

use std::collections::BTreeMap;
use std::ptr;

use arrow_array::cast::AsArray as _;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use fortilake_sink::{Error, Kind, Result};

use crate::compare::REPORTS;
use crate::feed::Feed;
use crate::history::Snapshot;
use crate::pairs::{self, Known};
use crate::plan::{Plan, SERIAL};
use crate::sort::{MEMORY, Sorted, Sorter};

/// What a snapshot says about a device in one table.
#[derive(Debug)]
pub struct DeviceNews<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// The table.
    pub table: &'a str,
    /// The natural key of the table.
    pub key: Vec<String>,
    /// Changes in the columns of [`Comparison::table`](crate::Comparison::table); rows that are seen for the first time
    /// are inserted. `None` if the device had rows before, but it is not known whether it still has, because their
    /// scope failed.
    pub changes: Option<RecordBatch>,
}

/// Passes what each snapshot says about the device to `emit`.
///
/// `snapshots` are sorted from old to new. Each table is compared with the last snapshot that knew it, so a change is
/// reported even if a snapshot in between could not read the account.
pub fn device_history(
    snapshots: &[Snapshot],
    serial: &str,
    emit: &mut dyn FnMut(DeviceNews<'_>) -> Result<()>,
) -> Result<()> {
    let filter = |batch: &RecordBatch| of_device(batch, serial);
    let mut known = BTreeMap::<String, &Snapshot>::new();
    for (number, snapshot) in snapshots.iter().enumerate() {
        for table in &snapshot.manifest().tables {
            let has_serial = table.columns.iter().any(|column| column.name == SERIAL);
            if REPORTS.contains(&table.name.as_str()) || !has_serial {
                continue;
            }
            let before = known.get(&table.name).copied();
            let Some(plan) = Plan::new(before.unwrap_or(snapshot), snapshot, &table.name)? else {
                continue;
            };
            let old = match before {
                Some(before) => plan.sort(before, &filter)?,
                None => empty(snapshot)?,
            };
            let new = plan.sort(snapshot, &filter)?;
            let coverage = Known {
                old: before.unwrap_or(snapshot).coverage(),
                new: snapshot.coverage(),
                counts_first_seen: true,
            };
            let mut batches = Vec::new();
            let mut collect = |batch| {
                batches.push(batch);
                Ok(())
            };
            let mut feed = Feed::new(&plan, snapshot, &mut collect);
            let scratch = snapshot.scratch();
            let push = &mut |change| feed.push(change);
            let unknown = pairs::compare(&plan, &coverage, [old, new], scratch, push)?;
            feed.finish()?;
            let mut news = |changes| {
                let key = plan.codec.key();
                emit(DeviceNews {
                    snapshot,
                    table: &table.name,
                    key: key.into_iter().map(str::to_owned).collect(),
                    changes,
                })
            };
            if unknown > 0 {
                news(None)?;
                continue;
            }
            for batch in batches {
                news(Some(batch))?;
            }
            known.insert(table.name.clone(), snapshot);
        }
        // Only the files that the next snapshot is compared with stay open, because there can be hundreds of snapshots.
        let is_known = |earlier: &Snapshot| known.values().any(|known| ptr::eq(*known, earlier));
        let done = snapshots[..=number].iter();
        done.filter(|earlier| !is_known(earlier))
            .for_each(Snapshot::close_files);
    }
    Ok(())
}

fn empty(snapshot: &Snapshot) -> Result<Sorted> {
    Sorter::new(snapshot.scratch(), MEMORY).finish()
}

/// The rows of a device.
fn of_device(batch: &RecordBatch, serial: &str) -> Result<RecordBatch> {
    let serials = batch
        .column_by_name(SERIAL)
        .and_then(|column| column.as_string_opt::<i32>());
    let is_its: BooleanArray = match serials {
        Some(serials) => serials
            .iter()
            .map(|found| Some(found == Some(serial)))
            .collect(),
        None => vec![false; batch.num_rows()].into(),
    };
    filter_record_batch(batch, &is_its)
        .map_err(|error| Error::new(Kind::Internal, "cannot filter rows").with_source(error))
}
