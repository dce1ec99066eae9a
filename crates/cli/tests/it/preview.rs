//! `plan` and `check`: what a crawl will cost, and whether it can work.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};

use crate::util::{Folder, SMALL, Simulator};

#[test]
fn a_plan_estimates_from_the_last_crawl_or_by_calling() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    insta::assert_snapshot!(folder.check("plan"), @"
    exit 0
    --- stdout
    forticloud
      no earlier crawl to estimate from; use `--discover` to count accounts (makes calls)

      0 of 100 calls used in the last minute
      0 of 1000 calls used in the last hour
      0 of 10 errors used in the last hour
    ");
    insta::assert_snapshot!(folder.check("plan --discover"), @"
    exit 0
    --- stdout
    forticloud
      estimated from 3 units and 3 accounts, assuming one page for each list

      iam               accounts/list            3
      assetmanagement   products/list            6
      organization      units/list               1
      total                                     10

      6 of 100 calls used in the last minute
      6 of 1000 calls used in the last hour
      0 of 10 errors used in the last hour
      takes at least 0 s within these limits
    ");
    assert!(folder.check("crawl --sink csv:out").starts_with("exit 0"));
    insta::assert_snapshot!(folder.check("plan"), @"
    exit 0
    --- stdout
    forticloud
      estimated from crawl SNAPSHOT-ID

      iam               accounts/list            3
      assetmanagement   products/list            6
      organization      units/list               1
      total                                     10

      17 of 100 calls used in the last minute
      17 of 1000 calls used in the last hour
      0 of 10 errors used in the last hour
      takes at least 0 s within these limits
    ");
}

#[test]
fn a_plan_mentions_an_unfinished_crawl() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    assert!(
        folder
            .check("crawl --sink csv:out --max-calls 7")
            .starts_with("exit 75")
    );
    let text = folder.check("plan");
    assert!(text.contains("is unfinished; resuming it saves"), "{text}");
}

#[test]
fn a_check_says_what_works() {
    let simulator = Simulator::start(SMALL);
    insta::assert_snapshot!(Folder::beside(&simulator).check("check"), @"
    exit 0
    --- stdout
    forticloud
      Organization      ok      3 units
      IAM               ok      3 accounts in the first unit
      Asset Management  ok      9 products in the first account
    sinks
      parquet:out       ok      can be written
    ");
    let folder = Folder::beside(&simulator).with("FORTICLOUD_PASSWORD", "hunter2");
    let text = folder.check("check");
    insta::assert_snapshot!(text, @"
    exit 2
    --- stdout
    forticloud
      Organization      failed  `units/list` was not sent, because the sign-in failed: the API user or its password is wrong: the user comes from the variable `FORTICLOUD_USERNAME`, the password from the variable `FORTICLOUD_PASSWORD` (`organization`, HTTP 401: Unexpected error has happened)
      IAM               -       not called
      Asset Management  -       not called
    sinks
      parquet:out       ok      can be written
    --- stderr

    hint: check the user and its password or key; in FortiCloud, downloading the credentials file again resets the password
    ");
}

/// The first object in the JSON list that a command prints, that of its only source.
fn object(folder: &Folder, line: &str) -> (Option<i32>, Value) {
    let output = folder.run(line);
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let sources = list.iter().filter(|object| object["source"].is_string());
    assert_eq!(sources.count(), 1, "{list:?}");
    (output.status.code(), list[0].clone())
}

#[test]
fn a_plan_for_programs() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let (code, plan) = object(&folder, "plan --json");
    assert_eq!((code, &plan["source"]), (Some(0), &json!("forticloud")));
    assert_eq!(
        (&plan["calls"], &plan["least_seconds"]),
        (&Value::Null, &Value::Null)
    );
    let (_, plan) = object(&folder, "plan --discover --json");
    assert_eq!(plan["calls"], 10);
    assert_eq!(plan["calls_by_endpoint"]["products/list"], 6);
    assert_eq!(plan["least_seconds"], 0);
    assert_eq!(
        plan["call_limits"],
        json!([
            { "max": 100, "window_seconds": 60, "used": 6 },
            { "max": 1000, "window_seconds": 3600, "used": 6 },
        ])
    );
    assert_eq!(plan["error_limit"]["reserve"], 2);
    folder.run("crawl --sink csv:out --max-calls 5");
    let (_, plan) = object(&folder, "plan --json");
    assert!(
        plan["unfinished"]["saved_calls"].as_u64() > Some(0),
        "{plan}"
    );
}

#[test]
fn a_check_for_programs() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let (code, check) = object(&folder, "check --json");
    assert_eq!(code, Some(0));
    assert_eq!(
        check,
        json!({
            "source": "forticloud",
            "usable": true,
            "services": [
                { "service": "Organization", "result": "ok", "message": "3 units" },
                { "service": "IAM", "result": "ok", "message": "3 accounts in the first unit" },
                {
                    "service": "Asset Management",
                    "result": "ok",
                    "message": "9 products in the first account",
                },
            ],
            "note": null,
            "exit_code": 0,
        })
    );
    let folder = folder.with("FORTICLOUD_PASSWORD", "hunter2");
    let (code, check) = object(&folder, "check --json");
    assert_eq!((code, &check["exit_code"]), (Some(2), &json!(2)));
    assert_eq!(check["services"][0]["result"], "failed");
    assert_eq!(check["services"][1]["result"], "not_called");
}

#[test]
fn a_check_signs_in_even_if_a_token_is_stored() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    assert!(folder.check("check").starts_with("exit 0"));
    let folder = folder.with("FORTICLOUD_PASSWORD", "hunter2");
    let text = folder.check("check");
    assert!(text.starts_with("exit 2"), "{text}");
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
            drop(stream.write_all(answer));
        }
    });
    let folder = Folder::new()
        .with("FORTICLOUD_USERNAME", "simulated")
        .with("FORTICLOUD_PASSWORD", "simulated")
        .with("FORTICLOUD_API_URL", "https://api.invalid")
        .with(
            "FORTICLOUD_AUTH_URL",
            "https://auth.invalid/api/v1/oauth/token/",
        )
        .with("HTTPS_PROXY", &proxy);
    insta::assert_snapshot!(folder.check("crawl"), @"
    exit 2
    --- stderr
    error: source `forticloud` cannot be read
      caused by: `units/list` was not sent, because the sign-in failed
      caused by: the sign-in for `organization` could not be sent
      caused by: the proxy `http://127.0.0.1:PORT` refused to connect to `auth.invalid` (HTTP 403); ask the proxy's administrator to allow this host
    ");
    let text = folder.check("check");
    assert!(text.starts_with("exit 2"), "{text}");
    let refused =
        "the proxy `http://127.0.0.1:PORT` refused to connect to `auth.invalid` (HTTP 403)";
    assert!(text.contains(refused), "{text}");
    assert!(!text.contains("password"), "{text}");
}

