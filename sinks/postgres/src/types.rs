//! The PostgreSQL types of columns, and names that PostgreSQL accepts.

use fortilake_sink::{DataType, Error, Kind, Result, TableSpec, TimeUnit};

#[cfg(test)]
mod tests;

/// The longest name of a table or column, in bytes. PostgreSQL cuts longer ones without an error.
pub(crate) const LONGEST_NAME: usize = 63;

/// The column that holds the scope of a row.
pub(crate) const SCOPE: &str = "_scope";

/// The columns that differ in every crawl. A row in which nothing else differs counts as unchanged.
pub(crate) const META: [&str; 2] = ["_crawl_id", "_observed_at"];

/// A column's type in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Integer,
    BigInt,
    /// For unsigned 64-bit integers, which do not fit a `bigint`.
    Numeric,
    Double,
    Text,
    /// The date and time as the API wrote it, without a time zone.
    Timestamp,
    /// A point in time, stored in UTC.
    TimestampTz,
}

impl Type {
    pub(crate) fn of(arrow: &DataType) -> Option<Self> {
        Some(match arrow {
            DataType::Boolean => Self::Boolean,
            DataType::Int32 => Self::Integer,
            DataType::Int64 => Self::BigInt,
            DataType::UInt64 => Self::Numeric,
            DataType::Float64 => Self::Double,
            DataType::Utf8 => Self::Text,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Timestamp,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Self::TimestampTz,
            _ => return None,
        })
    }

    /// The name as `format_type` of PostgreSQL returns it, so that both can be compared.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::BigInt => "bigint",
            Self::Numeric => "numeric(20,0)",
            Self::Double => "double precision",
            Self::Text => "text",
            Self::Timestamp => "timestamp without time zone",
            Self::TimestampTz => "timestamp with time zone",
        }
    }

    /// Any value of the type, as SQL.
    pub(crate) fn constant(self) -> &'static str {
        match self {
            Self::Boolean => "false",
            Self::Integer | Self::BigInt | Self::Numeric | Self::Double => "0",
            Self::Text => "''",
            Self::Timestamp | Self::TimestampTz => "'epoch'",
        }
    }
}

/// Checks that PostgreSQL can hold a table, and returns the types of its columns. `suffix` is the longest text that is
/// appended to the table's name.
///
/// # Errors
///
/// [`Kind::Config`] for a name that PostgreSQL would cut, and [`Kind::Internal`] for a type that the sink does not know.
pub(crate) fn of(spec: &TableSpec, suffix: &str) -> Result<Vec<Type>> {
    let table = &spec.name;
    let fits = |name: &str| name.len() + suffix.len() <= LONGEST_NAME && !name.contains('\0');
    if !fits(table) {
        let longest = LONGEST_NAME - suffix.len();
        let text = format!("the name of table `{table}` is longer than {longest} bytes");
        return Err(Error::new(Kind::Config, text));
    }
    let columns = spec.schema.fields().iter().map(|field| {
        let name = field.name();
        if name == SCOPE {
            let text =
                format!("table `{table}` has a column `{SCOPE}`, which the sink adds itself");
            return Err(Error::new(Kind::Internal, text));
        }
        if name.len() > LONGEST_NAME || name.contains('\0') {
            let text = format!(
                "the name of column `{name}` of table `{table}` is longer than {LONGEST_NAME} bytes"
            );
            return Err(Error::new(Kind::Config, text));
        }
        Type::of(field.data_type()).ok_or_else(|| {
            let text = format!(
                "column `{name}` of table `{table}` has the type {}, which the sink cannot store",
                field.data_type()
            );
            Error::new(Kind::Internal, text)
        })
    });
    columns.collect()
}
