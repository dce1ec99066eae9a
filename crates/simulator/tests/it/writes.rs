//! Tests that writes have effects on later reads and on the expected tables.

use serde_json::{Value, json};

use crate::client::{ASSETS, Client, FIRST};
use crate::crawl::check_client;

pub(crate) const SMALL: &str = "[organization]\nous = 3\naccounts = 3\nproducts = 60";
const SECOND: i64 = FIRST + 11;

async fn serials(client: &Client, account: i64) -> Vec<String> {
    let products = client.products(account, "%").await;
    products
        .iter()
        .map(|row| row["serialNumber"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) async fn found(client: &Client, serial: &str) -> Value {
    let body = client
        .asset("products/details", json!({ "serialNumber": serial }))
        .await;
    body["assetDetails"].clone()
}

/// Returns the accounts that have products, and one product of the first of them.
pub(crate) async fn settled(client: &Client) -> (i64, i64, String) {
    let mut accounts = Vec::new();
    for account in [FIRST, SECOND, SECOND + 11] {
        let serials = serials(client, account).await;
        accounts.extend(serials.first().map(|serial| (account, serial.clone())));
    }
    (accounts[0].0, accounts[1].0, accounts[0].1.clone())
}

#[tokio::test]
async fn products_change_where_they_are_told_to() {
    let client = Client::new(SMALL);
    let (account, _, serial) = settled(&client).await;
    let place = serials(&client, account).await;
    client
        .asset(
            "products/description",
            json!({ "serialNumber": serial, "description": "new" }),
        )
        .await;
    client
        .asset(
            "products/decommission",
            json!({ "serialNumbers": [serial] }),
        )
        .await;
    let location = json!({ "company": "A", "countryCode": "NO", "city": "Bergen" });
    client
        .asset(
            "products/location",
            json!({ "serialNumber": serial, "location": location }),
        )
        .await;
    let listed = client.products(account, &serial).await;
    assert_eq!(listed[0]["description"], "new");
    assert_eq!(listed[0]["isDecommissioned"], true);
    assert_eq!(found(&client, &serial).await["location"]["city"], "Bergen");
    client
        .asset(
            "products/location",
            json!({ "serialNumber": serial, "location": null }),
        )
        .await;
    assert_eq!(found(&client, &serial).await["location"], Value::Null);
    assert_eq!(serials(&client, account).await, place, "the order stays");
    check_client(&client).await;
}

#[tokio::test]
async fn folders_are_made_filled_and_removed() {
    let client = Client::new(SMALL);
    let (account, _, serial) = settled(&client).await;
    let body = client
        .asset(
            "folders/create",
            json!({ "accountId": account, "folderName": "Pop-up" }),
        )
        .await;
    let folder = body["assetFolders"][0]["folderId"].clone();
    let child = json!({ "accountId": account, "folderName": "Inner", "parentFolderId": folder });
    let body = client.asset("folders/create", child).await;
    assert_eq!(
        body["assetFolders"][0]["folderPath"],
        "/My Assets/Pop-up/Inner"
    );
    let inner = body["assetFolders"][0]["folderId"].clone();
    client
        .asset(
            "products/folder",
            json!({ "serialNumbers": [serial], "folderId": inner }),
        )
        .await;
    let listed = client.products(account, &serial).await;
    assert_eq!(listed[0]["folderPath"], "/My Assets/Pop-up/Inner");
    check_client(&client).await;

    let delete = json!({ "accountId": account, "folderId": inner });
    let path = format!("{ASSETS}folders/delete");
    assert_eq!(
        client.call(&path, delete.clone()).await.0,
        400,
        "it holds a product"
    );
    client
        .asset(
            "products/folder",
            json!({ "serialNumbers": [serial], "folderId": null }),
        )
        .await;
    client.asset("folders/delete", delete).await;
    assert_eq!(
        client
            .call(&path, json!({ "accountId": account, "folderId": 5 }))
            .await
            .0,
        400
    );
    check_client(&client).await;
}

#[tokio::test]
async fn a_transfer_there_and_back_leaves_one_product() {
    let client = Client::new(SMALL);
    let (source, target, serial) = settled(&client).await;
    let transfer = |from: i64, to: i64| json!({ "sourceAccountId": from, "targetAccountId": to, "serialNumbers": [serial] });
    let body = client
        .asset("products/transfer", transfer(source, target))
        .await;
    assert_eq!(body["assets"][0]["accountId"], target);
    assert!(serials(&client, target).await.contains(&serial));
    assert!(!serials(&client, source).await.contains(&serial));
    check_client(&client).await;
    let path = format!("{ASSETS}products/transfer");
    assert_eq!(
        client.call(&path, transfer(source, target)).await.0,
        400,
        "it is not there any more"
    );
    client
        .asset("products/transfer", transfer(target, source))
        .await;
    let truth = check_client(&client).await;
    assert_eq!(truth["products"].len(), 60);
}

#[tokio::test]
async fn licenses_make_products() {
    let client = Client::new(SMALL);
    let code = "ABCDE-FGHIJ-KLMNO-PQRST-UVWXYZ";
    let arguments =
        json!({ "accountId": FIRST, "licenseRegistrationCode": code, "description": "Lab" });
    let body = client.asset("licenses/register", arguments.clone()).await;
    let serial = body["assetDetails"]["serialNumber"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        body["assetDetails"]["license"]["licenseFile"]
            .as_str()
            .unwrap()
            .contains("VM LICENSE")
    );
    let body = client
        .asset("licenses/download", json!({ "serialNumber": serial }))
        .await;
    assert!(
        body["licenseFile"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN")
    );
    assert_eq!(
        client
            .call(&format!("{ASSETS}licenses/register"), arguments)
            .await
            .0,
        400
    );
    let calls = format!("{:?}", client.simulator.calls());
    assert!(!calls.contains(code));
    let truth = check_client(&client).await;
    assert_eq!(truth["products"].len(), 61);
}

#[tokio::test]
async fn services_make_products() {
    let client = Client::new(SMALL);
    let service = json!({ "accountId": FIRST, "contractNumber": "5210LD300999" });
    let body = client.asset("services/register", service.clone()).await;
    assert!(
        body["assetDetails"]["serialNumber"]
            .as_str()
            .unwrap()
            .starts_with("FGVMSL")
    );
    let (_, body) = client
        .call(&format!("{ASSETS}services/register"), service)
        .await;
    assert_eq!(body["status"], -2);
    let truth = check_client(&client).await;
    assert_eq!(truth["products"].len(), 61);
}

#[tokio::test]
async fn a_switch_has_no_license_file() {
    let client = Client::new(SMALL);
    let (_, switch) = client
        .call(
            &format!("{ASSETS}licenses/download"),
            json!({ "serialNumber": "S1" }),
        )
        .await;
    assert_eq!(
        (&switch["status"], &switch["licenseFile"]),
        (&json!(-2), &json!(""))
    );
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() {
    let client = Client::new(SMALL);
    for (path, arguments) in [
        (
            "products/description",
            json!({ "serialNumber": "FGT60FTK00000000" }),
        ),
        ("products/decommission", json!({ "serialNumbers": [] })),
        (
            "products/folder",
            json!({ "serialNumbers": ["FGT60FTK00000000"], "folderId": null }),
        ),
        (
            "products/details",
            json!({ "serialNumber": "FGT60FTK00000000" }),
        ),
        (
            "folders/create",
            json!({ "accountId": FIRST, "folderName": "x", "parentFolderId": 1 }),
        ),
        (
            "licenses/register",
            json!({ "accountId": FIRST, "licenseRegistrationCode": "short" }),
        ),
        (
            "services/register",
            json!({ "contractNumber": "5210LD300999" }),
        ),
    ] {
        let (status, body) = client.call(&format!("{ASSETS}{path}"), arguments).await;
        assert_eq!((status, &body["status"]), (400, &json!(-1)), "{path}");
    }
}

#[tokio::test]
async fn locations_are_checked() {
    let client = Client::new(SMALL);
    let (_, _, serial) = settled(&client).await;
    let locate = async |location: Value| {
        let arguments = json!({ "serialNumber": serial, "location": location });
        let path = format!("{ASSETS}products/location");
        let (status, body) = client.call(&path, arguments).await;
        (status, body["error"]["message"].clone())
    };
    for (location, error) in [
        (json!("Bergen"), "Invalid location provided."),
        (
            json!({ "countryCode": "NOR" }),
            "Invalid countryCode provided.",
        ),
        (
            json!({ "countryCode": "no" }),
            "Invalid countryCode provided.",
        ),
        (
            json!({ "countryCode": "US", "stateOrProvince": "New York" }),
            "Invalid stateOrProvince provided.",
        ),
        (
            json!({ "countryCode": "NO", "phone": "55501234" }),
            "Invalid phone provided.",
        ),
        (
            json!({ "countryCode": "NO", "phone": "+47" }),
            "Invalid phone provided.",
        ),
        (
            json!({ "countryCode": "NO", "fax": "+47 555 01234" }),
            "Invalid fax provided.",
        ),
    ] {
        assert_eq!(locate(location).await, (400, json!(error)));
    }
    for location in [
        json!({ "countryCode": "UA", "stateOrProvince": "KV", "phone": "+380 44-555-0123" }),
        json!({ "countryCode": "NO", "stateOrProvince": "Vestland", "phone": "" }),
        Value::Null,
    ] {
        assert_eq!(locate(location).await, (200, Value::Null));
    }
}
