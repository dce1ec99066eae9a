//! The Parquet encoder and the options of Parquet files, shared by all sinks that publish them.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::{Crawl, Error, Field, Kind, RecordBatch, Result, Schema, TableSpec};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::field_ids::field_id;
pub use self::options::ParquetOptions;
pub use self::statistics::{Bound, Bounds, ColumnStatistics, FileStatistics};
use crate::{Encoder, Format, Output, SCHEMA_VERSION};

mod field_ids;
mod options;
mod statistics;

/// The number of rows per call of the Parquet writer.
///
/// The writer checks the size of a row group before and after each call, so a row group exceeds its bound by at most
/// this many rows. A whole batch per call would make that the size of the largest batch.
const STEP: usize = 1024;

/// zstd's fastest level. Pages are encoded with dictionaries before, so the default level 3 takes longer and saves next
/// to nothing.
const COMPRESSION_LEVEL: i32 = 1;

/// The size in bytes at which a column gives up its dictionary.
///
/// Values that repeat fit into it, so only columns whose values rarely repeat give it up sooner than with the library's
/// default of 1 MiB. That makes the files 7 % smaller, and saves memory: until a row group ends, the writer keeps a
/// buffer of the uncompressed size for each dictionary.
const DICTIONARY_BYTES: usize = 64 << 10;

/// Parquet files, with statistics for every page.
#[derive(Clone, Copy, Debug)]
pub struct Parquet {
    /// The size in bytes at which a row group is closed. It also bounds the memory used per table.
    pub row_group_bytes: usize,
    /// How pages are compressed.
    pub compression: PageCompression,
}

/// How the pages of a Parquet file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PageCompression {
    /// zstd: small files that current readers can read.
    #[default]
    Zstd,
    /// Snappy: larger files that every reader can read.
    Snappy,
    /// Not at all.
    None,
}

impl PageCompression {
    fn codec(self) -> Result<Compression, ParquetError> {
        Ok(match self {
            Self::Zstd => Compression::ZSTD(ZstdLevel::try_new(COMPRESSION_LEVEL)?),
            Self::Snappy => Compression::SNAPPY,
            Self::None => Compression::UNCOMPRESSED,
        })
    }
}

impl Format for Parquet {
    type Encoder = ParquetEncoder;

    fn name(&self) -> &'static str {
        "parquet"
    }

    fn extension(&self) -> &'static str {
        "parquet"
    }

    fn notes(&self) -> Map<String, Value> {
        // A Parquet file carries its schema and metadata, so readers need nothing from the manifest.
        Map::new()
    }

    fn encoder(
        &self,
        crawl: &Crawl,
        name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<ParquetEncoder> {
        ParquetEncoder::new(crawl, name, table, *self, output)
    }
}

/// Writes the rows of one table into a Parquet file.
#[derive(Debug)]
pub struct ParquetEncoder {
    writer: ArrowWriter<Output>,
    path: PathBuf,
}

impl ParquetEncoder {
    fn new(
        crawl: &Crawl,
        name: &str,
        table: &TableSpec,
        format: Parquet,
        output: Output,
    ) -> Result<Self> {
        check_columns(table)?;
        let path = output.path().to_owned();
        let properties = properties(crawl, name, table, format)
            .map_err(|error| Error::io("create", &path, error))?;
        let schema = Arc::new(field_ids::with_field_ids(&table.schema));
        let writer = ArrowWriter::try_new(output, schema, Some(properties))
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

    fn finish(self) -> Result<()> {
        self.writer
            .into_inner()
            .map(drop)
            .map_err(|error| Error::io("write", &self.path, error))
    }
}

fn properties(
    crawl: &Crawl,
    name: &str,
    table: &TableSpec,
    format: Parquet,
) -> Result<WriterProperties, ParquetError> {
    let entry =
        |key: &str, value: &str| KeyValue::new(format!("fortilake.{key}"), value.to_owned());
    let metadata = vec![
        entry("crawl_id", &crawl.id),
        entry("snapshot", name),
        entry("table", &table.name),
        entry("schema_version", &SCHEMA_VERSION.to_string()),
        entry("generator", &crawl.generator),
    ];
    let mut properties = WriterProperties::builder()
        .set_compression(format.compression.codec()?)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(Some(format.row_group_bytes))
        .set_key_value_metadata(Some(metadata));
    // The last key column, such as the serial number, is nearly unique, so its dictionary would be a second copy of
    // the column. The values of all other columns repeat often.
    if let Some(last) = table.key.last() {
        let column = ColumnPath::from(vec![last.clone()]);
        properties = properties.set_column_dictionary_enabled(column, false);
    }
    Ok(properties.build())
}

/// Checks that Parquet supports every column's type. The library's own error would not name the column.
fn check_columns(table: &TableSpec) -> Result<()> {
    let converts = |field: &Arc<Field>| {
        let alone = Schema::new(vec![Arc::clone(field)]);
        ArrowSchemaConverter::new().convert(&alone).map(drop)
    };
    for field in table.schema.fields() {
        converts(field).map_err(|error| {
            let (table, column) = (&table.name, field.name());
            let text = format!(
                "column `{column}` of table `{table}` has the type `{}`, which Parquet cannot store",
                field.data_type()
            );
            Error::new(Kind::Internal, text).with_source(error)
        })?;
    }
    Ok(())
}
