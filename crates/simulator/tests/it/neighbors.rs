//! A simple reader of `FortiPortal` and `FortiAuthenticator`.

use serde_json::{Map, Value, json};

use crate::client::{Client, basic, portal_get, portal_login, portal_logout};
use crate::columns::{COUNTERS, FLATTENED, ORGANIZATION, SITE, TOKEN, VDOM};
use crate::crawl::Crawl;

/// How many rows are requested per call.
const SIZE: usize = 5;

pub(crate) async fn crawl(client: &Client, crawl: &mut Crawl) {
    portal(client, crawl).await;
    authenticator(client, crawl).await;
}

async fn portal(client: &Client, crawl: &mut Crawl) {
    let (status, body) = client
        .send(portal_login(&json!({ "ttl_minutes": 5 })))
        .await
        .unwrap();
    if status == 404 {
        return;
    }
    assert_eq!(status, 200, "{body}");
    let token = body["token"].as_str().unwrap();
    for organization in list(client, token, "account/organizations/").await {
        let key = ["organization_id"];
        let row = crawl.row(
            "portal_organizations",
            ORGANIZATION,
            &flat(&organization),
            &[],
            &key,
        );
        crawl.push("portal_organizations", row, &key);
        let path = format!("device/site/customer/{}/", organization["id"]);
        for site in list(client, token, &path).await {
            let row = crawl.row("portal_sites", SITE, &site, &[], &["site_id"]);
            crawl.push("portal_sites", row, &["site_id"]);
            let path = format!("device/vdom/site/{}/", site["id"]);
            for vdom in list(client, token, &path).await {
                let key = ["site_id", "vdom_id"];
                let row = crawl.row("portal_vdoms", VDOM, &flat(&vdom), &[], &key);
                crawl.push("portal_vdoms", row, &key);
            }
        }
    }
    let (status, _) = client.send(portal_logout(token)).await.unwrap();
    assert_eq!(status, 204);
}

/// Reads a list to its end.
async fn list(client: &Client, token: &str, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    loop {
        let path = format!("{path}?start={}&size={SIZE}", rows.len());
        let (status, body) = client.send(portal_get(token, &path)).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        let page = body["data"]["results"].as_array().unwrap();
        assert!(page.len() <= SIZE);
        rows.extend(page.iter().cloned());
        if page.is_empty() || json!(rows.len()) == body["data"]["totalResultsCount"] {
            return rows;
        }
    }
}

/// Returns the members of nested objects, under the combined names.
pub(crate) fn flat(row: &Value) -> Value {
    let mut flat = Map::new();
    for (name, value) in row.as_object().unwrap() {
        match value
            .as_object()
            .filter(|_| FLATTENED.contains(&name.as_str()))
        {
            Some(inner) => flat.extend(
                inner
                    .iter()
                    .map(|(key, value)| (format!("{name}.{key}"), value.clone())),
            ),
            None => {
                flat.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(flat)
}

async fn authenticator(client: &Client, crawl: &mut Crawl) {
    let (status, counters) = client
        .send(basic("GET", "fortitokenmobilelicenses/", None))
        .await
        .unwrap();
    if status == 404 {
        return;
    }
    let (_, system) = client
        .send(basic("GET", "systeminfo/", None))
        .await
        .unwrap();
    let fixed = [
        (
            "serial_number",
            system.get("sn").cloned().unwrap_or_default(),
        ),
        (
            "ha_serial_number",
            system.get("ha_sn").cloned().unwrap_or_default(),
        ),
        (
            "firmware",
            system.get("firmware").cloned().unwrap_or_default(),
        ),
    ];
    let row = crawl.row(
        "ftm_licenses",
        COUNTERS,
        &counters,
        &fixed,
        &["serial_number"],
    );
    crawl.push("ftm_licenses", row, &["serial_number"]);
    let key = ["serial_number", "serial"];
    for token in tokens(client).await {
        let row = crawl.row("fortitokens", TOKEN, &token, &fixed[..1], &key);
        crawl.push("fortitokens", row, &key);
    }
}

/// Follows the links to the next page.
async fn tokens(client: &Client) -> Vec<Value> {
    let mut tokens = Vec::new();
    let mut path = "fortitokens/?limit=50".to_owned();
    loop {
        let (_, page) = client.send(basic("GET", &path, None)).await.unwrap();
        tokens.extend(page["objects"].as_array().unwrap().iter().cloned());
        let Some(next) = page["meta"]["next"].as_str() else {
            return tokens;
        };
        next.trim_start_matches("/api/v1/").clone_into(&mut path);
    }
}
