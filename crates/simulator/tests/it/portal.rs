//! Tests of `FortiPortal`: signing in and out, answer formats, paging, and the data it shares with
//! the tenant.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tokio::time::advance;

use crate::client::{Client, keys, portal_get, portal_login, portal_logout, post};
use crate::crawl::{check, check_client};

const ORGANIZATIONS: &str = "account/organizations/";
const GUI_KEY: &str = "simulated-gui-key";

async fn login(client: &Client, more: Value) -> (u16, Value) {
    client.send(portal_login(&more)).await.unwrap()
}

async fn get(client: &Client, token: &str, path: &str) -> (u16, Value) {
    client.send(portal_get(token, path)).await.unwrap()
}

async fn logout(client: &Client, token: &str) -> u16 {
    client.send(portal_logout(token)).await.unwrap().0
}

fn token(body: &Value) -> String {
    body["token"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_second_sign_in_waits_for_the_first_token_to_end() {
    let client = Client::new("");
    let (status, first) = login(&client, json!({ "ttl_hours": 1, "ttl_minutes": 30 })).await;
    assert_eq!((status, keys(&first)), (200, vec!["expiry", "token"]));
    let first = token(&first);
    assert!(first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(login(&client, json!({})).await.0, 403);
    advance(Duration::from_mins(89)).await;
    assert_eq!(get(&client, &first, ORGANIZATIONS).await.0, 200);
    advance(Duration::from_mins(1)).await;
    assert_eq!(get(&client, &first, ORGANIZATIONS).await.0, 401);
    assert_eq!(logout(&client, &first).await, 401);
    let (status, second) = login(&client, json!({ "ttl_days": 30 })).await;
    assert_eq!(status, 200);
    assert_ne!(token(&second), first);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_life_time_lives_until_it_is_logged_out() {
    let client = Client::new("");
    let (_, body) = login(&client, json!({})).await;
    assert_eq!(body["expiry"], Value::Null);
    advance(Duration::from_hours(10_000)).await;
    assert_eq!(login(&client, json!({ "ttl_minutes": 1 })).await.0, 403);
    assert_eq!(logout(&client, &token(&body)).await, 204);
    assert_eq!(logout(&client, &token(&body)).await, 401, "it is gone");
    let (status, body) = login(&client, json!({ "ttl_minutes": 1 })).await;
    assert_eq!(status, 200);
    // The format of the published sample: UTC with microseconds.
    let expiry = body["expiry"].as_str().unwrap();
    assert_eq!(
        (expiry.len(), &expiry[19..20], &expiry[26..]),
        (27, ".", "Z")
    );
}

#[tokio::test]
async fn sign_ins_are_checked() {
    let client = Client::new("");
    for wrong in [
        json!({ "password": "other" }),
        json!({ "username": "other" }),
    ] {
        assert_eq!(login(&client, wrong).await.0, 401);
    }
    for wrong in [
        json!({ "ttl_days": 31 }),
        json!({ "ttl_hours": 24 }),
        json!({ "ttl_minutes": 60 }),
        json!({ "ttl_minutes": -1 }),
        json!({ "ttl_minutes": "soon" }),
        json!({ "ttl_minutes": 0 }),
    ] {
        assert_eq!(login(&client, wrong).await.0, 400);
    }
    let strict = Client::new("[portal]\nrefusal = 403\npassword = 'secret'");
    assert_eq!(login(&strict, json!({})).await.0, 403);
    let (status, _) = login(&strict, json!({ "password": "secret" })).await;
    assert_eq!(status, 200);
    assert_eq!(get(&strict, "other", ORGANIZATIONS).await.0, 403);
    let calls = format!("{:?}", strict.simulator.calls());
    assert!(!calls.contains("secret"), "{calls}");
}

#[tokio::test]
async fn tokens_are_named_by_their_word_and_keys_of_the_gui_do_as_well() {
    let client = Client::new("");
    assert_eq!(get(&client, GUI_KEY, ORGANIZATIONS).await.0, 200);
    let bearer = Request::get("/fpc/v1/api/account/organizations/");
    let bearer = bearer.header("authorization", format!("Bearer {GUI_KEY}"));
    let (status, _) = client
        .send(bearer.body(Bytes::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(status, 401, "the word is `Token`");
    // A key does not prevent a sign-in.
    assert_eq!(login(&client, json!({})).await.0, 200);
    assert_eq!(logout(&client, GUI_KEY).await, 204);
    assert_eq!(get(&client, GUI_KEY, ORGANIZATIONS).await.0, 401);
    let without = Client::new("[portal]\ngui_key = ''");
    assert_eq!(get(&without, "", ORGANIZATIONS).await.0, 401);
}

#[tokio::test]
async fn answers_come_in_four_containers() {
    let client = Client::new("");
    let read = |path: &'static str| {
        let client = &client;
        async move {
            let (status, body) = get(client, GUI_KEY, path).await;
            assert_eq!(status, 200, "{path}: {body}");
            body
        }
    };
    for path in [
        ORGANIZATIONS,
        "account/roles/",
        "account/organizations/4/installs/?startdate=2025-10-01&enddate=2025-10-31",
        "device/adom/",
        "device/fortimanager/summary/",
        "device/fortianalyzer/summary/",
        "device/site/customer/4/",
        "device/site/list/customer/4/",
        "device/vdom/site/6/",
        "device/vdom/site/available/?customerId=4&siteId=6",
        "device/report/",
        "device/report/4",
    ] {
        let body = read(path).await;
        assert_eq!(keys(&body), ["data", "status"], "{path}");
        assert_eq!(body["status"], json!({ "code": 0, "message": "success" }));
        assert_eq!(
            keys(&body["data"]),
            ["results", "totalResultsCount"],
            "{path}"
        );
        let rows = body["data"]["results"].as_array().unwrap().len();
        assert_eq!(body["data"]["totalResultsCount"], rows, "{path}");
    }
    let site = read("device/site/6/").await;
    assert_eq!(keys(&site), ["data", "status"]);
    for key in ["aps", "extenders", "id", "switches", "vdoms"] {
        assert!(keys(&site["data"]).contains(&key), "{key}");
    }
    let users = read("account/organization/users/").await;
    assert_eq!(
        keys(&users),
        ["results", "size", "start", "totalResultsCount"]
    );
    assert_eq!((&users["size"], &users["start"]), (&json!(10), &json!(0)));
    assert_eq!(keys(&users["results"][0]).len(), 27);
    let general = read("account/organization/general/4/").await;
    assert_eq!(keys(&general).len(), 15);
    assert_eq!(read("account/organization/contact/4/").await["city"], "");
}

#[tokio::test]
async fn rows_have_the_keys_of_the_samples() {
    let client = Client::new("");
    let first =
        async |path: &str| get(&client, GUI_KEY, path).await.1["data"]["results"][0].clone();
    assert_eq!(
        keys(&first(ORGANIZATIONS).await),
        [
            "adom_version_num",
            "device_count",
            "id",
            "name",
            "reports",
            "site_count",
            "status"
        ]
    );
    assert_eq!(
        keys(&first("device/site/customer/4/").await),
        [
            "contactName",
            "customer",
            "email",
            "id",
            "name",
            "phone",
            "sandbox",
            "user"
        ]
    );
    let vdom = first("device/vdom/site/6/").await;
    assert_eq!(
        keys(&vdom),
        [
            "adom",
            "alias",
            "device_ha",
            "device_ha_info",
            "device_oid",
            "devid",
            "fortianalyzer",
            "fortigate_name",
            "fortimanager",
            "id",
            "latitude",
            "longitude",
            "name",
            "organization",
            "platform",
            "policypackage",
            "site",
            "sn",
            "status",
            "vdom_oid",
            "version"
        ]
    );
    assert_eq!(
        keys(&vdom["adom"]),
        [
            "customer",
            "flags",
            "fortimanager",
            "id",
            "name",
            "oid",
            "version"
        ]
    );
    let waiting = first("device/vdom/site/available/").await;
    assert_eq!(
        (&waiting["site"], &waiting["aps"]),
        (&Value::Null, &json!([]))
    );
    let name = waiting["display_name"].as_str().unwrap();
    assert_eq!(name.split('/').count(), 3, "{name}");
}

#[tokio::test]
async fn lists_are_cut_and_say_of_how_many() {
    let client = Client::new("[portal]\npage_size = 3\norganizations = 14");
    let page = async |path: &str| get(&client, GUI_KEY, path).await.1;
    let first = page(ORGANIZATIONS).await;
    assert_eq!(first["data"]["results"].as_array().unwrap().len(), 3);
    assert_eq!(first["data"]["totalResultsCount"], 14);
    let last = page("account/organizations/?start=12&size=100").await;
    let ids: Vec<&Value> = last["data"]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(ids, [16, 17]);
    let users = page("account/organization/users/?start=13&size=2").await;
    assert_eq!(
        (&users["size"], &users["start"], &users["totalResultsCount"]),
        (&json!(2), &json!(13), &json!(14))
    );
    assert_eq!(users["results"].as_array().unwrap().len(), 1);
    check_client(&client).await;
}

#[tokio::test]
async fn devices_are_those_of_the_tenant() {
    let tables = check("").await;
    let products: HashSet<&Value> = tables["products"]
        .iter()
        .map(|row| &row["serial_number"])
        .collect();
    let serials: Vec<&Value> = tables["portal_vdoms"]
        .iter()
        .map(|row| &row["serial_number"])
        .collect();
    let distinct: HashSet<&&Value> = serials.iter().collect();
    assert!(serials.iter().all(|serial| products.contains(*serial)));
    // Every tenth of the 40 devices has no site, and some devices have several rows.
    assert_eq!(distinct.len(), 36);
    assert!(serials.len() > 36);
    assert_eq!(tables["portal_sites"].len(), 4, "one organization has none");
    let counted: i64 = tables["portal_organizations"]
        .iter()
        .filter_map(|row| row["device_count"].as_i64())
        .sum();
    assert_eq!(counted, 36);
    let small = "[organization]\nous = 2\naccounts = 3\n";
    for settings in [
        "products = 60\n[portal]\norganizations = 1\nsites = 0",
        "products = 300\n[portal]\ndevices = 1000\norganizations = 30\nsites = 7",
        "products = 60\n[quirks]\nunknown_fields = true",
    ] {
        check(&format!("{small}{settings}")).await;
    }
    let disabled = "products = 60\n[portal]\nenabled = false\n[authenticator]\nenabled = false";
    let tables = check(&format!("{small}{disabled}")).await;
    assert!(tables["portal_organizations"].is_empty() && tables["ftm_licenses"].is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let client = Client::new("");
    for (path, expected) in [
        ("account/organizations", 404),
        ("account/organization/general/3/", 404),
        ("device/site/customer/x/", 404),
        ("device/vdom/site/7/", 404),
        ("device/report/4/", 404),
        ("device/fortimanager/poll/", 200),
    ] {
        assert_eq!(get(&client, GUI_KEY, path).await.0, expected, "{path}");
    }
    let mut posted = portal_get(GUI_KEY, ORGANIZATIONS);
    *posted.method_mut() = http::Method::POST;
    assert_eq!(client.send(posted).await.unwrap().0, 405);
    let read = Request::get("/fpc/api/auth/tokenlogin/").body(Bytes::new());
    assert_eq!(client.send(read.unwrap()).await.unwrap().0, 405);
    let old = post("/fpc/api/login", None, "{}");
    assert_eq!(client.send(old).await.unwrap().0, 404);
}

#[tokio::test]
async fn faults_take_the_portals_form() {
    let fault = |action: &str| {
        let path = "/account/organizations/";
        Client::new(&format!(
            "[[fault]]\npath = '{path}'\nnth = 2\naction = {action}"
        ))
    };
    let second = async |client: &Client, token: &str| {
        get(client, token, ORGANIZATIONS).await;
        get(client, token, "account/organizations/?start=1").await
    };
    let (status, body) = second(&fault("{ kind = 'refuse' }"), GUI_KEY).await;
    assert_eq!((status, body["detail"].is_string()), (403, true));
    let client = fault("{ kind = 'status', status = -1, message = 'busy', http = 500 }");
    let (status, body) = second(&client, GUI_KEY).await;
    assert_eq!(status, 500);
    assert_eq!(body["status"], json!({ "code": -1, "message": "busy" }));
    assert_eq!(client.simulator.calls()[1].body_status, Some(-1));
    let (_, body) = second(&fault("{ kind = 'repeat-page' }"), GUI_KEY).await;
    assert_eq!(body["data"]["results"][0]["id"], 4, "the first row again");
    let (_, body) = second(&fault("{ kind = 'drop-rows', rows = 1 }"), GUI_KEY).await;
    assert_eq!(body["data"]["results"].as_array().unwrap().len(), 1);
    let client = fault("{ kind = 'revoke-tokens' }");
    let (_, body) = login(&client, json!({})).await;
    assert_eq!(second(&client, &token(&body)).await.0, 401);
    assert_eq!(login(&client, json!({})).await.0, 200);
}

#[tokio::test]
async fn the_quotas_are_the_other_systems() {
    let client =
        Client::new("[quota]\ncalls = [{ max = 1, per = '1h' }]\nerrors = { max = 1, per = '1h' }");
    for _ in 0..3 {
        assert_eq!(get(&client, "other", ORGANIZATIONS).await.0, 401);
        assert_eq!(get(&client, GUI_KEY, ORGANIZATIONS).await.0, 200);
    }
    client.token("iam").await;
}
