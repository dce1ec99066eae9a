//! The expected outputs, compiled, to prove that the generator writes valid Rust.

#[rustfmt::skip]
#[path = "../golden/additional_properties/expected.rs"]
pub(crate) mod additional_properties;
#[rustfmt::skip]
#[path = "../golden/aliases/expected.rs"]
pub(crate) mod aliases;
#[rustfmt::skip]
#[path = "../golden/all_of/expected.rs"]
pub(crate) mod all_of;
#[rustfmt::skip]
#[path = "../golden/body_parameter/expected.rs"]
pub(crate) mod body_parameter;
#[rustfmt::skip]
#[path = "../golden/content_types/expected.rs"]
pub(crate) mod content_types;
#[rustfmt::skip]
#[path = "../golden/docs/expected.rs"]
pub(crate) mod docs;
#[rustfmt::skip]
#[path = "../golden/enum/expected.rs"]
pub(crate) mod r#enum;
#[rustfmt::skip]
#[path = "../golden/form_data/expected.rs"]
pub(crate) mod form_data;
#[rustfmt::skip]
#[path = "../golden/inline_nested/expected.rs"]
pub(crate) mod inline_nested;
#[rustfmt::skip]
#[path = "../golden/keyword/expected.rs"]
pub(crate) mod keyword;
#[rustfmt::skip]
#[path = "../golden/messages/expected.rs"]
pub(crate) mod messages;
#[rustfmt::skip]
#[path = "../golden/methods/expected.rs"]
pub(crate) mod methods;
#[rustfmt::skip]
#[path = "../golden/name_clash/expected.rs"]
pub(crate) mod name_clash;
#[rustfmt::skip]
#[path = "../golden/named_service/expected.rs"]
pub(crate) mod named_service;
#[rustfmt::skip]
#[path = "../golden/nested_tables/expected.rs"]
pub(crate) mod nested_tables;
#[rustfmt::skip]
#[path = "../golden/nullable/expected.rs"]
pub(crate) mod nullable;
#[rustfmt::skip]
#[path = "../golden/one_of/expected.rs"]
pub(crate) mod one_of;
#[rustfmt::skip]
#[path = "../golden/parameters/expected.rs"]
pub(crate) mod parameters;
#[rustfmt::skip]
#[path = "../golden/patch/expected.rs"]
pub(crate) mod patch;
#[rustfmt::skip]
#[path = "../golden/published/expected.rs"]
pub(crate) mod published;
#[rustfmt::skip]
#[path = "../golden/recursion/expected.rs"]
pub(crate) mod recursion;
#[rustfmt::skip]
#[path = "../golden/reference/expected.rs"]
pub(crate) mod reference;
#[rustfmt::skip]
#[path = "../golden/rows_clash/expected.rs"]
pub(crate) mod rows_clash;
#[rustfmt::skip]
#[path = "../golden/secret/expected.rs"]
pub(crate) mod secret;
#[rustfmt::skip]
#[path = "../golden/servers/expected.rs"]
pub(crate) mod servers;
#[rustfmt::skip]
#[path = "../golden/timestamps/expected.rs"]
pub(crate) mod timestamps;
#[rustfmt::skip]
#[path = "../golden/type_array/expected.rs"]
pub(crate) mod type_array;
#[rustfmt::skip]
#[path = "../golden/types/expected.rs"]
pub(crate) mod types;
#[rustfmt::skip]
#[path = "../golden/unsaid_tables/expected.rs"]
pub(crate) mod unsaid_tables;
#[rustfmt::skip]
#[path = "../golden/whole_answer/expected.rs"]
pub(crate) mod whole_answer;
#[rustfmt::skip]
#[path = "../golden/words/expected.rs"]
pub(crate) mod words;

/// A description in the dialect 3.1, generated with `--from` and `--to`.
#[path = "../foreign/fleet/expected"]
pub(crate) mod fleet {
    pub(crate) mod generated;
}

/// A description in the dialect 2.0, generated in the same way.
#[path = "../foreign/petstore/expected"]
pub(crate) mod petstore {
    pub(crate) mod generated;
}
