//! Tests that endpoints have the same names and paths, however descriptions write addresses and
//! divide operations into files.

use std::fs;

use serde_json::{Value, json};
use xtask::codegen::Output;

/// Returns name and path of each endpoint in these descriptions.
fn endpoints(descriptions: &[Value]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    for (number, api) in descriptions.iter().enumerate() {
        fs::write(
            folder.path().join(format!("api{number}.json")),
            api.to_string(),
        )
        .unwrap();
    }
    let output = Output::generate(folder.path()).unwrap_or_else(|error| panic!("{error:#}"));
    let catalogue = output.file("generated/catalogue.json").unwrap();
    let catalogue: Value = serde_json::from_str(catalogue).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let endpoints = catalogue["endpoints"].as_array().unwrap().iter();
    endpoints
        .map(|endpoint| (text(&endpoint["id"]), text(&endpoint["path"])))
        .collect()
}

fn with_server(url: &str) -> Value {
    json!({"openapi": "3.0.3", "servers": [{"url": url}], "paths": {"/units": {"get": {}}}})
}

fn with_base(base: &str) -> Value {
    json!({"swagger": "2.0", "basePath": base, "paths": {"/units": {"get": {}}}})
}

#[test]
fn an_address_may_lack_scheme_or_host() {
    let urls = [
        "https://api.example.com/es/v1",
        "//api.example.com/es/v1/",
        "api.example.com/es/v1",
        "localhost:8080/es/v1",
        "/es/v1",
        "es/v1",
    ];
    let apis = urls.map(with_server).into_iter().chain(urls.map(with_base));
    for api in apis {
        let found = endpoints(std::slice::from_ref(&api));
        assert_eq!(
            found,
            [("units".to_owned(), "/es/v1/units".to_owned())],
            "{api}"
        );
    }
    // A version is no host.
    let found = endpoints(&[with_server("v1.0/es")]);
    assert_eq!(found[0].1, "/v1.0/es/units");
}

#[test]
fn the_methods_of_a_path_may_be_in_different_files() {
    let whole = json!({"swagger": "2.0", "paths": {"/v1/units": {"get": {}, "post": {}}}});
    let parts = ["get", "post"]
        .map(|method| json!({"swagger": "2.0", "paths": {"/v1/units": {method: {}}}}));
    let names = ["units", "units:post"].map(|name| (name.to_owned(), "/v1/units".to_owned()));
    assert_eq!(endpoints(&[whole]), names);
    assert_eq!(endpoints(&parts), names);
}

#[test]
fn what_gateways_answer_does_not_rename_operations() {
    let api = json!({"swagger": "2.0", "paths": {"/v1/units": {"options": {}, "post": {}}}});
    let names: Vec<String> = endpoints(&[api])
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["units", "units:options"]);
}
