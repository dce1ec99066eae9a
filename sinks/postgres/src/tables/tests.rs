//! Tests of the statements that create and change tables.

use super::*;

const COLUMNS: [Wanted<'_>; 3] = [
    Wanted {
        name: "id",
        type_name: "bigint",
        comment: "The id's number.",
    },
    Wanted {
        name: "name",
        type_name: "text",
        comment: "",
    },
    Wanted {
        name: SCOPE,
        type_name: "text",
        comment: "",
    },
];

fn relation(columns: &[Wanted<'_>], key: Option<&[&str]>) -> Relation {
    let columns = columns.iter().map(|column| {
        let found = ExistingColumn {
            type_name: column.type_name.to_owned(),
            comment: column.comment.to_owned(),
        };
        (column.name.to_owned(), found)
    });
    Relation {
        kind: "r".to_owned(),
        comment: "Things.".to_owned(),
        key: key.map(|key| key.iter().map(ToString::to_string).collect()),
        columns: columns.collect(),
    }
}

fn with(relation: Option<Relation>) -> Result<Vec<String>> {
    let found = relation.map(|relation| ("things".to_owned(), relation));
    let existing = Existing(found.into_iter().collect());
    let key = ["id".to_owned()];
    statements(&existing, "things", "s.things", "Things.", &COLUMNS, &key)
}

#[test]
fn a_missing_table_is_created_with_key_and_comments() {
    let wanted = [
        "CREATE TABLE s.things (\"id\" bigint, \"name\" text, \"_scope\" text NOT NULL, \
         CONSTRAINT \"things_fortilake_key\" UNIQUE NULLS NOT DISTINCT (\"id\"))",
        "COMMENT ON TABLE s.things IS 'Things.'",
        "COMMENT ON COLUMN s.things.\"id\" IS 'The id''s number.'",
    ];
    assert_eq!(with(None).unwrap(), wanted);
}

#[test]
fn a_table_that_is_right_is_left_alone() {
    let found = relation(&COLUMNS, Some(&["id"]));
    assert!(with(Some(found)).unwrap().is_empty());
}

#[test]
fn what_is_missing_is_added() {
    let found = relation(&COLUMNS[1..], Some(&["name"]));
    let wanted = [
        "ALTER TABLE s.things ADD COLUMN \"id\" bigint, DROP CONSTRAINT \"things_fortilake_key\", \
         ADD CONSTRAINT \"things_fortilake_key\" UNIQUE NULLS NOT DISTINCT (\"id\")",
        "COMMENT ON COLUMN s.things.\"id\" IS 'The id''s number.'",
    ];
    assert_eq!(with(Some(found)).unwrap(), wanted);
}

#[test]
fn what_somebody_else_made_is_not_touched() {
    let mut view = relation(&COLUMNS, None);
    view.kind = "v".to_owned();
    let foreign = relation(&COLUMNS[..2], Some(&["id"]));
    let mut other_type = relation(&COLUMNS, Some(&["id"]));
    other_type.columns.get_mut("name").unwrap().type_name = "integer".to_owned();
    for (found, reason) in [
        (view, "not a table"),
        (foreign, "did not create it"),
        (other_type, "has the type `integer`"),
    ] {
        let error = with(Some(found)).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains(reason), "{error}");
    }
}