/// Serves TLS on a free port, and returns the port.
fn serve_tls(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> u16 {
    let tls =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
    let tls = Arc::new(tls.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
            // The client refuses the certificate, which ends the handshake.
            drop(StreamOwned::new(connection, socket.unwrap()).read(&mut [0; 4096]));
        }
    });
    port
}

/// A folder whose FortiCloud is at this port of `localhost`.
fn at_port(port: u16) -> Folder {
    let host = format!("https://localhost:{port}");
    Folder::new()
        .with("FORTICLOUD_USERNAME", "simulated")
        .with("FORTICLOUD_PASSWORD", "simulated")
        .with("FORTICLOUD_API_URL", &host)
        .with(
            "FORTICLOUD_AUTH_URL",
            &format!("{host}/api/v1/oauth/token/"),
        )
}

#[test]
fn a_private_ca_leads_to_the_setting_for_it() {
    let certificate = include_bytes!("../../../transport/tests/it/certs/server.pem");
    let key = include_bytes!("../../../transport/tests/it/certs/server.key.pem");
    let port = serve_tls(
        CertificateDer::from_pem_slice(certificate).unwrap(),
        PrivateKeyDer::from_pem_slice(key).unwrap(),
    );
    insta::assert_snapshot!(at_port(port).check("crawl"), @"
    exit 2
    --- stderr
    error: source `forticloud` cannot be read
      caused by: `units/list` was not sent, because the sign-in failed
      caused by: the sign-in for `organization` could not be sent
      caused by: the certificate of `localhost` is self-signed or signed by an unknown CA; if you trust it, set `ca_cert` to a file that contains the certificate of the server or of the CA
      caused by: invalid peer certificate: UnknownIssuer
    ");
}

#[test]
fn a_wrong_clock_is_suspected_if_a_certificate_is_not_valid_now() {
    let said = |first_year, last_year| {
        let key = KeyPair::generate().unwrap();
        let mut certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
        certificate.not_before = date_time_ymd(first_year, 1, 1);
        certificate.not_after = date_time_ymd(last_year, 1, 1);
        let certificate = certificate.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let port = serve_tls(certificate.der().clone(), key);
        let configuration = format!(
            "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\nca_cert = \"server.pem\"\n\
             username = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
             password = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
             api_url = \"https://localhost:{port}\"\n\
             auth_url = \"https://localhost:{port}/api/v1/oauth/token/\"\n"
        );
        let folder = at_port(port)
            .file("fortilake.toml", &configuration)
            .file("server.pem", &certificate.pem());
        let said = folder.check("crawl");
        // The last cause contains the time of the test.
        let cause = said
            .rfind("\n  caused by: invalid peer certificate")
            .unwrap();
        said[..cause].to_owned()
    };
    insta::assert_snapshot!(said(2020, 2021), @"
    exit 2
    --- stderr
    error: source `acme` cannot be read
      caused by: `units/list` was not sent, because the sign-in failed
      caused by: the sign-in for `organization` could not be sent
      caused by: the certificate of `localhost` has expired; if it has not, this machine's clock is wrong
    ");
    insta::assert_snapshot!(said(3000, 3001), @"
    exit 2
    --- stderr
    error: source `acme` cannot be read
      caused by: `units/list` was not sent, because the sign-in failed
      caused by: the sign-in for `organization` could not be sent
      caused by: the certificate of `localhost` is not valid yet; most likely this machine's clock is slow
    ");
}

#[test]
fn an_empty_variable_turns_off_the_proxy_of_the_other_spelling() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    // Nothing listens on this port any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let url = format!("https://{}", closed.unwrap());
    let folder = Folder::new()
        .with("FORTICLOUD_USERNAME", "simulated")
        .with("FORTICLOUD_PASSWORD", "simulated")
        .with("FORTICLOUD_API_URL", &url)
        .with("FORTICLOUD_AUTH_URL", &format!("{url}/api/v1/oauth/token/"))
        .with("HTTPS_PROXY", "")
        .with(
            "https_proxy",
            &format!("http://{}", proxy.local_addr().unwrap()),
        );
    let text = folder.check("check");
    assert!(text.contains("onnection refused"), "{text}");
    assert!(!text.contains("proxy"), "{text}");
    assert!(proxy.accept().is_err(), "the proxy was used");
}

#[test]
fn a_check_of_a_user_without_an_organization() {
    let simulator =
        Simulator::start(&SMALL.replace("accounts = 3", "accounts = 1\nscope = \"local\""));
    insta::assert_snapshot!(Folder::beside(&simulator).check("check"), @"
    exit 0
    --- stdout
    forticloud
      Organization      denied  the user's permission profile does not allow it: `units/list` was refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)
      IAM               -       not called
      Asset Management  ok      40 products in the first account
      A crawl reads only this user's own account.
    sinks
      parquet:out       ok      can be written
    --- stderr

    hint: in the IAM portal of FortiCloud, allow Organization in the permission profile of the API user, and give the user the organization scope
    ");
}

#[test]
fn a_check_of_a_user_who_may_not_see_products() {
    let fault = "[[fault]]\npath = \"products/list\"\naction = { kind = \"refuse\" }\n";
    let simulator = Simulator::start(&format!("{SMALL}{fault}"));
    insta::assert_snapshot!(Folder::beside(&simulator).check("check"), @"
    exit 2
    --- stdout
    forticloud
      Organization      ok      3 units
      IAM               ok      3 accounts in the first unit
      Asset Management  denied  the user's permission profile does not allow it: `products/list` for accountId 710101, serialNumber % was refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)
    sinks
      parquet:out       ok      can be written
    --- stderr

    hint: in the IAM portal of FortiCloud, allow Asset Management in the permission profile of the API user
    ");
}

#[test]
fn a_check_of_a_user_who_may_not_list_accounts() {
    let clients = "[credentials]\nclients = [\"assetmanagement\", \"organization\"]\n";
    let simulator = Simulator::start(&format!("{SMALL}{clients}"));
    insta::assert_snapshot!(Folder::beside(&simulator).check("check"), @"
    exit 2
    --- stdout
    forticloud
      Organization      ok      3 units
      IAM               denied  the user's permission profile does not allow it: `accounts/list` for parentId 2100001 was not sent, because the sign-in failed: FortiCloud issued no token for `iam` to this API user (HTTP 400: Client authentication failed); check which APIs its permission profile allows
      Asset Management  -       not called
    sinks
      parquet:out       ok      can be written
    --- stderr

    hint: in the IAM portal of FortiCloud, allow IAM in the permission profile of the API user
    ");
}
