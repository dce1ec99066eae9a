//! Rows to Parquet.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::files::{Encoder, Output, SCHEMA_VERSION};
use fortilake_sink::{Crawl, Error, Field, Kind, RecordBatch, Result, Schema, TableSpec};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows that are encoded before the size of the row group is looked at again.
///
/// The library looks before and after each call, so this many rows is what a row group may grow beyond its bound.
const STEP: usize = 1024;

/// zstd's own default: beyond it files shrink by little and writing slows by much.
const COMPRESSION_LEVEL: i32 = 3;

pub(crate) struct ParquetEncoder {
    writer: ArrowWriter<Output>,
    path: PathBuf,
}

impl ParquetEncoder {
    pub(crate) fn new(
        crawl: &Crawl,
        table: &TableSpec,
        row_group_bytes: usize,
        output: Output,
    ) -> Result<Self> {
        check_columns(table)?;
        let path = output.path().to_owned();
        let properties = properties(crawl, table, row_group_bytes)
            .map_err(|error| Error::io("create", &path, error))?;
        let writer = ArrowWriter::try_new(output, Arc::clone(&table.schema), Some(properties))
            .map_err(|error| Error::io("create", &path, error))?;
        Ok(Self { writer, path })
    }
}

impl Encoder for ParquetEncoder {
    fn write(&mut self, records: &RecordBatch) -> Result<()> {
        for start in (0..records.num_rows()).step_by(STEP) {
            let count = STEP.min(records.num_rows() - start);
            self.writer
                .write(&records.slice(start, count))
                .map_err(|error| Error::io("write", &self.path, error))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Output> {
        self.writer
            .into_inner()
            .map_err(|error| Error::io("write", &self.path, error))
    }
}

fn properties(
    crawl: &Crawl,
    table: &TableSpec,
    row_group_bytes: usize,
) -> Result<WriterProperties, ParquetError> {
    let entry =
        |key: &str, value: &str| KeyValue::new(format!("fortilake.{key}"), value.to_owned());
    let metadata = vec![
        entry("crawl_id", &crawl.id),
        entry("snapshot", &crawl.snapshot),
        entry("table", &table.name),
        entry("schema_version", &SCHEMA_VERSION.to_string()),
        entry("generator", &crawl.generator),
    ];
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(COMPRESSION_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(Some(row_group_bytes))
        .set_key_value_metadata(Some(metadata));
    // The last part of a key tells rows apart, so its values hardly repeat and a dictionary of them is a second copy.
    // All other columns of an inventory repeat themselves.
    if let Some(last) = table.key.last() {
        let column = ColumnPath::from(vec![last.clone()]);
        properties = properties.set_column_dictionary_enabled(column, false);
    }
    Ok(properties.build())
}

/// Refuses a type that Parquet does not know, in the name of its column.
fn check_columns(table: &TableSpec) -> Result<()> {
    let converts = |field: &Arc<Field>| {
        let alone = Schema::new(vec![Arc::clone(field)]);
        ArrowSchemaConverter::new().convert(&alone).map(drop)
    };
    for field in table.schema.fields() {
        converts(field).map_err(|error| {
            let (table, column) = (&table.name, field.name());
            let text = format!(
                "column `{column}` of table `{table}` has the type `{}`, which Parquet cannot hold",
                field.data_type()
            );
            Error::new(Kind::Internal, text).with_source(error)
        })?;
    }
    Ok(())
}
