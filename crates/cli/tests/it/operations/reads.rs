//! Commands that print rows, against responses that a crawl could not use.

use super::{ACCOUNT, SCENARIO};
use crate::util::tenant::Tenant;

/// A tenant with one fault in the responses of `path`.
fn faulty(path: &str, action: &str) -> Tenant {
    Tenant::start(&format!(
        "{SCENARIO}[[fault]]\npath = \"{path}\"\naction = {action}\n"
    ))
}

/// Some serial number in the tenant.
fn serial(tenant: &Tenant) -> String {
    let truth = tenant.simulator.truth();
    let serial = truth.tables["products"][0]["serial_number"].as_str();
    serial.unwrap().to_owned()
}

/// The commands, with their endpoints and the members that contain the rows.
fn commands() -> [(&'static str, &'static str, String); 6] {
    let tenant = Tenant::start(SCENARIO);
    let account = |list: &str| format!("{list} list --account {ACCOUNT}");
    [
        ("units/list", "organizationUnits", "ou list".to_owned()),
        ("accounts/list", "accounts", account("account")),
        ("folders/list", "assetFolders", account("folder")),
        ("licenses/list", "licenses", account("license")),
        ("contracts/list", "contracts", account("contract")),
        (
            "products/details",
            "assetDetails",
            format!("product details {}", serial(&tenant)),
        ),
    ]
}

#[test]
fn rows_that_are_missing_are_an_error() {
    for (path, member, command) in commands() {
        for action in [
            format!("{{ kind = \"rename-member\", from = \"{member}\", to = \"data\" }}"),
            format!("{{ kind = \"set-member\", member = \"{member}\" }}"),
            format!("{{ kind = \"set-member\", member = \"{member}\", value = \"7\" }}"),
            "{ kind = \"http\", status = 200, body = '{\"status\":0}' }".to_owned(),
        ] {
            let tenant = faulty(path, &action);
            for format in ["text", "json"] {
                let text = tenant
                    .folder("")
                    .check(&format!("{command} --format {format}"));
                let expected = format!(
                    "exit 1\n--- stderr\nerror: the response of `{path}` cannot be used\n  caused by: "
                );
                assert!(text.starts_with(&expected), "{command}, {action}: {text}");
            }
        }
    }
}

#[test]
fn the_error_names_what_came_instead() {
    let renamed = "{ kind = \"rename-member\", from = \"assetFolders\", to = \"folders\" }";
    let tenant = faulty("folders/list", renamed);
    let text = tenant
        .folder("")
        .check(&format!("folder list --account {ACCOUNT}"));
    insta::assert_snapshot!(text, @"
    exit 1
    --- stderr
    error: the response of `folders/list` cannot be used
      caused by: the response has `folders` where `assetFolders` was expected

    hint: `fortilake call folders/list` prints the response as it is
    ");
}

#[test]
fn an_empty_list_is_not_an_error() {
    for (path, member, command) in commands() {
        if path == "units/list" || path == "products/details" {
            continue;
        }
        for value in ["null", "[]"] {
            let action =
                format!("{{ kind = \"set-member\", member = \"{member}\", value = \"{value}\" }}");
            let text = faulty(path, &action).folder("").check(&command);
            assert_eq!(text.trim_end(), "exit 0\n--- stderr\nnothing found");
        }
    }
}

#[test]
fn details_are_about_the_product_that_was_asked_for() {
    let tenant = Tenant::start(SCENARIO);
    let serial = serial(&tenant);
    let command = format!("product details {serial}");
    let other = format!("{{ kind = \"replace\", find = '\"{serial}\"', with = '\"FGT1\"' }}");
    let text = faulty("products/details", &other)
        .folder("")
        .check(&command);
    let expected = format!("`products/details` returned `FGT1` instead of {serial}");
    assert!(
        text.starts_with("exit 1") && text.contains(&expected),
        "{text}"
    );
    let none = "{ kind = \"set-member\", member = \"assetDetails\", value = \"null\" }";
    let text = faulty("products/details", none).folder("").check(&command);
    let expected = format!("`products/details` returned no product for {serial}");
    assert!(
        text.starts_with("exit 1") && text.contains(&expected),
        "{text}"
    );
    let text = tenant.folder("").check(&command);
    assert!(text.starts_with("exit 0"), "{text}");
}
