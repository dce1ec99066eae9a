//! The folder whose newest snapshot the statements load.

use std::{collections::BTreeSet, path::Path};

use anyhow::anyhow;
use fortilake_models::{Column, Table};
use fortilake_snapshot::{Layout, Manifest, Reader, Which};
use serde_json::Value;

use crate::{
    args::Dialect,
    commands::{block_on, runtime},
    exit::{CommandError, Result},
};

/// A folder with a published snapshot.
pub(super) struct Place {
    path: String,
    layout: Layout,
    manifest: Manifest,
}

impl Place {
    /// Reads the manifest of the newest snapshot.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let reader = Reader::local(path);
        let shown = path.display();
        let runtime = runtime()?;
        for layout in Layout::ALL {
            let newest = reader.resolve(layout, &Which::Latest);
            if let Some(manifest) = block_on(&runtime, newest)? {
                return Ok(Self {
                    path: shown.to_string(),
                    layout,
                    manifest,
                });
            }
        }
        let error = anyhow!("no snapshot is published in `{shown}`");
        Err(CommandError::not_started(error).hint("name the folder of a sink `parquet` or `csv`"))
    }

    /// The path of a file or pattern below the folder.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.path.trim_end_matches('/'))
    }

    /// The same, from the root of the file system.
    pub(super) fn absolute(&self, below: &str) -> String {
        let path = self.path(below);
        std::path::absolute(&path).map_or(path, |path| path.display().to_string())
    }

    /// Fails if the engine cannot load these files.
    pub(super) fn check(&self, dialect: Dialect) -> Result<()> {
        let files = self.manifest.tables.iter().flat_map(|table| &table.files);
        let formats: BTreeSet<_> = files.map(|file| file.format.as_str()).collect();
        let (engine, layout, format, sink) = match dialect {
            Dialect::Duckdb => ("DuckDB", Layout::Snapshots, "parquet", "parquet:FOLDER"),
            Dialect::Spark => ("Spark", Layout::Snapshots, "parquet", "parquet:FOLDER"),
            Dialect::Postgres => {
                let sink = "csv:FOLDER?formula_prefix=false";
                ("PostgreSQL", Layout::Latest, "csv", sink)
            }
        };
        let is_plain = format != "csv" || self.has_plain_csv();
        if self.layout == layout && formats.iter().all(|found| *found == format) && is_plain {
            return Ok(());
        }
        let error = anyhow!(
            "{engine} cannot load the files in `{}` as they are",
            self.path
        );
        Err(CommandError::not_started(error).hint(format!(
            "publish to another folder with `--sink '{sink}'`, then name that folder with `--place`"
        )))
    }

    /// Whether the CSV files have the values as they are, so that a program reads them back.
    fn has_plain_csv(&self) -> bool {
        let notes = self.manifest.notes.get("csv");
        let is_unchanged = |(name, value): (&String, &Value)| match name.as_str() {
            "formula_prefix" => *value == Value::Bool(false),
            // Other line ends make no difference.
            "newlines" => true,
            _ => false,
        };
        notes.is_some_and(|notes| notes.iter().all(is_unchanged))
    }

    /// The columns of a table that are published, in the order of the files; empty if the table is not.
    pub(super) fn columns<'a>(&self, table: &'a Table) -> Vec<&'a Column> {
        let published = self.manifest.tables.iter();
        let published = published.filter(|published| published.name == table.name);
        let names = published.flat_map(|published| &published.columns);
        let column = |name: &str| table.column(name).map(|index| &table.columns[index]);
        names.filter_map(|found| column(&found.name)).collect()
    }
}
