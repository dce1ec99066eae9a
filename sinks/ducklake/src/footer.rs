//! A snapshot with what the footers of its files say, which is all that a registration needs to know.

use fortilake_sink::Result;
use fortilake_snapshot::parquet::FileStatistics;
use fortilake_snapshot::{File, Manifest, Place, PublishedTable};

/// A snapshot to register.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) manifest: Manifest,
    pub(crate) tables: Vec<(PublishedTable, Vec<(File, FileStatistics)>)>,
}

impl Snapshot {
    pub(crate) async fn read(place: &dyn Place, manifest: &Manifest) -> Result<Self> {
        let mut tables = Vec::with_capacity(manifest.tables.len());
        for table in &manifest.tables {
            let mut files = Vec::with_capacity(table.files.len());
            for file in &table.files {
                let statistics = FileStatistics::read(place, &file.path).await?;
                files.push((file.clone(), statistics));
            }
            tables.push((table.clone(), files));
        }
        Ok(Self {
            manifest: manifest.clone(),
            tables,
        })
    }
}
