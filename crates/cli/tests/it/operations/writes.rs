//! All write commands but registration: what they ask, what they send and what they print.

use serde_json::Value;

use super::{ACCOUNT, SCENARIO, calls, folder};
use crate::util::{Folder, tenant::Tenant, text_of};

/// A registered product of the first account.
fn product(folder: &Folder) -> String {
    let line = format!("call products/list accountId={ACCOUNT} serialNumber=FGT60F%");
    let answer: Value = serde_json::from_slice(&folder.run(&line).stdout).unwrap();
    answer["assets"][0]["serialNumber"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The output of a command, with the product's serial number replaced by `SERIAL`.
fn check(folder: &Folder, line: &str, serial: &str) -> String {
    folder
        .check(&line.replace("SERIAL", serial))
        .replace(serial, "SERIAL")
}

fn details(folder: &Folder, serial: &str) -> Value {
    let line = format!("product details {serial} --format json");
    let rows: Value = serde_json::from_slice(&folder.run(&line).stdout).unwrap();
    rows[0].clone()
}

#[test]
fn products_are_described_located_moved_and_retired() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant);
    let serial = product(&folder);
    insta::assert_snapshot!(check(&folder, "product describe SERIAL edge --yes", &serial), @r#"
    exit 0
    --- stderr
    acme: will set the description of SERIAL
      POST /ES/api/registration/v3/products/description {"description":"edge","serialNumber":"SERIAL"}
    done
    "#);
    let text = check(
        &folder,
        "product locate SERIAL --country US --state-or-province ny --yes",
        &serial,
    );
    insta::assert_snapshot!(text, @"
    exit 2
    --- stderr
    error: the address needs a state code of two capital letters, because it is in US

    hint: pass `--unchecked` to send it anyway and let the API decide
    ");
    let line = "product locate SERIAL --country US --state-or-province NY --city Utica --yes";
    assert!(check(&folder, line, &serial).starts_with("exit 0"));
    assert_eq!(details(&folder, &serial)["location"]["city"], "Utica");
    assert_eq!(details(&folder, &serial)["description"], "edge");
    assert!(check(&folder, "product locate SERIAL --clear --yes", &serial).starts_with("exit 0"));
    assert!(details(&folder, &serial)["location"].is_null());

    let text = folder.check(&format!(
        "folder create Pop-up --account {ACCOUNT} --yes --format json"
    ));
    assert!(text.starts_with("exit 0"), "{text}");
    let line = format!("folder list --account {ACCOUNT} --format json");
    let folders: Vec<Value> = serde_json::from_slice(&folder.run(&line).stdout).unwrap();
    let made = folders
        .iter()
        .find(|folder| folder["folderName"] == "Pop-up");
    let id = made.unwrap()["folderId"].as_i64().unwrap();
    let text = check(
        &folder,
        &format!("product move SERIAL --folder {id} --yes"),
        &serial,
    );
    assert!(text.starts_with("exit 0"), "{text}");
    assert_eq!(details(&folder, &serial)["folderId"], id);
    assert!(check(&folder, "product move SERIAL --root --yes", &serial).starts_with("exit 0"));
    assert_eq!(details(&folder, &serial)["folderId"], 0);
    let text = folder.check(&format!("folder delete {id} --account {ACCOUNT} --yes"));
    assert!(text.starts_with("exit 0"), "{text}");

    let text = check(
        &folder,
        "product transfer SERIAL --from 710101 --to 710112 --yes",
        &serial,
    );
    assert!(
        text.contains("will transfer SERIAL from account 710101 to account 710112"),
        "{text}"
    );
    assert_eq!(details(&folder, &serial)["accountId"], 710_112);
    insta::assert_snapshot!(check(&folder, "product decommission SERIAL", &serial), @r#"
    exit 2
    --- stderr
    acme: will decommission SERIAL, which cannot be undone
      POST /ES/api/registration/v3/products/decommission {"serialNumbers":["SERIAL"]}
    error: confirmation required, but stdin is not a terminal

    hint: pass `--yes` to skip the confirmation
    "#);
    assert!(calls(&tenant, "products/decommission").is_empty());
    assert!(check(&folder, "product decommission SERIAL --yes", &serial).starts_with("exit 0"));
    assert_eq!(details(&folder, &serial)["isDecommissioned"], true);
}

#[test]
fn a_write_that_the_api_refuses_is_an_error() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant);
    insta::assert_snapshot!(folder.check("product describe FGT60FTK00000000 edge --yes"), @r#"
    exit 1
    --- stderr
    acme: will set the description of FGT60FTK00000000
      POST /ES/api/registration/v3/products/description {"description":"edge","serialNumber":"FGT60FTK00000000"}
    error: `products/description` for serialNumber FGT60FTK00000000 was rejected: Invalid serial number provided (error 102, status -1, HTTP 400)
    "#);
    assert_eq!(calls(&tenant, "products/description").len(), 1);
}

#[test]
fn a_write_without_an_answer_is_not_repeated() {
    let fault = "[[fault]]\npath = \"products/description\"\naction = { kind = \"cut-body\" }\n";
    let tenant = Tenant::start(&format!("{SCENARIO}{fault}"));
    let folder = folder(&tenant);
    let serial = product(&folder);
    let text = check(&folder, "product describe SERIAL edge --yes", &serial);
    assert!(text.starts_with("exit 1"), "{text}");
    assert!(
        text.contains(
            "hint: the change may have been made; check before you run the command again"
        ),
        "{text}"
    );
    assert_eq!(calls(&tenant, "products/description").len(), 1);
    assert_eq!(details(&folder, &serial)["description"], "edge");
}

#[test]
fn a_write_that_two_sources_match_is_refused() {
    let tenant = Tenant::start(SCENARIO);
    let address = tenant.address();
    let folder = tenant.folder(&format!(
        "[[source]]\nname = \"other\"\ntype = \"forticloud\"\napi_url = \"http://{address}\"\n\
         username = \"simulated\"\npassword = {{ env = \"PASSWORD\" }}\n"
    ));
    insta::assert_snapshot!(folder.check("product describe FGT60F edge --yes"), @"
    exit 2
    --- stderr
    error: this command changes data, and more than one source matches: `other` and `acme`

    hint: choose one with `--source`
    ");
    assert_eq!(tenant.calls(), 0);
}

#[test]
fn lists_are_printed_as_tables() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant);
    insta::assert_snapshot!(folder.check("ou list"), @"
    exit 0
    --- stdout
    id       name               parentId  desc
    2100001  Nordlicht Holding            Root of the organization
    2100014  Retail Branches    2100001
    2100027  Managed Customers  2100001
    ");
    insta::assert_snapshot!(folder.check("account list --ou 2100001"), @"
    exit 0
    --- stdout
    id      company                           parentId  email                         countryId
    710101  Fjordmark Retail AS               2100001   network@fjordmark-1.example   578
    710112  Kestrel Clinics Ltd               2100001   fortinet@kestrel-2.example    826
    710123  Harrow & Pine Physiotherapy GmbH  2100001   network@harrowpine-3.example  276
    ");
    insta::assert_snapshot!(folder.check("accounts"), @"
    exit 0
    --- stdout
    id      company                           parentId  email                         countryId
    710101  Fjordmark Retail AS               2100001   network@fjordmark-1.example   578
    710112  Kestrel Clinics Ltd               2100001   fortinet@kestrel-2.example    826
    710123  Harrow & Pine Physiotherapy GmbH  2100001   network@harrowpine-3.example  276
    ");
    let text = text_of(folder.run("accounts --format json").stdout);
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(rows.len(), 3, "{text}");
    let folders = folder.check(&format!("folder list --account {ACCOUNT}"));
    insta::assert_snapshot!(folders, @"
    exit 0
    --- stdout
    folderId  folderName  parentFolderId  folderPath
    880100    Stores      0               /My Assets/Stores
    880101    North       880100          /My Assets/Stores/North
    ");
    // Not every account has contracts or licenses, but at least one of them has.
    for what in ["contract", "license"] {
        let of = |account: i64| {
            let line = format!("{what} list --account {account} --status registered");
            text_of(folder.run(&line).stdout).lines().count()
        };
        assert!(
            [710_101, 710_112, 710_123]
                .map(of)
                .iter()
                .any(|lines| *lines > 1)
        );
    }
    insta::assert_snapshot!(folder.check("license list --account 710101 --number NOBODY"), @"
    exit 0
    --- stderr
    nothing found
    ");
    assert!(text_of(folder.run("account list").stderr).contains("--ou <ID>"));
}

#[test]
fn units_whose_accounts_may_not_be_listed_are_named() {
    let fault = "[[fault]]\npath = \"accounts/list\"\naction = { kind = \"refuse\" }\n";
    let some = Tenant::start(&format!("{SCENARIO}{fault}nth = 2\n"));
    insta::assert_snapshot!(folder(&some).check("accounts"), @"
    exit 3
    --- stdout
    id      company                           parentId  email                         countryId
    710101  Fjordmark Retail AS               2100001   network@fjordmark-1.example   578
    710112  Kestrel Clinics Ltd               2100001   fortinet@kestrel-2.example    826
    710123  Harrow & Pine Physiotherapy GmbH  2100001   network@harrowpine-3.example  276
    --- stderr
    the accounts of 1 unit are missing:
      `accounts/list` for parentId 2100014 was refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)
    ");
    let all = Tenant::start(&format!("{SCENARIO}{fault}"));
    insta::assert_snapshot!(folder(&all).check("accounts"), @"
    exit 1
    --- stderr
    error: `accounts/list` for parentId 2100027 was refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)
    ");
}

#[test]
fn units_and_accounts_are_created_changed_and_moved() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant);
    let id = |line: &str| {
        let output = folder.run(&format!("{line} --yes --format json"));
        assert_eq!(output.status.code(), Some(0), "{}", text_of(output.stderr));
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
        rows[0]["id"].as_i64().unwrap()
    };
    let unit = id("ou create Seasonal --parent 2100001 --description Winter");
    let text = folder.check(&format!("ou update {unit} --name Summer --yes"));
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(folder.check("ou list").contains("Summer"));
    let account = id(&format!(
        "account create --ou {unit} --company Kestrel --first-name Mara --last-name Oduya --country-id 826 --phone 1"
    ));
    let text = folder.check(&format!("account move {account} --to 2100001 --yes"));
    assert!(text.starts_with("exit 0"), "{text}");
    let text = folder.check("account list --ou 2100001");
    assert!(text.contains("Kestrel"), "{text}");
    let text = folder.check(&format!("ou delete {unit} --yes"));
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(!folder.check("ou list").contains("Summer"));
}
