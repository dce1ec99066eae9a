//! Crawls that publish only some product models.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::util::{Folder, SMALL, Simulator};

/// The rows of a published CSV file, by column.
fn rows(folder: &Folder, table: &str) -> Vec<BTreeMap<String, String>> {
    let path = folder.join("out").join(table).with_extension("csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.deserialize().map(Result::unwrap);
    rows.collect()
}

fn serials(folder: &Folder, table: &str) -> BTreeSet<String> {
    let rows = rows(folder, table).into_iter();
    rows.map(|row| row["serial_number"].clone()).collect()
}

fn manifest(folder: &Folder) -> Value {
    let versions = std::fs::read_dir(folder.join("out/_fortilake/versions")).unwrap();
    let paths = versions.map(|entry| entry.unwrap().path());
    let mut manifests = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let text = std::fs::read_to_string(manifests.next().unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_firewalls_of_an_organization_in_one_line() {
    let folder = Folder::new();
    let crawled =
        folder.check("crawl --simulate --models FortiGate* --models FortiWiFi* --sink csv:out");
    assert!(crawled.starts_with("exit 0"), "{crawled}");
    let products = rows(&folder, "products");
    assert_eq!(products.len(), 133);
    for product in &products {
        let model = &product["product_model"];
        assert!(
            model.starts_with("FortiGate") || model.starts_with("FortiWiFi"),
            "{model}"
        );
    }
    // What hangs on these products is there, and nothing else is.
    let products = serials(&folder, "products");
    for table in ["entitlements", "product_contracts", "contract_terms"] {
        let found = serials(&folder, table);
        assert!(!found.is_empty() && found.is_subset(&products), "{table}");
    }
    let whole = Folder::new();
    whole.run("crawl --simulate --sink csv:out");
    assert!(rows(&whole, "products").len() > products.len());
    assert_eq!(
        rows(&whole, "accounts").len(),
        rows(&folder, "accounts").len()
    );
    let of_selected = |row: &BTreeMap<_, String>| products.contains(&row["serial_number"]);
    for table in ["entitlements", "contract_terms"] {
        let expected = rows(&whole, table)
            .iter()
            .filter(|row| of_selected(row))
            .count();
        assert_eq!(rows(&folder, table).len(), expected, "{table}");
    }
    // The coverage counts what is published.
    let coverage = rows(&folder, "coverage");
    let lists = coverage
        .iter()
        .filter(|row| row["endpoint"] == "products/list");
    let listed: usize = lists.map(|row| row["rows"].parse::<usize>().unwrap()).sum();
    assert_eq!(listed, products.len());
}

fn configured(simulator: &Simulator, models: &str) -> String {
    let variable = |name| simulator.variable(name);
    format!(
        "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n\
         username = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
         password = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
         auth_url = \"{}\"\napi_url = \"{}\"\n\
         include = [\"licenses\", \"product_details\"]\n{models}\n\
         [[sink]]\ntype = \"csv\"\npath = \"out\"\n",
        variable("FORTICLOUD_AUTH_URL"),
        variable("FORTICLOUD_API_URL")
    )
}

#[test]
fn a_selection_of_models_is_recorded_and_replaces_nothing_wider() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator).file(
        "fortilake.toml",
        &configured(&simulator, "models = [\"FortiGate*\"]"),
    );
    let crawled = folder.check("crawl");
    assert!(crawled.starts_with("exit 0"), "{crawled}");
    let selection = &manifest(&folder)["outcome"]["selection"];
    assert_eq!(selection["models"]["acme"][0], "FortiGate*", "{selection}");
    let products = serials(&folder, "products");
    assert!(!products.is_empty());
    // Details are asked only of these products.
    assert_eq!(serials(&folder, "product_details"), products);

    // A wider selection may replace it, and the shrink guard compares only equal selections.
    let wider = folder.check("crawl --models Forti*");
    assert!(wider.starts_with("exit 0"), "{wider}");
    let folder = folder.file("fortilake.toml", &configured(&simulator, ""));
    let all = folder.check("crawl");
    assert!(all.starts_with("exit 0"), "{all}");
    assert!(serials(&folder, "products").len() > products.len());

    let narrower = folder.check("crawl --models FortiGate*");
    assert!(narrower.starts_with("exit 4"), "{narrower}");
    assert!(narrower.contains("covers more"), "{narrower}");
    let apart = folder.check("crawl --models FortiGate* --sink csv:gates");
    assert!(apart.starts_with("exit 0"), "{apart}");

    // A replay publishes the same selection.
    let replayed = folder.check("replay latest --sink csv:again");
    assert!(replayed.starts_with("exit 0"), "{replayed}");
    assert_eq!(
        folder.read("again/products.csv"),
        folder.read("gates/products.csv")
    );
}

#[test]
fn a_crawl_of_everything_is_not_published_to_the_sinks_of_a_selection() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let failed = folder.check("crawl --sink exec:/bin/false");
    assert!(failed.starts_with("exit 1"), "{failed}");
    let selected = folder.check("crawl --models FortiGate* --sink csv:gates");
    assert!(selected.starts_with("exit 0"), "{selected}");
    assert!(selected.contains("covers another selection"), "{selected}");
    let models = folder.read("gates/products.csv");
    let mut models = models.lines().skip(1).map(|line| line.split(',').nth(2));
    assert!(models.all(|model| model.unwrap().starts_with("FortiGate")));
}

#[test]
fn models_without_a_source_that_has_them_are_an_error() {
    let folder = Folder::new()
        .file(
            "fortilake.toml",
            "[[source]]\nname = \"tokens\"\ntype = \"fortiauthenticator\"\napi_url = \"https://ftm.example\"\n\
             username = \"admin\"\napi_key = { env = \"K\" }\n",
        )
        .with("K", "EXAMPLE");
    let text = folder.check("crawl --models FortiGate* --sink csv:out");
    assert!(text.starts_with("exit 2"), "{text}");
    assert!(
        text.contains("`--models` needs a source of the type `forticloud`"),
        "{text}"
    );
}

#[test]
fn only_forticloud_has_models() {
    let text = "[[source]]\nname = \"p\"\ntype = \"fortiportal\"\napi_url = \"https://p.example\"\n\
                api_key = { env = \"K\" }\nmodels = [\"FortiGate*\"]\n";
    let found = Folder::new()
        .file("c.toml", text)
        .check("config check c.toml");
    assert!(
        found.starts_with("exit 2") && found.contains("only for sources of the type `forticloud`"),
        "{found}"
    );
}
