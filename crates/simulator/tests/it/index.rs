//! Tests that every published endpoint answers, with the keys of the published bodies.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::{ACCOUNTS, ASSETS, Client, FIRST, UNITS, keys, post, sign_in};

const SECOND: i64 = FIRST + 11;
const ROOT: i64 = 2_100_001;
const SERIAL: &str = "FGT60FTK25900811";
const ENVELOPE: [&str; 6] = ["build", "error", "message", "status", "token", "version"];

/// The keys that the list and the details of a product have in common, in alphabetical order.
const CORE: [&str; 11] = [
    "assetGroups",
    "contracts",
    "description",
    "entitlements",
    "isDecommissioned",
    "productModel",
    "productModelEoR",
    "productModelEoS",
    "registrationDate",
    "serialNumber",
    "warrantySupports",
];

fn sorted<'a>(groups: &[&[&'a str]]) -> Vec<&'a str> {
    let mut keys = groups.concat();
    keys.sort_unstable();
    keys
}

/// Makes a call that must succeed, and returns the member with this key.
async fn call(client: &Client, path: &str, arguments: Value, payload: &[&str]) -> Value {
    let (status, body) = client.call(path, arguments).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &json!(0)),
        "{path}: {body}"
    );
    assert_eq!(keys(&body), sorted(&[&ENVELOPE, payload]), "{path}");
    body
}

async fn asset(client: &Client, path: &str, arguments: Value, payload: &[&str]) -> Value {
    call(client, &format!("{ASSETS}{path}"), arguments, payload).await
}

#[tokio::test]
async fn organization_and_iam() {
    let client = Client::new("");
    let client = &client;
    let units = async |name: &str, arguments: Value, payload: &[&str]| {
        call(client, &format!("{UNITS}{name}"), arguments, payload).await
    };
    let accounts = async |name: &str, arguments: Value, payload: &[&str]| {
        call(client, &format!("{ACCOUNTS}{name}"), arguments, payload).await
    };
    units("list", json!({}), &["organizationUnits"]).await;
    let body = units(
        "create",
        json!({ "parentId": ROOT, "name": "Seasonal", "desc": "Winter" }),
        &["organizationUnits"],
    )
    .await;
    assert_eq!(keys(&body["organizationUnits"]), ["orgId", "orgUnits"]);
    let unit = &body["organizationUnits"]["orgUnits"][0];
    assert_eq!(keys(unit), ["desc", "id", "name", "parentId"]);
    let id = unit["id"].clone();
    units("update", json!({ "id": id, "name": "Summer" }), &[]).await;

    let account = json!({
        "parentId": id, "firstName": "Mara", "lastName": "Oduya", "company": "Kestrel",
        "title": "", "address": "", "city": "", "state": "", "countryId": 826,
        "postalCode": "", "phone": "+44 5550123", "fax": "", "industryId": 2, "sizeId": 1,
    });
    let body = accounts("create", account, &["accounts"]).await;
    let created = body["accounts"][0]["id"].clone();
    accounts("list", json!({ "accountId": created }), &["accounts"]).await;
    let body = accounts("list", json!({ "parentId": id }), &["accounts"]).await;
    assert_eq!(body["accounts"][0]["company"], "Kestrel");
    accounts(
        "move",
        json!({ "destinationParentId": ROOT, "accountIds": [created] }),
        &[],
    )
    .await;
    units("delete", json!({ "id": id }), &[]).await;
    accounts(
        "getcommondata",
        json!({}),
        &["companySizes", "countries", "industries"],
    )
    .await;
    call(
        client,
        "/ES/api/iam/v1/roles/create",
        json!({
            "accountId": FIRST, "profileName": "Reader", "idpRoleName": "readers",
            "type": "Local", "nodeId": ROOT, "folderId": null,
        }),
        &[],
    )
    .await;
}

