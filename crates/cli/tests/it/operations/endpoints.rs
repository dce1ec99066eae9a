//! `call` against every endpoint.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{SCENARIO, folder};
use crate::util::{Folder, tenant::Tenant, text_of};

const FIRST: i64 = 710_101;
const SECOND: i64 = 710_112;
const ROOT: i64 = 2_100_001;
const SERIAL: &str = "FGT60FTK25900811";

/// The endpoints that `call --list` prints.
fn listed(folder: &Folder) -> BTreeSet<String> {
    let list = text_of(folder.run("call --list").stdout);
    let names = list.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        Some(name.to_owned())
    });
    names.collect()
}

struct Caller<'a> {
    folder: &'a Folder,
    called: BTreeSet<String>,
}

impl Caller<'_> {
    /// Makes a call that must succeed, and returns its response.
    fn call(&mut self, endpoint: &str, arguments: &Value) -> Value {
        let mut command = self
            .folder
            .command(&format!("call {endpoint} --write --data"));
        let output = command.arg(arguments.to_string()).output().unwrap();
        let said = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{endpoint}: {said}");
        self.called.insert(endpoint.to_owned());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(answer.get("token").is_none(), "{endpoint}: {answer}");
        answer
    }

    /// Makes a call whose response must have a list with at least one item under this pointer.
    fn list(&mut self, endpoint: &str, arguments: &Value, pointer: &str) -> Value {
        let answer = self.call(endpoint, arguments);
        let rows = answer.pointer(pointer).and_then(Value::as_array);
        assert!(
            rows.is_some_and(|rows| !rows.is_empty()),
            "{endpoint}: {answer}"
        );
        answer
    }
}

#[test]
fn every_endpoint_can_be_called() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant).file(
        "code",
        r#"{"licenseRegistrationCode": "ABCDE-FGHIJ-KLMNO-PQRST-UVWXYZ"}"#,
    );
    // Keeps a token, so that not every call to the portal signs in again.
    assert!(folder.check("portal login").starts_with("exit 0"));
    let mut caller = Caller {
        folder: &folder,
        called: BTreeSet::new(),
    };
    organization(&mut caller);
    products(&mut caller);
    others(&mut caller);
    flex(&mut caller);
    portal(&mut caller);
    authenticator(&mut caller);
    assert_eq!(caller.called, listed(&folder));
}

fn organization(caller: &mut Caller<'_>) {
    let units = "/organizationUnits/orgUnits";
    caller.list("units/list", &json!({}), units);
    let made = json!({ "parentId": ROOT, "name": "Seasonal", "desc": "Winter" });
    let made = caller.list("units/create", &made, units);
    let unit = made.pointer("/organizationUnits/orgUnits/0/id").unwrap();
    caller.call("units/update", &json!({ "id": unit, "name": "Summer" }));
    let account = json!({
        "parentId": unit, "firstName": "Mara", "lastName": "Oduya", "company": "Kestrel",
        "title": "", "address": "", "city": "", "state": "", "countryId": 826,
        "postalCode": "", "phone": "+44 5550123", "fax": "", "industryId": 2, "sizeId": 1,
    });
    let made = caller.list("accounts/create", &account, "/accounts");
    let account = &made["accounts"][0]["id"];
    caller.list(
        "accounts/list",
        &json!({ "accountId": account }),
        "/accounts",
    );
    let moved = json!({ "destinationParentId": ROOT, "accountIds": [account] });
    caller.call("accounts/move", &moved);
    caller.call("units/delete", &json!({ "id": unit }));
    caller.call("accounts/getcommondata", &json!({}));
    let role = json!({
        "accountId": FIRST, "profileName": "Reader", "idpRoleName": "readers",
        "type": "Local", "nodeId": ROOT, "folderId": null,
    });
    caller.call("roles/create", &role);
}

fn flex(caller: &mut Caller<'_>) {
    let found = caller.list("flex/programs/list", &json!({}), "/programs");
    let program = json!({ "programSerialNumber": found["programs"][0]["programSerialNumber"] });
    let found = caller.list("flex/configs/list", &program, "/configs");
    let config = json!({ "configId": found["configs"][0]["id"] });
    caller.list("flex/entitlements/list", &config, "/entitlements");
}

