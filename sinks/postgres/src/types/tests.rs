//! Tests of types and names.

use std::sync::Arc;

use fortilake_sink::{Field, KeyIn, Schema};

use super::*;

fn table(name: &str, column: &str, data_type: DataType) -> TableSpec {
    TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::new(vec![Field::new(column, data_type, true)])),
        key: Vec::new(),
        key_in: KeyIn::Scope,
    }
}

#[test]
fn names_that_postgresql_would_cut_are_refused() {
    let longest = "x".repeat(63);
    assert!(of(&table(&longest, &longest, DataType::Utf8), "").is_ok());
    let error = of(&table(&longest, "a", DataType::Utf8), "_history").unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let long = "ü".repeat(32);
    for table in [
        table(&long, "a", DataType::Utf8),
        table("a", &long, DataType::Utf8),
    ] {
        let error = of(&table, "").unwrap_err();
        assert!(error.to_string().contains(&long), "{error}");
    }
}

#[test]
fn unknown_types_and_the_own_column_are_refused() {
    let error = of(&table("a", "b", DataType::Float16), "").unwrap_err();
    assert!(error.to_string().contains("Float16"), "{error}");
    assert!(of(&table("a", SCOPE, DataType::Utf8), "").is_err());
}
