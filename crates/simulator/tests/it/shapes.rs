//! Tests that bodies have the keys, their order, and the error texts of the published samples.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::client::{ACCOUNTS, ASSETS, Client, FIRST, UNITS, keys, post};

const ENVELOPE: [&str; 6] = ["build", "error", "message", "status", "token", "version"];

/// Returns the keys of a body, without those of the envelope.
fn payload(body: &Value) -> Vec<&str> {
    let keys = keys(body);
    assert!(ENVELOPE.iter().all(|key| keys.contains(key)), "{keys:?}");
    keys.into_iter()
        .filter(|key| !ENVELOPE.contains(key))
        .collect()
}

#[tokio::test]
async fn lists_have_the_keys_of_the_samples() {
    let client = Client::new("");
    let (status, body) = client.call(&format!("{UNITS}list"), json!({})).await;
    assert_eq!(
        (status, &body["status"], &body["error"]),
        (200, &json!(0), &Value::Null)
    );
    assert_eq!(payload(&body), ["organizationUnits"]);
    assert_eq!(keys(&body["organizationUnits"]), ["orgId", "orgUnits"]);
    assert_eq!(
        keys(&body["organizationUnits"]["orgUnits"][0]),
        ["desc", "id", "name", "parentId"]
    );

    let (_, body) = client
        .call(&format!("{ACCOUNTS}list"), json!({ "accountId": FIRST }))
        .await;
    assert_eq!(body["message"], "Request processed successfully");
    assert_eq!(
        keys(&body["accounts"][0]),
        [
            "company",
            "countryId",
            "email",
            "firstName",
            "id",
            "lastName",
            "parentId"
        ]
    );

    let body = client
        .asset("folders/list", json!({ "accountId": FIRST + 11 }))
        .await;
    assert_eq!(
        (&body["message"], payload(&body)),
        (&json!("Success"), vec!["assetFolders"])
    );
    assert_eq!(
        keys(&body["assetFolders"][0]),
        ["folderId", "folderName", "folderPath", "parentFolderId"]
    );
    let body = client
        .asset("contracts/list", json!({ "accountId": FIRST + 11 }))
        .await;
    assert_eq!(
        keys(&body["contracts"][0]),
        ["contractNumber", "contractSKU", "status"]
    );
}

