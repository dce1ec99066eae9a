//! Statistics as text, which is how a catalog stores them.
//!
//! Wrong statistics give wrong results without an error, because readers skip files and decide filters by them. So a
//! bound that is not certain is `None`, which only costs time.

use std::cmp::Ordering;

use fortilake_sink::{Error, Kind};
use fortilake_snapshot::PublishedColumn;
use fortilake_snapshot::parquet::{Bound, ColumnStatistics};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The DuckLake type of a column, by the name of its Arrow type in the manifest; `None` if DuckLake has no such type.
pub(crate) fn type_name(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "int32" => "int32",
        "int64" => "int64",
        "uint64" => "uint64",
        "string" => "varchar",
        "bool" => "boolean",
        "double" => "float64",
        "timestamp[us]" => "timestamp",
        "timestamp[us, tz=UTC]" => "timestamptz",
        _ => return None,
    })
}

/// The error for a column that DuckLake cannot store.
pub(crate) fn unsupported(table: &str, column: &PublishedColumn) -> Error {
    let text = format!(
        "column `{}` of table `{table}` has the type `{}`, which DuckLake cannot store",
        column.name, column.kind
    );
    Error::new(Kind::Internal, text)
}

/// The statistics of a column in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileColumn {
    /// The compressed size.
    pub(crate) bytes: u64,
    /// The number of values that are not null; `None` if it is not known.
    pub(crate) values: Option<u64>,
    /// The number of nulls; `None` if it is not known.
    pub(crate) nulls: Option<u64>,
    /// The smallest and the largest value. No value is outside.
    pub(crate) bounds: Option<(String, String)>,
    /// Whether the bounds are values.
    pub(crate) are_exact: bool,
}

impl FileColumn {
    pub(crate) fn new(found: &ColumnStatistics, rows: u64, kind: &str) -> Self {
        let bounds = found.bounds.as_ref();
        let texts =
            bounds.and_then(|bounds| Some((text(&bounds.min, kind)?, text(&bounds.max, kind)?)));
        Self {
            bytes: found.bytes,
            values: found.nulls.map(|nulls| rows.saturating_sub(nulls)),
            nulls: found.nulls,
            are_exact: texts.is_some() && bounds.is_some_and(|bounds| bounds.are_exact),
            bounds: texts,
        }
    }
}

fn text(bound: &Bound, kind: &str) -> Option<String> {
    match bound {
        Bound::Boolean(value) => Some(value.to_string()),
        Bound::Integer(micros) if kind.starts_with("timestamp") => {
            let zone = if kind == "timestamptz" { "+00" } else { "" };
            // A `Timestamp` ends a day before the year 10000, but 9999-12-31 is how some write "never".
            let time = EPOCH.checked_add(SignedDuration::from_micros(*micros));
            civil(time.ok()?).map(|text| text + zone)
        }
        // The file stores the bits of an unsigned integer, which compare differently.
        Bound::Integer(_) if kind == "uint64" => None,
        Bound::Integer(value) => Some(value.to_string()),
        Bound::Double(value) => value.is_finite().then(|| format!("{value:?}")),
        // PostgreSQL cannot store U+0000, and DuckLake cannot compare with it.
        Bound::Text(value) => (!value.contains('\0')).then(|| value.clone()),
    }
}

