//! What the footer of a Parquet file says about its columns, for catalogs of table formats.

use fortilake_sink::{Error, Kind, Result};
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

use crate::place::Place;

#[cfg(test)]
mod tests;

/// The first try at the size of a footer. That of a file with one row group and 50 columns has about 10 KiB.
const TAIL: u64 = 64 * 1024;

/// The last bytes of a file: the length of the metadata in four bytes, and this.
const MAGIC: &[u8] = b"PAR1";

/// What follows the metadata: its length and the magic bytes.
const END: usize = 8;

/// Statistics of a published Parquet file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileStatistics {
    /// The number of rows.
    pub rows: u64,
    /// The length of the metadata at the end of the file, without the eight bytes that follow it.
    pub footer_bytes: u64,
    /// The columns, in the order of the file.
    pub columns: Vec<ColumnStatistics>,
}

/// Statistics of a column of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    /// The name of the column.
    pub name: String,
    /// Its field id; files of earlier versions have none.
    pub field_id: Option<u32>,
    /// The compressed size.
    pub bytes: u64,
    /// The number of nulls; `None` if it is not known.
    pub nulls: Option<u64>,
    /// The smallest and the largest value; `None` if they are not known, or if all values are null.
    pub bounds: Option<Bounds>,
}

/// The smallest and the largest value of a column, not counting nulls and NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// No value is smaller.
    pub min: Bound,
    /// No value is larger.
    pub max: Bound,
    /// Whether both are values of the column. Those of long text are cut, so they may not be.
    pub are_exact: bool,
}

/// A value as the file stores it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Bound {
    /// `false` is smaller than `true`.
    Boolean(bool),
    /// An integer, or a timestamp as the number of its units since 1970.
    Integer(i64),
    /// A floating-point number, never NaN.
    Double(f64),
    /// Text, in the order of its bytes.
    Text(String),
}

impl FileStatistics {
    /// Reads the footer of a published file.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the file is missing or is not a Parquet file.
    pub async fn read(place: &dyn Place, path: &str) -> Result<Self> {
        let damaged = |problem: &str| {
            let text = format!("`{path}` in `{}` {problem}", place.location());
            Error::new(Kind::Rejected, text)
        };
        let tail = async |count| match place.tail(path, count).await? {
            Some(tail) => Ok(tail),
            None => Err(damaged("is missing, although its manifest lists it")),
        };
        let no_footer = || damaged("has no Parquet footer");
        let mut end = tail(TAIL).await?;
        let length = footer_length(&end).ok_or_else(no_footer)?;
        if end.len() < length + END {
            end = tail((length + END) as u64).await?;
        }
        let from = end.len().checked_sub(length + END).ok_or_else(no_footer)?;
        let footer = &end[from..end.len() - END];
        let metadata = ParquetMetaDataReader::decode_metadata(footer)
            .map_err(|error| damaged("has a damaged Parquet footer").with_source(error))?;
        let groups = metadata.row_groups();
        let columns = metadata.file_metadata().schema_descr().columns().iter();
        let columns = columns.enumerate().map(|(index, column)| {
            let chunks = groups.iter().map(|group| group.column(index));
            ColumnStatistics {
                name: column.name().to_owned(),
                field_id: field_id(column),
                bytes: chunks
                    .clone()
                    .map(|chunk| unsigned(chunk.compressed_size()))
                    .sum(),
                nulls: chunks.clone().map(nulls).sum(),
                bounds: bounds(chunks),
            }
        });
        Ok(Self {
            rows: groups
                .iter()
                .map(RowGroupMetaData::num_rows)
                .map(unsigned)
                .sum(),
            footer_bytes: length as u64,
            columns: columns.collect(),
        })
    }
}

fn field_id(column: &ColumnDescriptor) -> Option<u32> {
    let info = column.self_type().get_basic_info();
    info.has_id().then(|| u32::try_from(info.id()).ok())?
}

/// The length of the metadata, from the end of a file.
fn footer_length(end: &[u8]) -> Option<usize> {
    let (rest, magic) = end.split_last_chunk::<4>()?;
    let length = rest.last_chunk::<4>().filter(|_| magic == MAGIC)?;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

/// A size or count, which the format stores with a sign.
fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn nulls(chunk: &ColumnChunkMetaData) -> Option<u64> {
    chunk.statistics()?.null_count_opt()
}

/// The bounds of all row groups together. One group with values but without bounds makes them unknown.
fn bounds<'a>(chunks: impl Iterator<Item = &'a ColumnChunkMetaData>) -> Option<Bounds> {
    let mut all: Option<Bounds> = None;
    for chunk in chunks {
        if nulls(chunk) == Some(unsigned(chunk.num_values())) {
            continue;
        }
        let of_chunk = bounds_of(chunk.statistics()?)?;
        all = Some(match all {
            None => of_chunk,
            Some(all) => all.with(of_chunk),
        });
    }
    all
}

impl Bounds {
    fn with(self, other: Self) -> Self {
        Self {
            min: if other.min < self.min {
                other.min
            } else {
                self.min
            },
            max: if other.max > self.max {
                other.max
            } else {
                self.max
            },
            are_exact: self.are_exact && other.are_exact,
        }
    }
}

fn bounds_of(statistics: &Statistics) -> Option<Bounds> {
    let text = |value: &ByteArray| {
        let text = std::str::from_utf8(value.data()).ok()?;
        Some(Bound::Text(text.to_owned()))
    };
    let double = |value: f64| (!value.is_nan()).then_some(Bound::Double(value));
    let (min, max) = match statistics {
        Statistics::Boolean(found) => (
            found.min_opt().copied().map(Bound::Boolean),
            found.max_opt().copied().map(Bound::Boolean),
        ),
        Statistics::Int32(found) => {
            let bound = |value: &i32| Bound::Integer((*value).into());
            (found.min_opt().map(bound), found.max_opt().map(bound))
        }
        Statistics::Int64(found) => (
            found.min_opt().copied().map(Bound::Integer),
            found.max_opt().copied().map(Bound::Integer),
        ),
        Statistics::Double(found) => (
            found.min_opt().copied().and_then(double),
            found.max_opt().copied().and_then(double),
        ),
        Statistics::ByteArray(found) => (
            found.min_opt().and_then(text),
            found.max_opt().and_then(text),
        ),
        _ => (None, None),
    };
    Some(Bounds {
        min: min?,
        max: max?,
        are_exact: statistics.min_is_exact() && statistics.max_is_exact(),
    })
}
