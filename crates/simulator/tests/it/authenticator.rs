//! Tests of `FortiAuthenticator`: keys, counters, activation and the list of tokens.

use serde_json::{Value, json};

use crate::client::{Client, basic, keys};
use crate::crawl::check_client;

const LICENSES: &str = "fortitokenmobilelicenses/";
const LICENSE: &str = "1234-5678-90AB-CDEF-7890";

async fn get(client: &Client, path: &str) -> (u16, Value) {
    client.send(basic("GET", path, None)).await.unwrap()
}

async fn activate(client: &Client, license: &str) -> (u16, Value) {
    let body = json!({ "license": license });
    client
        .send(basic("POST", LICENSES, Some(&body)))
        .await
        .unwrap()
}

#[tokio::test]
async fn the_counters_are_a_bare_object() {
    let client = Client::new("");
    let (status, body) = get(&client, LICENSES).await;
    let expected = json!({ "available_ftm": 118, "total_ftm": 200, "used_ftm": 82 });
    assert_eq!((status, body), (200, expected));
    let (_, system) = get(&client, "systeminfo/").await;
    assert_eq!(keys(&system).len(), 14);
    assert_eq!(system["sn"], "FAC-VMTM24900001");
    assert_eq!(
        system["ftm_usage_detail"],
        json!({ "populated": 200, "used": 82 })
    );
}

#[tokio::test]
async fn an_activated_license_counts() {
    let client = Client::new("");
    let (status, body) = activate(&client, LICENSE).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({ "license": LICENSE, "messages": { "success": "Successfully imported 25 FortiTokens" } })
    );
    assert_eq!(get(&client, LICENSES).await.1["total_ftm"], 225);
    let (_, tokens) = get(&client, "fortitokens/?type=ftm").await;
    assert_eq!(tokens["meta"]["total_count"], 225);
    assert_eq!(activate(&client, LICENSE).await.0, 400, "it is used up");
    for malformed in [
        "",
        "1234-5678-9012-3456",
        "1234-5678-9012-3456-789",
        "12-34-5678-9012-3456",
    ] {
        let (status, body) = activate(&client, malformed).await;
        assert_eq!(status, 400, "{malformed}");
        assert_eq!(keys(&body), ["error"]);
    }
    assert_eq!(get(&client, LICENSES).await.1["total_ftm"], 225);
    let calls = format!("{:?}", client.simulator.calls());
    assert!(
        !calls.contains(LICENSE) && !calls.contains("simulated"),
        "{calls}"
    );
    check_client(&client).await;
}

#[tokio::test]
async fn the_key_is_asked_for_and_the_method_checked() {
    let client = Client::new("[authenticator]\napi_key = 'key'\nactivation = false");
    // The helper sends a password instead of the key.
    let response = client.simulator.handle(basic("GET", LICENSES, None)).await;
    let response = response.unwrap();
    assert_eq!(response.status(), 401);
    assert!(
        response.headers()["www-authenticate"]
            .as_bytes()
            .starts_with(b"Basic")
    );
    let client = Client::new("[authenticator]\nactivation = false");
    let body = json!({ "license": LICENSE });
    let response = client
        .simulator
        .handle(basic("POST", LICENSES, Some(&body)))
        .await;
    let response = response.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"GET".parse().unwrap())
    );
    let delete = basic("DELETE", "fortitokens/", None);
    assert_eq!(client.send(delete).await.unwrap().0, 405);
    for path in ["fortitokens", "usergroups/", "fortitokens/11/"] {
        assert_eq!(get(&client, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn an_old_unit_does_not_say_which_it_is() {
    let client = Client::new("[organization]\nproducts = 60\n[authenticator]\nsysteminfo = false");
    assert_eq!(get(&client, "systeminfo/").await.0, 404);
    let truth = check_client(&client).await;
    assert_eq!(truth["ftm_licenses"][0]["serial_number"], Value::Null);
    let pair = Client::new(
        "[organization]\nproducts = 60\n[authenticator]\nha_serial_number = 'FAC-VMTM24900002'",
    );
    let truth = check_client(&pair).await;
    assert_eq!(
        truth["ftm_licenses"][0]["ha_serial_number"],
        "FAC-VMTM24900002"
    );
}

/// Follows `next` to the end of a list.
async fn follow(client: &Client, path: &str) -> (usize, Vec<Value>) {
    let mut next = json!(format!("/api/v1/{path}"));
    let (mut pages, mut rows) = (0, Vec::new());
    while let Some(path) = next.as_str() {
        let path = path.strip_prefix("/api/v1/").unwrap().to_owned();
        let (status, body) = get(client, &path).await;
        assert_eq!((status, keys(&body)), (200, vec!["meta", "objects"]));
        rows.extend(body["objects"].as_array().unwrap().iter().cloned());
        next = body["meta"]["next"].clone();
        pages += 1;
    }
    (pages, rows)
}

#[tokio::test]
async fn lists_of_tokens_lead_on() {
    let client = Client::new("[authenticator]\ntotal_ftm = 1205");
    let (pages, rows) = follow(&client, "fortitokens/").await;
    assert_eq!((pages, rows.len()), (61, 1215));
    assert_eq!(
        keys(&rows[0]),
        [
            "id",
            "last_used_at",
            "license",
            "locked",
            "resource_uri",
            "serial",
            "status",
            "type"
        ]
    );
    let (pages, all) = follow(&client, "fortitokens/?limit=0").await;
    assert_eq!(pages, 2, "the most is 1000");
    assert_eq!(all, rows);
    let (pages, free) = follow(
        &client,
        "fortitokens/?status__exact=available&type__in=ftm,xyz&limit=500",
    )
    .await;
    assert_eq!(
        (pages, free.len()),
        (3, 1205 - 82),
        "filters stay in the links"
    );
    let (_, hardware) = follow(&client, "fortitokens/?type=ftk&format=json&order_by=-id").await;
    assert_eq!((&hardware[0]["id"], hardware.len()), (&json!(1225), 10));
    let (_, body) = get(&client, "fortitokens/?offset=40").await;
    assert_eq!(
        body["meta"]["previous"],
        "/api/v1/fortitokens/?limit=20&offset=20"
    );
    for wrong in [
        "limit=-1",
        "offset=x",
        "color=red",
        "type__like=f",
        "order_by=color",
    ] {
        assert_eq!(
            get(&client, &format!("fortitokens/?{wrong}")).await.0,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn faults_hit_this_system_too() {
    let client = Client::new(
        "[[fault]]\npath = '/fortitokens/'\nnth = 1\naction = { kind = 'refuse' }\n\
         [[fault]]\npath = '/fortitokens/'\nnth = 2\naction = { kind = 'status', status = -1, message = 'busy', http = 500 }\n\
         [[fault]]\npath = '/fortitokens/'\nnth = 3\naction = { kind = 'repeat-page' }",
    );
    assert_eq!(get(&client, "fortitokens/").await.0, 403);
    assert_eq!(
        get(&client, "fortitokens/").await,
        (500, json!({ "error": "busy" }))
    );
    let (_, body) = get(&client, "fortitokens/?offset=20").await;
    assert_eq!(body["objects"][0]["id"], 11);
    let calls = client.simulator.calls();
    assert_eq!(calls[2].arguments, json!({ "offset": "20" }));
}
