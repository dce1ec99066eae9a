//! Snapshots in a place that is not a folder.

use std::{fmt::Write as _, fs};

use fortilake_snapshot::faults::{Fault, Faulty};
use fortilake_snapshot::{LocalPlace, Reader};
use jiff::civil::date;
use tokio::runtime::Runtime;

use super::*;
use crate::{device_history, report};

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// A place with two snapshots that differ.
async fn place() -> Place {
    let mut old = Inventory::default();
    for (account, serial) in [(1, "FGT1"), (1, "FGT2"), (2, "FGT3")] {
        old.product(account, serial, "office");
        old.entitlement(account, serial, 2, "2027-01-31");
        let terms = [("Support 2", "2024-01-01", "2027-01-31")];
        old.contract(account, serial, "C1", &terms);
    }
    let mut new = old.clone();
    new.tables.get_mut("products").unwrap()[0]["description"] = json!("lab");
    new.tables.get_mut("contract_terms").unwrap()[1]["end_date"] = json!("2028-01-31T00:00:00");
    new.product(2, "FGT4", "new");
    Place::new(&[(FIRST, &old), (SECOND, &new)]).await
}

/// Everything that the commands find in a history, as text.
fn found(history: &History, runtime: &Runtime) -> Result<String> {
    let pair = runtime.block_on(history.pair(None, None))?;
    let comparison = Comparison::new(&pair)?;
    let mut found = String::new();
    for table in comparison.tables() {
        let (rows, counts) = table_changes(&comparison, table)?;
        let _ = writeln!(found, "{table} {counts:?} {}", json!(rows));
    }
    let snapshots = runtime.block_on(history.open_all())?;
    device_history(&snapshots, "FGT1", &mut |news| {
        let rows = news.changes.map(|batch| json::array(&batch)).transpose()?;
        let _ = writeln!(found, "{} {} {rows:?}", news.snapshot.name(), news.table);
        Ok(())
    })?;
    Ok(found + &report(&pair.to, Some(&pair.from), date(2026, 9, 1))?)
}

/// A history that reads a folder as if it were a bucket.
fn remote(place: Arc<dyn fortilake_snapshot::Place>, runtime: &Runtime) -> History {
    let handle = runtime.handle().clone();
    History::remote(Reader::new(place), &std::env::temp_dir(), handle)
}

#[test]
fn a_remote_place_has_the_same_history() {
    let runtime = runtime();
    let place = runtime.block_on(place());
    let local = found(&place.history(), &runtime).unwrap();
    let bucket = Arc::new(LocalPlace::new(place.root.path()));
    assert_eq!(found(&remote(bucket, &runtime), &runtime).unwrap(), local);
    assert!(
        local.contains("renewed") && local.contains("FGT4"),
        "{local}"
    );
}

#[test]
fn a_place_that_fails_at_any_request_is_an_error_and_no_change() {
    let runtime = runtime();
    let place = runtime.block_on(place());
    let local = found(&place.history(), &runtime).unwrap();
    let mut at = 0;
    loop {
        let folder = Arc::new(LocalPlace::new(place.root.path()));
        let faulty = Faulty::new(folder, Fault::Death, at);
        let result = found(&remote(Arc::new(faulty.clone()), &runtime), &runtime);
        if faulty.calls() <= at {
            assert_eq!(result.unwrap(), local);
            break;
        }
        assert!(result.is_err(), "request {at}");
        at += 1;
    }
    // Each file is downloaded once for each time that its snapshot is opened.
    assert!((30..100).contains(&at), "{at} requests");
}

#[test]
fn a_remote_file_that_was_changed_is_damaged() {
    let runtime = runtime();
    let place = runtime.block_on(place());
    let folder = place
        .root
        .path()
        .join("products")
        .join(format!("snapshot={SECOND}"));
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let mut content = fs::read(file.path()).unwrap();
    content[10] ^= 1;
    fs::write(file.path(), content).unwrap();
    let bucket = Arc::new(LocalPlace::new(place.root.path()));
    let error = found(&remote(bucket, &runtime), &runtime).unwrap_err();
    let name = file.file_name().into_string().unwrap();
    assert!(error.to_string().ends_with(&format!("{name}`")), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("its SHA-256 is "), "{cause}");
}