#[tokio::test]
async fn products_have_the_keys_of_the_samples_in_their_order() {
    let client = Client::new("[organization]\naccounts = 1");
    let token = client.token("assetmanagement").await;
    let arguments = json!({ "accountId": FIRST, "serialNumber": "FG" });
    let request = post(
        &format!("{ASSETS}products/list"),
        Some(&token),
        &arguments.to_string(),
    );
    let response = client.simulator.handle(request).await.unwrap();
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    let start = format!(
        "{{\"build\":\"1.0.0\",\"error\":null,\"message\":\"Request processed successfully\",\"status\":0,\"token\":\"{token}\",\"version\":\"3.0\",\"assets\":[{{\"description\":"
    );
    assert!(text.starts_with(&start), "{}", &text[..200]);
    assert!(text.ends_with("\"status\":\"Registered\"}],\"pageNumber\":1,\"totalPages\":1}"));
    let order = [
        "\"entitlements\":[{\"endDate\"",
        "\"isDecommissioned\"",
        "\"contracts\"",
        "\"productModelEoR\"",
        "\"accountId\"",
        "\"folderPath\"",
    ];
    let places: Vec<_> = order.iter().map(|key| text.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");

    let body: Value = serde_json::from_str(&text).unwrap();
    let asset = &body["assets"][0];
    assert_eq!(
        keys(&asset["entitlements"][0]),
        [
            "endDate",
            "level",
            "levelDesc",
            "startDate",
            "type",
            "typeDesc"
        ]
    );
    assert_eq!(
        keys(&asset["contracts"][0]),
        ["contractNumber", "sku", "terms"]
    );
    assert_eq!(
        keys(&asset["contracts"][0]["terms"][0]),
        ["endDate", "startDate", "supportType"]
    );
}

#[tokio::test]
async fn errors_are_those_of_the_samples() {
    let client = Client::new("");
    let products = format!("{ASSETS}products/list");
    for (path, arguments, code, text) in [
        (
            &products,
            json!({}),
            101,
            "Request should include a positive number for accountId",
        ),
        (
            &products,
            json!({ "accountId": 0 }),
            101,
            "Request should include a positive number for accountId",
        ),
        (
            &products,
            json!({ "accountId": FIRST }),
            101,
            "Both serialNumber and expireBefore cannot be empty at the same time.",
        ),
        (
            &products,
            json!({ "accountId": FIRST, "serialNumber": "", "expireBefore": "2099-12-31" }),
            101,
            "Both serialNumber and expireBefore cannot be empty at the same time.",
        ),
        (
            &products,
            json!({ "accountId": 1, "serialNumber": "%" }),
            202,
            "Access denied. No permission to access the requested action or resource.",
        ),
        (
            &format!("{ACCOUNTS}list"),
            json!({}),
            101,
            "parentId or accountId is required",
        ),
    ] {
        let (status, body) = client.call(path, arguments).await;
        assert_eq!((status, &body["status"]), (400, &json!(-1)));
        assert_eq!(body["error"], json!({ "errorCode": code, "message": text }));
        assert_eq!(body["message"], "Invalid incoming request.");
        let expected: &[&str] = match (path == &products, code) {
            (true, 101) => &["assets", "pageNumber", "totalPages"],
            (true, _) => &["assets"],
            _ => &["accounts"],
        };
        assert_eq!(payload(&body), expected);
    }
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let client = Client::new("");
    let token = client.token("assetmanagement").await;
    let products = format!("{ASSETS}products/list");
    let send = |request| client.send(request);
    for body in ["", "[]", "{", "accountId=1"] {
        let (status, body) = send(post(&products, Some(&token), body)).await.unwrap();
        assert_eq!((status, &body["status"]), (400, &json!(-1)));
    }
    let get = Request::get(&products).body(Bytes::new()).unwrap();
    assert_eq!(send(get).await.unwrap().0, 405);
    assert_eq!(
        send(post("/ES/api/registration/v3/products", None, "{}"))
            .await
            .unwrap()
            .0,
        404
    );
    assert_eq!(send(post("/", None, "{}")).await.unwrap().0, 404);
    let lower = post(&products.to_lowercase(), Some(&token), "{}");
    assert_eq!(send(lower).await.unwrap().1["error"]["errorCode"], 101);
}

#[tokio::test]
async fn searches_find_what_they_ask_for() {
    let client = Client::new("[organization]\naccounts = 1");
    let count = |arguments: Value| {
        let client = &client;
        async move {
            let mut arguments = arguments;
            arguments["accountId"] = FIRST.into();
            let body = client.asset("products/list", arguments).await;
            body["assets"].as_array().map_or(0, Vec::len)
        }
    };
    assert_eq!(count(json!({ "serialNumber": "%" })).await, 692);
    assert_eq!(
        count(json!({ "serialNumber": "%", "status": "Pending" })).await,
        6
    );
    let model = json!({ "serialNumber": "%", "productModel": "FortiGate 60F" });
    assert_eq!(
        count(model).await,
        count(json!({ "serialNumber": "FGT60F" })).await
    );
    assert_eq!(
        count(json!({ "serialNumber": null, "expireBefore": "2099-12-31" })).await,
        692
    );
    assert_eq!(
        count(json!({ "expireBefore": "2010-01-01T00:00:00" })).await,
        0
    );
    let some = count(json!({ "expireBefore": "2019-01-01T00:00:00-8:00" })).await;
    assert!(some > 0 && some < 400, "{some}");
    let (_, nothing) = client
        .call(
            &format!("{ASSETS}products/list"),
            json!({ "accountId": FIRST, "serialNumber": "XX" }),
        )
        .await;
    assert_eq!(
        nothing["error"],
        json!({ "errorCode": 301, "message": "No product found" })
    );
    assert_eq!(
        (
            &nothing["assets"],
            &nothing["pageNumber"],
            &nothing["totalPages"]
        ),
        (&Value::Null, &json!(0), &json!(0))
    );
}

#[tokio::test]
async fn calls_are_remembered_without_secrets() {
    let client = Client::new("");
    client.products(FIRST, "F").await;
    let calls = client.simulator.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].path, "/api/v1/oauth/token/");
    assert_eq!(
        calls[0].arguments,
        json!({ "client_id": "assetmanagement", "grant_type": "password", "username": "simulated" })
    );
    assert_eq!(
        calls[1].arguments,
        json!({ "accountId": FIRST, "serialNumber": "F" })
    );
    assert_eq!(
        (calls[1].http_status, calls[1].body_status),
        (Some(200), Some(0))
    );
}
