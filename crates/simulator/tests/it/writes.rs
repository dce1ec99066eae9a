//! Writes have consequences that the reads and the truth show.

use serde_json::{Value, json};

use crate::client::{ASSETS, Client, FIRST};
use crate::crawl::check_client;

const SMALL: &str = "[organization]\nous = 3\naccounts = 3\nproducts = 60";
const SECOND: i64 = FIRST + 11;

async fn serials(client: &Client, account: i64) -> Vec<String> {
    let products = client.products(account, "%").await;
    products
        .iter()
        .map(|row| row["serialNumber"].as_str().unwrap().to_owned())
        .collect()
}

async fn found(client: &Client, serial: &str) -> Value {
    let body = client
        .asset("products/details", json!({ "serialNumber": serial }))
        .await;
    body["assetDetails"].clone()
}

/// The accounts that have products, and one product of the first of them.
async fn settled(client: &Client) -> (i64, i64, String) {
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
async fn registered_products_are_listed() {
    let client = Client::new(SMALL);
    let units = json!([
        { "serialNumber": "FGT60FTK25900811", "description": "edge", "contractNumber": "5210LD300981" },
        { "serialNumber": "S124FPTK25900812", "location": { "ref": "#/locations/0" } },
    ]);
    let locations = json!([{ "company": "A", "countryCode": "US", "stateOrProvince": "NY" }]);
    let arguments =
        json!({ "accountId": FIRST, "registrationUnits": units, "locations": locations });
    let body = client.asset("products/register", arguments.clone()).await;
    assert_eq!(
        (&body["assets"][0]["status"], &body["assets"][0]["message"]),
        (&json!(0), &json!(""))
    );
    assert_eq!(body["assets"][0]["contractNumber"], "5210LD300981");
    assert!(body["assets"][0]["contractTerms"][0]["typeDesc"].is_string());
    let listed = client.products(FIRST, "FGT60FTK25900811").await;
    assert_eq!(
        (&listed[0]["description"], &listed[0]["status"]),
        (&json!("edge"), &json!("Registered"))
    );
    assert_eq!(
        found(&client, "S124FPTK25900812").await["location"]["stateOrProvince"],
        "NY"
    );
    let truth = check_client(&client).await;
    assert_eq!(truth["products"].len(), 62);

    let (status, body) = client
        .call(&format!("{ASSETS}products/register"), arguments)
        .await;
    assert_eq!(
        (status, &body["status"], &body["error"]["errorCode"]),
        (400, &json!(2), &json!(301))
    );
    assert_eq!(
        body["assets"][0]["message"],
        "Product-> Contract is in use already."
    );
    assert_eq!(
        body["assets"][1]["message"],
        "Product-> Product already registered, but no contract associated with request. Please check again."
    );
    assert_eq!(
        (&body["assets"][1]["status"], &body["assets"][1]["folderId"]),
        (&json!(2), &json!(0))
    );
}

#[tokio::test]
async fn registrations_keep_their_limits() {
    let client = Client::new(SMALL);
    let register = |units: Vec<Value>| {
        let arguments = json!({ "accountId": FIRST, "registrationUnits": units });
        let client = &client;
        async move {
            client
                .call(&format!("{ASSETS}products/register"), arguments)
                .await
        }
    };
    let unit = |number: usize| json!({ "serialNumber": format!("XX{number}") });
    let (status, body) = register((0..11).map(unit).collect()).await;
    assert_eq!(
        (status, &body["status"], &body["assets"]),
        (400, &json!(-1), &Value::Null)
    );
    let mut units: Vec<Value> = (0..6).map(unit).collect();
    units.push(json!({ "serialNumber": "FGT60FTK25900811" }));
    let (_, body) = register(units).await;
    assert_eq!(
        body["assets"][4]["message"],
        "Product-> Invalid serial number."
    );
    assert_eq!(
        body["assets"][6]["message"],
        "Product-> Too many errors in this request."
    );
    let (_, body) = register(vec![
        json!({ "serialNumber": "FP231FTK25000001", "cloudKey": "SHORT" }),
    ])
    .await;
    assert_eq!(
        body["error"],
        json!({ "errorCode": 102, "message": "Invalid cloud key provided for registration units[0]. " })
    );
    let (_, body) = register(vec![json!({ "serialNumber": "FP231FTK25000001" })]).await;
    assert_eq!(
        body["assets"][0]["message"],
        "Product-> FortiCloud Key is Required."
    );
    let (status, _) = register(vec![
        json!({ "serialNumber": "FP231FTK25000001", "cloudKey": "ABCDEFGH" }),
    ])
    .await;
    assert_eq!(status, 200);
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