/// A time as DuckDB prints it, always with six digits so that text sorts; `None` for years that need a sign.
pub(crate) fn time(time: Timestamp) -> Option<String> {
    civil(time.to_zoned(TimeZone::UTC).datetime())
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

fn civil(time: DateTime) -> Option<String> {
    let is_common = (0..=9999).contains(&time.year());
    is_common.then(|| time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

/// The statistics of a column in all versions of a table. They only ever widen, because readers also use them for
/// old versions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableColumn {
    /// Whether some version has a null; `None` if that is not known.
    pub(crate) contains_null: Option<bool>,
    /// The smallest and the largest value of all versions; `None` once they are not known.
    pub(crate) bounds: Option<(String, String)>,
}

impl TableColumn {
    /// The statistics after the first file with this column. `is_new_table` is false for a column that comes later,
    /// which is null in all rows before.
    pub(crate) fn first(file: &FileColumn, is_new_table: bool) -> Self {
        let contains_null = match file.nulls {
            _ if !is_new_table => Some(true),
            nulls => nulls.map(|nulls| nulls > 0),
        };
        Self {
            contains_null,
            bounds: file.bounds.clone().filter(|_| file.are_exact),
        }
    }

    /// The statistics after another file. `had_values` says whether any file before had a value in this column: only
    /// then do missing bounds mean that the bounds are not known.
    pub(crate) fn widen(&mut self, file: &FileColumn, kind: &str, had_values: bool) {
        let has_null = file.nulls.map(|nulls| nulls > 0);
        self.contains_null = match (self.contains_null, has_null) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        if file.values == Some(0) {
            return;
        }
        let new = file.bounds.clone().filter(|_| file.are_exact);
        self.bounds = match (self.bounds.take(), new) {
            (None, new) if !had_values => new,
            (Some(old), Some(new)) => Some((
                pick(kind, old.0, new.0, Ordering::Less),
                pick(kind, old.1, new.1, Ordering::Greater),
            )),
            _ => None,
        };
    }
}

/// The one of two values that compares with the other as `wanted`.
fn pick(kind: &str, one: String, other: String, wanted: Ordering) -> String {
    if compare(kind, &one, &other) == wanted {
        one
    } else {
        other
    }
}

fn compare(kind: &str, one: &str, other: &str) -> Ordering {
    if kind.starts_with("int") {
        let number = |text: &str| text.parse::<i64>().unwrap_or_default();
        return number(one).cmp(&number(other));
    }
    if kind == "float64" {
        let number = |text: &str| text.parse::<f64>().unwrap_or_default();
        return number(one).total_cmp(&number(other));
    }
    one.cmp(other)
}

#[cfg(test)]
mod tests {
    use fortilake_snapshot::parquet::Bounds;

    use super::*;

    fn file(kind: &str, nulls: u64, min: Bound, max: Bound, are_exact: bool) -> FileColumn {
        let found = ColumnStatistics {
            name: "c".to_owned(),
            field_id: None,
            bytes: 10,
            nulls: Some(nulls),
            bounds: Some(Bounds {
                min,
                max,
                are_exact,
            }),
        };
        FileColumn::new(&found, 3, kind)
    }

    fn integers(nulls: u64, min: i64, max: i64) -> FileColumn {
        file(
            "int64",
            nulls,
            Bound::Integer(min),
            Bound::Integer(max),
            true,
        )
    }

    fn nothing() -> FileColumn {
        let found = ColumnStatistics {
            name: "c".to_owned(),
            field_id: None,
            bytes: 10,
            nulls: Some(3),
            bounds: None,
        };
        FileColumn::new(&found, 3, "int64")
    }

    #[expect(clippy::unnecessary_wraps, reason = "bounds are optional")]
    fn pair(min: &str, max: &str) -> Option<(String, String)> {
        Some((min.to_owned(), max.to_owned()))
    }

    #[test]
    fn values_are_text_as_duckdb_prints_it() {
        let bounds = |kind, min, max| file(kind, 0, min, max, true).bounds;
        let micros = Bound::Integer;
        assert_eq!(
            bounds("timestamp", micros(-1), micros(253_402_300_799_999_999)),
            pair("1969-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999")
        );
        assert_eq!(
            bounds("timestamptz", micros(0), micros(1)),
            pair(
                "1970-01-01 00:00:00.000000+00",
                "1970-01-01 00:00:00.000001+00"
            )
        );
        assert_eq!(bounds("timestamp", micros(i64::MIN), micros(0)), None);
        assert_eq!(bounds("uint64", micros(-1), micros(0)), None);
        let double = Bound::Double;
        assert_eq!(
            bounds("float64", double(-0.5), double(1e300)),
            pair("-0.5", "1e300")
        );
        assert_eq!(bounds("float64", double(0.0), double(f64::INFINITY)), None);
        let booleans = (Bound::Boolean(false), Bound::Boolean(true));
        assert_eq!(
            bounds("boolean", booleans.0, booleans.1),
            pair("false", "true")
        );
        let text = |text: &str| Bound::Text(text.to_owned());
        assert_eq!(bounds("varchar", text("a'"), text("é")), pair("a'", "é"));
        assert_eq!(bounds("varchar", text("a\0"), text("b")), None);
    }

    #[test]
    fn the_statistics_of_a_table_only_widen() {
        let mut all = TableColumn::first(&integers(0, 5, 7), true);
        assert_eq!(all.contains_null, Some(false));
        // As text, 10 is smaller than 5.
        all.widen(&integers(1, 6, 10), "int64", true);
        assert_eq!(all.bounds, pair("5", "10"));
        assert_eq!(all.contains_null, Some(true));
        all.widen(&integers(0, -3, 6), "int64", true);
        assert_eq!(all.bounds, pair("-3", "10"));
        assert_eq!(all.contains_null, Some(true));
        all.widen(&nothing(), "int64", true);
        assert_eq!(all.bounds, pair("-3", "10"));
    }

    #[test]
    fn bounds_that_are_not_values_are_unknown_for_good() {
        let text = |text: &str| Bound::Text(text.to_owned());
        let exact = file("varchar", 0, text("a"), text("b"), true);
        let cut = file("varchar", 0, text("a"), text("b"), false);
        assert_eq!(cut.bounds, pair("a", "b"));
        let mut all = TableColumn::first(&exact, true);
        all.widen(&cut, "varchar", true);
        assert_eq!(all.bounds, None);
        all.widen(&exact, "varchar", true);
        assert_eq!(all.bounds, None);
        assert_eq!(TableColumn::first(&cut, true).bounds, None);
    }

    #[test]
    fn a_column_without_values_so_far_takes_the_first_bounds() {
        let mut all = TableColumn::first(&nothing(), true);
        all.widen(&integers(0, 1, 2), "int64", false);
        assert_eq!(all.bounds, pair("1", "2"));
        // A column that comes later was null in all rows before.
        let later = TableColumn::first(&integers(0, 1, 2), false);
        assert_eq!(later.contains_null, Some(true));
    }
}