fn products(caller: &mut Caller<'_>) {
    let unit = json!({ "serialNumber": SERIAL, "contractNumber": "5210LD300981" });
    let units = json!({ "accountId": FIRST, "registrationUnits": [unit] });
    caller.list("products/register", &units, "/assets");
    let list = json!({ "accountId": FIRST, "serialNumber": SERIAL });
    caller.list("products/list", &list, "/assets");
    let details = caller.call("products/details", &json!({ "serialNumber": SERIAL }));
    assert_eq!(details["assetDetails"]["serialNumber"], SERIAL);
    let described = json!({ "serialNumber": SERIAL, "description": "core" });
    caller.call("products/description", &described);
    let located = json!({ "serialNumber": SERIAL, "location": null });
    caller.call("products/location", &located);
    let moved = json!({ "serialNumbers": [SERIAL], "folderId": null });
    caller.call("products/folder", &moved);
    let given = json!({
        "sourceAccountId": FIRST, "targetAccountId": SECOND, "serialNumbers": [SERIAL],
    });
    caller.list("products/transfer", &given, "/assets");
    caller.call(
        "products/decommission",
        &json!({ "serialNumbers": [SERIAL] }),
    );
}

fn others(caller: &mut Caller<'_>) {
    let code = json!({
        "accountId": FIRST, "licenseRegistrationCode": "ABCDE-FGHIJ-KLMNO-PQRST-UVWXYZ",
    });
    let made = caller.call("licenses/register", &code);
    let serial = &made["assetDetails"]["serialNumber"];
    assert!(!made.to_string().contains("BEGIN"), "{made}");
    let file = caller.call("licenses/download", &json!({ "serialNumber": serial }));
    assert!(file.get("licenseFile").is_none(), "{file}");
    caller.list("licenses/list", &json!({ "accountId": FIRST }), "/licenses");
    let service = json!({ "accountId": FIRST, "contractNumber": "5210LD300999" });
    caller.call("services/register", &service);
    caller.list("contracts/list", &service, "/contracts");
    let folder = json!({ "accountId": FIRST, "folderName": "Pop-up" });
    let made = caller.list("folders/create", &folder, "/assetFolders");
    caller.list(
        "folders/list",
        &json!({ "accountId": FIRST }),
        "/assetFolders",
    );
    let id = &made["assetFolders"][0]["folderId"];
    caller.call(
        "folders/delete",
        &json!({ "accountId": FIRST, "folderId": id }),
    );
}

fn portal(caller: &mut Caller<'_>) {
    let results = "/data/results";
    let none = json!({});
    let organizations = caller.list("portal/account/organizations", &none, results);
    let org = &organizations["data"]["results"][0]["id"];
    let of = json!({ "org": org });
    let sites = caller.list("portal/device/site/customer", &of, results);
    let site = json!({ "site": sites["data"]["results"][0]["id"] });
    caller.list("portal/device/vdom/site", &site, results);
    caller.call("portal/device/site", &site);
    caller.list("portal/device/site/list/customer", &of, results);
    for endpoint in ["general", "contact"] {
        caller.call(&format!("portal/account/organization/{endpoint}"), &of);
    }
    caller.call("portal/account/organizations/installs", &of);
    caller.call("portal/device/report/org", &of);
    caller.list("portal/account/organization/users", &none, "/results");
    for endpoint in [
        "account/roles",
        "device/adom",
        "device/fortimanager/summary",
        "device/fortianalyzer/summary",
        "device/fortimanager/poll",
        "device/fortianalyzer/poll",
        "device/vdom/site/available",
        "device/report",
    ] {
        caller.call(&format!("portal/{endpoint}"), &none);
    }
}

fn authenticator(caller: &mut Caller<'_>) {
    let counts = caller.call("authenticator/fortitokenmobilelicenses", &json!({}));
    assert_eq!(counts["total_ftm"], 200);
    let license = json!({ "license": "ABCD-EFGH-1234-5678-WXYZ" });
    let answer = caller.call("authenticator/fortitokenmobilelicenses:post", &license);
    assert!(!answer.to_string().contains("WXYZ"), "{answer}");
    caller.list("authenticator/fortitokens", &json!({}), "/objects");
    let info = caller.call("authenticator/systeminfo", &json!({}));
    assert_eq!(info["sn"], "FAC-VMTM24900001");
}

#[test]
fn token_endpoints_are_not_called_directly() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.check("call portal/auth/tokenlogin"), @"
    exit 2
    --- stderr
    error: `portal/auth/tokenlogin` cannot be called on its own, because it handles tokens

    hint: `fortilake portal login` signs in
    ");
    let text = folder.check("call portal/auth/tokenlogout");
    assert!(
        text.contains("hint: `fortilake portal logout` signs out"),
        "{text}"
    );
    let text = folder.check("call oauth/token");
    assert!(text.contains("hint: `fortilake check` signs in"), "{text}");
}

#[test]
fn every_system_is_simulated() {
    let folder = Folder::new();
    for endpoint in [
        "units/list",
        "portal/account/organizations",
        "authenticator/systeminfo",
    ] {
        let text = folder.check(&format!("call {endpoint} --simulate"));
        assert!(text.starts_with("exit 0"), "{text}");
        assert!(!text.contains("warning"), "{text}");
    }
}
