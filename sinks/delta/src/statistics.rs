//! The statistics of a file in Delta's form.

use fortilake_snapshot::PublishedColumn;
use fortilake_snapshot::parquet::{Bound, FileStatistics};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// The format of times: with milliseconds, which is all that Delta's statistics have.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.3f";

/// Which end of a column's values a bound is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

/// The statistics of a file with these columns, as the text that an `add` action contains.
///
/// A column without bounds is only read more often than necessary, so bounds that JSON cannot express are left out.
pub(crate) fn text(found: &FileStatistics, columns: &[PublishedColumn]) -> String {
    let (mut min, mut max, mut nulls) = (Map::new(), Map::new(), Map::new());
    for column in &found.columns {
        let name = || column.name.clone();
        if let Some(count) = column.nulls {
            nulls.insert(name(), count.into());
        }
        let Some(bounds) = &column.bounds else {
            continue;
        };
        let kind = columns
            .iter()
            .find(|described| described.name == column.name);
        let kind = kind.map_or("", |described| described.kind.as_str());
        min.extend(bound(&bounds.min, kind, End::Min).map(|value| (name(), value)));
        max.extend(bound(&bounds.max, kind, End::Max).map(|value| (name(), value)));
    }
    let stats = json!({
        "numRecords": found.rows,
        "minValues": min,
        "maxValues": max,
        "nullCount": nulls,
    });
    stats.to_string()
}

fn bound(value: &Bound, kind: &str, end: End) -> Option<Value> {
    match value {
        // Delta has no bounds for booleans.
        Bound::Boolean(_) => None,
        Bound::Integer(micros) if kind.starts_with("timestamp") => {
            let zone = if kind.contains("tz=") { "Z" } else { "" };
            time(*micros, end).map(|time| format!("{time}{zone}").into())
        }
        Bound::Integer(value) => Some((*value).into()),
        // JSON has no infinity.
        Bound::Double(value) => value.is_finite().then(|| (*value).into()),
        Bound::Text(value) => Some(value.as_str().into()),
    }
}

/// A time with milliseconds, rounded so that it stays a bound.
fn time(micros: i64, end: End) -> Option<String> {
    let below = micros.div_euclid(1000);
    let is_between = micros.rem_euclid(1000) > 0;
    let millis = below + i64::from(end == End::Max && is_between);
    let time = Timestamp::from_millisecond(millis).ok()?;
    let time = time.to_zoned(TimeZone::UTC);
    // The last microsecond of the year 9999 is rounded up to a year that readers cannot parse.
    let is_common = (0..=9999).contains(&time.year());
    is_common.then(|| time.strftime(TIME).to_string())
}

#[cfg(test)]
mod tests {
    use fortilake_snapshot::parquet::{Bounds, ColumnStatistics};

    use super::*;

    fn stats(kind: &str, min: Bound, max: Bound) -> String {
        let column = PublishedColumn {
            name: "c".to_owned(),
            kind: kind.to_owned(),
            nullable: true,
            description: None,
        };
        let found = ColumnStatistics {
            name: "c".to_owned(),
            field_id: None,
            bytes: 10,
            nulls: Some(1),
            bounds: Some(Bounds {
                min,
                max,
                are_exact: true,
            }),
        };
        let found = FileStatistics {
            rows: 3,
            footer_bytes: 100,
            columns: vec![found],
        };
        let stats: Value = serde_json::from_str(&text(&found, &[column])).unwrap();
        assert_eq!(stats["numRecords"], 3);
        assert_eq!(stats["nullCount"]["c"], 1);
        format!("{} to {}", stats["minValues"]["c"], stats["maxValues"]["c"])
    }

    #[test]
    fn times_are_rounded_to_milliseconds_so_that_they_stay_bounds() {
        let micros = Bound::Integer;
        let told = stats("timestamp[us]", micros(-1), micros(1_700_000_000_123_456));
        assert_eq!(
            told,
            r#""1969-12-31T23:59:59.999" to "2023-11-14T22:13:20.124""#
        );
        let told = stats("timestamp[us, tz=UTC]", micros(0), micros(1000));
        assert_eq!(
            told,
            r#""1970-01-01T00:00:00.000Z" to "1970-01-01T00:00:00.001Z""#
        );
        // 9999-12-31T23:59:59.999999, and a time that no calendar has.
        let told = stats(
            "timestamp[us]",
            micros(i64::MIN),
            micros(253_402_300_799_999_999),
        );
        assert_eq!(told, "null to null");
    }

    #[test]
    fn values_that_json_or_delta_cannot_express_have_no_bounds() {
        assert_eq!(
            stats("int64", Bound::Integer(-3), Bound::Integer(7)),
            "-3 to 7"
        );
        let told = stats("double", Bound::Double(0.5), Bound::Double(f64::INFINITY));
        assert_eq!(told, "0.5 to null");
        let told = stats("bool", Bound::Boolean(false), Bound::Boolean(true));
        assert_eq!(told, "null to null");
        let text = |text: &str| Bound::Text(text.to_owned());
        assert_eq!(
            stats("string", text("a\"\0"), text("é")),
            r#""a\"\u0000" to "é""#
        );
    }
}
