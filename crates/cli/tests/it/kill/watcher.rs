//! A reader that keeps reading the published tables while processes are killed.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use crate::util::{SINKS, published};

/// The pause between two readings.
const PAUSE: Duration = Duration::from_millis(3);

/// A thread that reads everything again and again, and panics at the first partial data.
pub(super) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Watcher {
    /// Watches a folder whose tables have this many rows in every snapshot.
    pub(super) fn start(folder: &Path, rows: BTreeMap<String, usize>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let folder = folder.to_owned();
        let thread = thread::spawn(move || {
            let (mut looks, [csv_folder, parquet_folder]) =
                (0, SINKS.map(|sink| folder.join(sink)));
            let mut read = HashMap::new();
            while !stopped.load(Ordering::Relaxed) {
                csv(&csv_folder, &rows);
                parquet(&parquet_folder, &rows, &mut read);
                named(&csv_folder);
                named(&parquet_folder);
                looks += 1;
                // Leaves CPU time to the processes under test.
                thread::sleep(PAUSE);
            }
            looks
        });
        Self { stop, thread }
    }

    /// Whether all readings so far were correct.
    pub(super) fn is_content(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Stops the thread and returns the number of readings; panics if the thread did.
    pub(super) fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn csv(folder: &Path, rows: &BTreeMap<String, usize>) {
    let paths = published::list(folder, "csv");
    assert_eq!(paths.len(), rows.len(), "a table is missing");
    for path in paths {
        let table = published::read_csv(&path);
        let shown = path.display();
        assert_eq!(table.rows.len(), rows[&published::stem(&path)], "{shown}");
        assert!(table.crawls.len() <= 1, "{shown}: {:?}", table.crawls);
    }
}

/// Checks the row counts of all Parquet files. Files that have not changed since the last reading are skipped.
fn parquet(
    folder: &Path,
    rows: &BTreeMap<String, usize>,
    read: &mut HashMap<PathBuf, (SystemTime, u64)>,
) {
    for (table, rows) in rows {
        let snapshots = fs::read_dir(folder.join(table)).unwrap();
        for snapshot in snapshots {
            for path in published::list(&snapshot.unwrap().path(), "parquet") {
                let file = path.metadata().unwrap();
                let file = (file.modified().unwrap(), file.len());
                if read.get(&path) != Some(&file) {
                    assert_eq!(published::read_parquet(&path), *rows, "{}", path.display());
                    read.insert(path, file);
                }
            }
        }
    }
}

/// Checks that all files in the newest manifest exist.
fn named(folder: &Path) {
    let manifest = published::manifest(folder).unwrap();
    for file in published::files(&manifest) {
        let path = folder.join(file["path"].as_str().unwrap());
        assert!(path.is_file(), "{} does not exist", path.display());
    }
}
