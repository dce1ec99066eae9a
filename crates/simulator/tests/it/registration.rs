//! Tests of registering units, valid and invalid ones.

use serde_json::{Value, json};

use crate::client::{ASSETS, Client, FIRST};
use crate::crawl::check_client;
use crate::writes::{SMALL, found, settled};

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
async fn bad_units_are_explained_and_good_ones_registered() {
    let client = Client::new(SMALL);
    let (account, _, owned) = settled(&client).await;
    let units = json!([
        { "serialNumber": "FGT60FTK25900811" },
        { "serialNumber": "FGT60F1" },
        { "serialNumber": "FGT60FTK25900812", "contractNumber": "no contract" },
        { "serialNumber": "FGT60FTK25900813", "replacedSerialNumber": "FGT60FTK00000000" },
        { "serialNumber": "FGT60FTK25900814", "assetGroupIds": [1] },
        { "serialNumber": "FGT60FTK25900815", "replacedSerialNumber": owned },
    ]);
    let arguments = json!({ "accountId": account, "registrationUnits": units });
    let path = format!("{ASSETS}products/register");
    let (status, body) = client.call(&path, arguments).await;
    assert_eq!((status, &body["status"]), (400, &json!(2)));
    let messages: Vec<&Value> = body["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["message"])
        .collect();
    assert_eq!(
        messages,
        [
            "",
            "Product-> Invalid serial number.",
            "Product-> Invalid contract number.",
            "Product-> Invalid replaced serial number.",
            "Product-> Invalid asset group.",
            "",
        ]
    );
    assert_eq!(client.products(account, "FGT60FTK259008%").await.len(), 2);
    check_client(&client).await;
}
