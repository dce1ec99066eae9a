//! Tests that absent, null and a value are three different things.

use serde_json::{Value, json};

use super::Nullable;
use crate::generated::types::{LocationInput, ProductsLocationRequest};

#[test]
fn absent_null_and_a_value_are_told_apart() {
    let somewhere = LocationInput {
        city: Some("Bergen".to_owned()),
        ..LocationInput::default()
    };
    for (location, sent) in [
        (Nullable::Absent, json!({"serialNumber": "F1"})),
        (
            Nullable::Null,
            json!({"serialNumber": "F1", "location": Value::Null}),
        ),
        (
            Nullable::Value(somewhere),
            json!({"serialNumber": "F1", "location": {"city": "Bergen"}}),
        ),
    ] {
        let request = ProductsLocationRequest {
            serial_number: "F1".to_owned(),
            location,
        };
        assert_eq!(serde_json::to_value(&request).unwrap(), sent);
        let read: ProductsLocationRequest = serde_json::from_value(sent).unwrap();
        assert_eq!(read, request);
    }
}

#[test]
fn nothing_to_say_is_null() {
    assert_eq!(Nullable::from(None::<i64>), Nullable::Null);
    assert_eq!(Nullable::from(Some(7)), Nullable::Value(7));
}
