//! A table's schema in Delta's form.
//!
//! Fields are kept as JSON, because other programs may have added members that have to stay.

use fortilake_sink::{Error, Kind, Result};
use fortilake_snapshot::{PublishedColumn, PublishedTable};
use serde_json::{Map, Value, json};

/// The type of a column, by the name of its Arrow type in the manifest; `None` if Delta has no such type.
pub(crate) fn type_name(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "int32" => "integer",
        "int64" => "long",
        "string" => "string",
        "bool" => "boolean",
        "double" => "double",
        "timestamp[us]" => "timestamp_ntz",
        "timestamp[us, tz=UTC]" => "timestamp",
        _ => return None,
    })
}

/// The error for a column that Delta cannot store.
pub(crate) fn unsupported(table: &str, column: &PublishedColumn) -> Error {
    let text = format!(
        "column `{}` of table `{table}` has the type `{}`, which Delta cannot store",
        column.name, column.kind
    );
    Error::new(Kind::Internal, text)
}

/// The fields of a table after a snapshot with the columns of `table`, if `known` are its fields now.
///
/// Columns are only added, at the end. A column that comes later is null in older files, and one that the snapshot
/// lacks is null in newer ones, so neither can be required.
///
/// # Errors
///
/// [`Kind::Rejected`] if a column has changed its type.
pub(crate) fn merge(known: &[Value], table: &PublishedTable) -> Result<Vec<Value>> {
    let mut fields = known.to_vec();
    for column in &table.columns {
        let kind = type_name(&column.kind).ok_or_else(|| unsupported(&table.name, column))?;
        let Some(field) = known.iter().find(|field| field["name"] == *column.name) else {
            let comment = column.description.iter();
            let comment = comment.map(|text| ("comment".to_owned(), text.as_str().into()));
            fields.push(json!({
                "name": column.name,
                "type": kind,
                "nullable": column.nullable || !known.is_empty(),
                "metadata": comment.collect::<Map<_, _>>(),
            }));
            continue;
        };
        if field["type"] != kind {
            let text = format!(
                "column `{}` of the Delta table `{}` has the type `{}`, but `{kind}` in this crawl; Delta cannot change the type \
                 of a column, so publish to another folder",
                column.name,
                table.name,
                field["type"].as_str().unwrap_or("(another)"),
            );
            return Err(Error::new(Kind::Rejected, text));
        }
    }
    for field in &mut fields {
        let is_there = |column: &PublishedColumn| field["name"] == *column.name;
        if !table.columns.iter().any(is_there) {
            field["nullable"] = true.into();
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, &str, bool)]) -> PublishedTable {
        let column = |&(name, kind, nullable): &(&str, &str, bool)| PublishedColumn {
            name: name.to_owned(),
            kind: kind.to_owned(),
            nullable,
            description: (name == "id").then(|| "The id.".to_owned()),
        };
        PublishedTable {
            name: "things".to_owned(),
            summary: String::new(),
            rows: 0,
            key: Vec::new(),
            columns: columns.iter().map(column).collect(),
            files: Vec::new(),
        }
    }

    #[test]
    fn the_first_schema_is_that_of_the_columns() {
        let fields = merge(
            &[],
            &table(&[("id", "int64", false), ("at", "timestamp[us]", true)]),
        );
        let expected = json!([
            {"name": "id", "type": "long", "nullable": false, "metadata": {"comment": "The id."}},
            {"name": "at", "type": "timestamp_ntz", "nullable": true, "metadata": {}},
        ]);
        assert_eq!(Value::from(fields.unwrap()), expected);
    }

    #[test]
    fn a_column_that_comes_later_or_goes_is_nullable() {
        let old = merge(
            &[],
            &table(&[("id", "int64", false), ("gone", "bool", false)]),
        )
        .unwrap();
        let new = table(&[("more", "double", false), ("id", "int64", false)]);
        let fields = merge(&old, &new).unwrap();
        let told: Vec<_> = fields
            .iter()
            .map(|field| format!("{} {}", field["name"], field["nullable"]))
            .collect();
        assert_eq!(told, [r#""id" false"#, r#""gone" true"#, r#""more" true"#]);
        assert_eq!(merge(&fields, &new).unwrap(), fields);
    }

    #[test]
    fn another_type_is_refused() {
        let old = merge(&[], &table(&[("id", "int64", false)])).unwrap();
        let error = merge(&old, &table(&[("id", "string", false)])).unwrap_err();
        assert_eq!(error.kind(), Kind::Rejected);
        let error = merge(&[], &table(&[("id", "uint64", false)])).unwrap_err();
        assert!(error.to_string().contains("`uint64`"), "{error}");
    }
}
