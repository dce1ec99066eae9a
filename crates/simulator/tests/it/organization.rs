//! Tests that create, move and delete OUs and accounts.

use serde_json::json;

use crate::client::{ACCOUNTS, Client, FIRST, UNITS};
use crate::crawl::check_client;

#[tokio::test]
async fn units_and_accounts_come_move_and_go() {
    let client = Client::new("[organization]\nous = 3\naccounts = 3\nproducts = 60");
    let root = 2_100_001;
    let unit =
        |path: &'static str, arguments| client.call_owned(format!("{UNITS}{path}"), arguments);
    let account =
        |path: &'static str, arguments| client.call_owned(format!("{ACCOUNTS}{path}"), arguments);
    let (_, body) = unit("create", json!({ "parentId": root, "name": "Seasonal" })).await;
    let id = body["organizationUnits"]["orgUnits"][0]["id"].clone();
    assert_eq!(
        unit("update", json!({ "id": id, "desc": "Winter" }))
            .await
            .0,
        200
    );
    let moved = json!({ "destinationParentId": id, "accountIds": [FIRST] });
    assert_eq!(account("move", moved).await.0, 200);
    let made = json!({ "parentId": id, "company": "Neu GmbH", "countryId": 276 });
    let (_, body) = account("create", made).await;
    let made = body["accounts"][0]["id"].clone();
    let (_, body) = account("list", json!({ "parentId": id })).await;
    assert_eq!(body["accounts"].as_array().unwrap().len(), 2);
    let truth = check_client(&client).await;
    assert_eq!((truth["org_units"].len(), truth["accounts"].len()), (4, 4));

    assert_eq!(
        unit("delete", json!({ "id": id })).await.0,
        400,
        "it holds accounts"
    );
    let back = json!({ "destinationParentId": root, "accountIds": [FIRST, made] });
    assert_eq!(account("move", back).await.0, 200);
    assert_eq!(unit("delete", json!({ "id": id })).await.0, 200);
    assert_eq!(unit("delete", json!({ "id": root })).await.0, 400);
    check_client(&client).await;
    assert_eq!(
        account("getcommondata", json!({})).await.1["countries"][0]["id"],
        124
    );
    let role =
        json!({ "accountId": FIRST, "profileName": "p", "idpRoleName": "r", "type": "Local" });
    assert_eq!(
        client.call("/ES/api/iam/v1/roles/create", role).await.0,
        200
    );
}
