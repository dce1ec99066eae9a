//! Tests that columns and typed responses parse values in the same way.

use arrow_array::{
    Array,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Kind, lenient,
    value::{ColumnBuilder, Pushed, Scalar},
};

#[derive(Deserialize)]
struct Integer(#[serde(deserialize_with = "lenient::integer")] Option<i64>);

#[derive(Deserialize)]
struct Float(#[serde(deserialize_with = "lenient::float")] Option<f64>);

#[derive(Deserialize)]
struct Boolean(#[serde(deserialize_with = "lenient::boolean")] Option<bool>);

/// Reads a JSON text as a column does. An error means that the value does not fit.
fn column<T>(kind: Kind, json: &str, get: impl Fn(&dyn Array) -> T) -> Result<Option<T>, ()> {
    let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
    let mut builder = ColumnBuilder::new(kind);
    match builder.push(&Scalar::of(raw.get())) {
        Pushed::Misfit(_) => Err(()),
        Pushed::Nothing => Ok(None),
        _ => Ok(Some(get(&builder.finish()))),
    }
}

/// Compares how columns and typed responses read a JSON text.
fn agree(json: &str) {
    let integer = serde_json::from_str::<Integer>(json).map(|read| read.0);
    let typed = column(Kind::Int, json, |array| {
        array.as_primitive::<Int64Type>().value(0)
    });
    assert_eq!(integer.map_err(drop), typed, "integer {json}");

    let boolean = serde_json::from_str::<Boolean>(json).map(|read| read.0);
    let typed = column(Kind::Bool, json, |array| array.as_boolean().value(0));
    assert_eq!(boolean.map_err(drop), typed, "boolean {json}");

    let float = serde_json::from_str::<Float>(json).map(|read| read.0);
    let typed = column(Kind::Float, json, |array| {
        array.as_primitive::<Float64Type>().value(0)
    });
    match (float, typed) {
        // The JSON parser may round the last bit differently.
        (Ok(Some(one)), Ok(Some(other))) => {
            assert!(
                (one - other).abs() <= one.abs() * 1e-15,
                "float {json}: {one} {other}"
            );
        }
        (float, typed) => assert_eq!(float.map_err(drop), typed, "float {json}"),
    }
}

#[test]
fn known_forms() {
    for json in [
        "0",
        "1",
        "-0",
        "1.0",
        "1e0",
        "1E3",
        "5.5",
        "9007199254740993",
        "9007199254740993.0",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "true",
        "false",
        "null",
        r#""""#,
        r#"" ""#,
        r#""1""#,
        r#""0""#,
        r#""1.0""#,
        r#"" 7 ""#,
        r#""+7""#,
        r#""5.00""#,
        r#""1e3""#,
        r#""TRUE""#,
        r#"" false ""#,
        r#""yes""#,
        r#""inf""#,
        r#""NaN""#,
        r#""0x10""#,
        r#""1_000""#,
        r#""1,5""#,
        "[]",
        "{}",
        "[1]",
    ] {
        agree(json);
    }
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?"
}

proptest! {
    #[test]
    fn numbers_are_read_the_same(number in number()) {
        agree(&number);
        agree(&format!("\"{number}\""));
        agree(&format!("\" {number} \""));
    }

    #[test]
    fn texts_are_read_the_same(text in "[ +.0-9a-zA-Z_-]{0,8}") {
        agree(&serde_json::Value::from(text).to_string());
    }
}
