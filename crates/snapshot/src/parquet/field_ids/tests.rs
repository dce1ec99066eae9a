//! Tests of field ids.

use std::collections::BTreeMap;

use fortilake_sink::DataType;

use super::*;

fn schema(names: &[&str]) -> Schema {
    let field = |name: &&str| Field::new(*name, DataType::Utf8, true);
    Schema::new(names.iter().map(field).collect::<Vec<_>>())
}

fn ids(schema: &Schema) -> BTreeMap<&str, Option<&str>> {
    let fields = schema.fields().iter();
    fields
        .map(|field| {
            (
                field.name().as_str(),
                field.metadata().get(KEY).map(String::as_str),
            )
        })
        .collect()
}

#[test]
fn ids_never_change() {
    // These are in published files.
    assert_eq!(field_id("serial_number"), 470_792_425);
    assert_eq!(field_id("account_id"), 865_798_458);
    assert_eq!(field_id("_crawl_id"), 616_928_412);
}

#[test]
fn a_column_has_the_same_id_wherever_it_stands() {
    let one = with_field_ids(&schema(&["serial_number", "status", "account_id"]));
    let other = with_field_ids(&schema(&["account_id", "new", "serial_number"]));
    for name in ["serial_number", "account_id"] {
        assert_eq!(ids(&one)[name], Some(&*field_id(name).to_string()));
        assert_eq!(ids(&one)[name], ids(&other)[name]);
    }
}

#[test]
fn a_table_in_which_ids_collide_has_none() {
    // Found by trying numbers.
    let (one, other) = ("column_97130", "column_130771");
    assert_eq!(field_id(one), field_id(other));
    let found = with_field_ids(&schema(&[one, "status", other]));
    assert!(ids(&found).values().all(Option::is_none));
}
