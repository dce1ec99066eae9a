//! A simple reader of `FortiFlex`.

use serde_json::{Value, json};

use crate::client::{Client, FLEX};
use crate::columns::{CONFIG, FLEX_ENTITLEMENT, PROGRAM};
use crate::crawl::Crawl;
use crate::neighbors::flat;

pub(crate) async fn crawl(client: &Client, crawl: &mut Crawl) {
    for program in list(client, "programs", json!({})).await {
        let key = ["program_serial_number"];
        let row = crawl.row("flex_programs", PROGRAM, &program, &[], &key);
        crawl.push("flex_programs", row, &key);
        let of_program = json!({ "programSerialNumber": program["programSerialNumber"] });
        for config in list(client, "configs", of_program).await {
            let row = crawl.row("flex_configs", CONFIG, &flat(&config), &[], &["config_id"]);
            crawl.push("flex_configs", row, &["config_id"]);
            let of_config = json!({ "configId": config["id"] });
            for entitlement in list(client, "entitlements", of_config).await {
                let key = ["config_id", "serial_number"];
                let row = crawl.row(
                    "flex_entitlements",
                    FLEX_ENTITLEMENT,
                    &entitlement,
                    &[],
                    &key,
                );
                crawl.push("flex_entitlements", row, &key);
            }
        }
    }
}

async fn list(client: &Client, name: &str, arguments: Value) -> Vec<Value> {
    let path = format!("{FLEX}{name}/list");
    let (status, body) = client.call(&path, arguments).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &json!(0)),
        "{path}: {body}"
    );
    body[name].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn entitlements_are_found_by_account_and_program_too() {
    let client = Client::new("");
    let all = list(&client, "programs", json!({})).await;
    let program = &all[0]["programSerialNumber"];
    let arguments = json!({ "accountId": 710_101, "programSerialNumber": program });
    let found = list(&client, "entitlements", arguments).await;
    assert!(!found.is_empty());
    assert!(found.iter().all(|row| row["accountId"] == json!(710_101)));
    let (status, body) = client
        .call(&format!("{FLEX}entitlements/list"), json!({}))
        .await;
    assert_eq!((status, &body["error"]["errorCode"]), (400, &json!(101)));
}