#[tokio::test]
async fn products() {
    let client = Client::new("");
    let unit = json!({
        "serialNumber": SERIAL, "contractNumber": "5210LD300981", "description": "edge",
        "assetGroupIds": [41_277], "additionalInfo": "192.0.2.1", "isGovernment": false,
        "location": { "ref": "#/locations/0" },
    });
    let place = json!({ "company": "A", "countryCode": "CA", "stateOrProvince": "BC", "phone": "+1 5550123" });
    let register = json!({ "accountId": FIRST, "registrationUnits": [unit], "locations": [place] });
    let body = asset(&client, "products/register", register, &["assets"]).await;
    let own = [
        "additionalInfo",
        "contractNumber",
        "contractTerms",
        "folderId",
        "folderPath",
        "location",
        "message",
        "sku",
        "status",
    ];
    assert_eq!(keys(&body["assets"][0]), sorted(&[&CORE, &own]));

    let list = json!({ "accountId": FIRST, "serialNumber": SERIAL });
    let body = asset(
        &client,
        "products/list",
        list,
        &["assets", "pageNumber", "totalPages"],
    )
    .await;
    let listed = ["accountId", "folderId", "folderPath", "status"];
    assert_eq!(keys(&body["assets"][0]), sorted(&[&CORE, &listed]));
    assert_eq!(
        body["assets"][0]["assetGroups"],
        json!([{ "assetGroup": "POS sites", "assetGroupId": 41_277 }])
    );

    let one = json!({ "serialNumber": SERIAL });
    let body = asset(&client, "products/details", one, &["assetDetails"]).await;
    let detailed = [
        "accountId",
        "folderId",
        "folderPath",
        "license",
        "location",
        "partner",
    ];
    assert_eq!(keys(&body["assetDetails"]), sorted(&[&CORE, &detailed]));
    assert_eq!(
        keys(&body["assetDetails"]["location"]),
        [
            "address",
            "addressId",
            "city",
            "company",
            "countryCode",
            "email",
            "fax",
            "phone",
            "postalCode",
            "stateOrProvince"
        ]
    );

    let described = json!({ "serialNumber": SERIAL, "description": "core" });
    asset(&client, "products/description", described, &[]).await;
    let located = json!({ "serialNumber": SERIAL, "location": null });
    asset(&client, "products/location", located, &[]).await;
    let moved = json!({ "serialNumbers": [SERIAL], "folderId": null });
    asset(&client, "products/folder", moved, &[]).await;
    let transfer =
        json!({ "sourceAccountId": FIRST, "targetAccountId": SECOND, "serialNumbers": [SERIAL] });
    let body = asset(&client, "products/transfer", transfer, &["assets"]).await;
    assert_eq!(keys(&body["assets"][0]), sorted(&[&CORE, &listed]));
    let retired = json!({ "serialNumbers": [SERIAL] });
    asset(&client, "products/decommission", retired, &[]).await;
    let products = client.products(SECOND, SERIAL).await;
    assert_eq!(
        (
            &products[0]["description"],
            &products[0]["isDecommissioned"]
        ),
        (&json!("core"), &json!(true))
    );
}

#[tokio::test]
async fn licenses_contracts_folders_and_services() {
    let client = Client::new("");
    let body = asset(&client, "licenses/register", json!({
        "accountId": FIRST, "licenseRegistrationCode": "ABCDE-FGHIJ-KLMNO-PQRST-UVWXYZ",
        "description": "Lab", "additionalInfo": "192.0.2.1", "isGovernment": false, "partner": "Unknown",
    }), &["assetDetails"])
    .await;
    let details = &body["assetDetails"];
    assert_eq!(
        keys(&details["license"]),
        [
            "experationDate",
            "licenseFile",
            "licenseNumber",
            "licenseSKU",
            "licenseType",
            "serialNumber"
        ]
    );
    let download = json!({ "serialNumber": details["serialNumber"] });
    asset(
        &client,
        "licenses/download",
        download,
        &["licenseFile", "serialNumber"],
    )
    .await;
    let body = asset(
        &client,
        "licenses/list",
        json!({ "accountId": FIRST }),
        &["licenses"],
    )
    .await;
    assert_eq!(
        keys(&body["licenses"][0]),
        ["licenseNumber", "licenseSKU", "serialNumber", "status"]
    );
    let service =
        json!({ "accountId": FIRST, "contractNumber": "5210LD300999", "description": "VM" });
    asset(&client, "services/register", service, &["assetDetails"]).await;
    let numbered = json!({ "accountId": FIRST, "contractNumber": "5210LD300999" });
    let body = asset(&client, "contracts/list", numbered, &["contracts"]).await;
    assert_eq!(
        keys(&body["contracts"][0]),
        ["contractNumber", "contractSKU", "status"]
    );
    let folder = json!({ "accountId": FIRST, "folderName": "Pop-up" });
    let body = asset(&client, "folders/create", folder, &["assetFolders"]).await;
    let row = &body["assetFolders"][0];
    assert_eq!(
        keys(row),
        ["folderId", "folderName", "folderPath", "parentFolderId"]
    );
    asset(
        &client,
        "folders/list",
        json!({ "accountId": FIRST }),
        &["assetFolders"],
    )
    .await;
    let delete = json!({ "accountId": FIRST, "folderId": row["folderId"] });
    asset(&client, "folders/delete", delete, &[]).await;
}

#[tokio::test]
async fn the_sign_in_server() {
    let client = Client::new("");
    let (_, first) = client.send(sign_in("iam")).await.unwrap();
    let granted = [
        "access_token",
        "expires_in",
        "message",
        "refresh_token",
        "scope",
        "status",
        "token_type",
    ];
    assert_eq!(keys(&first), granted);
    let refresh = json!({
        "client_id": "iam", "grant_type": "refresh_token", "refresh_token": first["refresh_token"],
    });
    let request = post("/api/v1/oauth/token/", None, &refresh.to_string());
    let (_, second) = client.send(request).await.unwrap();
    assert_eq!(keys(&second), granted);
    let revoke = json!({ "client_id": "iam", "token": second["access_token"] });
    let request = post("/api/v1/oauth/revoke_token/", None, &revoke.to_string());
    let response = client.simulator.handle(request).await.unwrap();
    assert_eq!(
        (response.status(), response.body()),
        (http::StatusCode::OK, &Bytes::from("{}"))
    );
    let token = second["access_token"].as_str();
    let request = post(&format!("{ACCOUNTS}list"), token, "{}");
    assert_eq!(
        client.send(request).await.unwrap().1["error"]["errorCode"],
        201
    );
}
