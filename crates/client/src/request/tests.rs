//! Tests of building requests.

use fortilake_models::Parameter;
use serde_json::json;

use super::*;

const fn parameter(name: &'static str, location: Location, required: bool) -> Parameter {
    Parameter {
        name,
        location,
        required,
        json_type: "string",
        doc: "",
    }
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    parameters: &'static [Parameter],
) -> Endpoint {
    Endpoint::new(
        "things/do",
        "Things",
        method,
        path,
        None,
        Access::Read,
        "",
        parameters,
        None,
    )
}

static LIST: Endpoint = endpoint(
    "POST",
    "/ES/api/list",
    &[
        parameter("accountId", Location::Body, true),
        parameter("serialNumber", Location::Body, false),
        parameter("filter", Location::Body, false),
    ],
);

static SITES: Endpoint = endpoint(
    "GET",
    "/fpc/v1/sites/{site}/vdoms/",
    &[
        parameter("site", Location::Path, true),
        parameter("page", Location::Query, false),
        parameter("X-Trace", Location::Header, false),
    ],
);

static UPLOAD: Endpoint = endpoint(
    "PUT",
    "/upload",
    &[parameter("units", Location::WholeBody, false)],
);

static FILE: Endpoint = endpoint(
    "GET",
    "/v1/files/{id}.json/{from}:{to}",
    &[
        parameter("id", Location::Path, true),
        parameter("from", Location::Path, true),
        parameter("to", Location::Path, true),
    ],
);

#[expect(
    clippy::needless_pass_by_value,
    reason = "the arguments are written in place"
)]
fn build(base: &str, endpoint: &'static Endpoint, arguments: Value) -> Result<Call> {
    Call::new(
        &base.parse().unwrap(),
        endpoint,
        arguments.as_object().unwrap(),
    )
}

fn sent(endpoint: &'static Endpoint, arguments: Value) -> String {
    let request = build("https://api.example", endpoint, arguments)
        .unwrap()
        .request;
    let json = request.headers.contains_key("content-type");
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    format!("{} {} {json} {body}", request.method, request.url)
}

fn refused(endpoint: &'static Endpoint, arguments: Value) -> String {
    let error = build("https://api.example", endpoint, arguments).unwrap_err();
    assert_eq!(error.kind(), crate::Kind::BadRequest);
    error.to_string()
}

#[test]
fn bodies_are_json_objects() {
    assert_eq!(
        sent(
            &LIST,
            json!({"serialNumber": "%", "accountId": 710_112, "filter": null})
        ),
        r#"POST https://api.example/ES/api/list true {"accountId":710112,"filter":null,"serialNumber":"%"}"#
    );
    assert_eq!(
        sent(&UPLOAD, json!({})),
        "PUT https://api.example/upload true {}"
    );
    assert_eq!(
        sent(&UPLOAD, json!({"units": [1]})),
        "PUT https://api.example/upload true [1]"
    );
}

#[test]
fn paths_and_queries_are_encoded() {
    assert_eq!(
        sent(&SITES, json!({"site": "a/b ?ü", "page": ["1&2", 3]})),
        "GET https://api.example/fpc/v1/sites/a%2Fb%20%3F%C3%BC/vdoms/?page=1%262&page=3 false "
    );
    assert_eq!(
        sent(&SITES, json!({"site": 5, "page": null})),
        "GET https://api.example/fpc/v1/sites/5/vdoms/ false "
    );
    for site in ["", ".", ".."] {
        refused(&SITES, json!({"site": site}));
    }
}

#[test]
fn a_parameter_may_be_part_of_a_segment() {
    assert_eq!(
        sent(&FILE, json!({"id": "a/b", "from": 1, "to": 2})),
        "GET https://api.example/v1/files/a%2Fb.json/1:2 false "
    );
    refused(&FILE, json!({"id": "", "from": 1, "to": 2}));
}

#[test]
fn headers_are_set() {
    let call = build(
        "https://api.example",
        &SITES,
        json!({"site": 5, "X-Trace": "t"}),
    )
    .unwrap();
    assert_eq!(call.request.headers["x-trace"], "t");
    refused(&SITES, json!({"site": 5, "X-Trace": "a\nb"}));
    // A call without an argument that it was given would be another call.
    refused(&SITES, json!({"site": 5, "X-Trace": ["a", "b"]}));
}

#[test]
fn a_base_may_have_a_path() {
    for base in [
        "https://api.example/proxy",
        "https://api.example/proxy/?x=y#z",
    ] {
        let call = build(base, &LIST, json!({"accountId": 1})).unwrap();
        assert_eq!(
            call.request.url.as_str(),
            "https://api.example/proxy/ES/api/list"
        );
    }
}

#[test]
fn arguments_are_checked_before_anything_is_sent() {
    assert_eq!(refused(&LIST, json!({})), "`things/do` needs `accountId`");
    assert_eq!(
        refused(&LIST, json!({"accountId": null})),
        "`things/do` needs `accountId`"
    );
    assert_eq!(
        refused(&LIST, json!({"accountId": 1, "acountId": 2})),
        "`things/do` for accountId 1, acountId 2 has no parameter `acountId`"
    );
}

#[test]
fn labels_name_what_tells_calls_apart() {
    let call = build(
        "https://api.example",
        &LIST,
        json!({"accountId": 7, "serialNumber": "F\n1"}),
    );
    assert_eq!(
        call.unwrap().label,
        "`things/do` for accountId 7, serialNumber F 1"
    );
    assert_eq!(
        build("https://api.example", &UPLOAD, json!({}))
            .unwrap()
            .label,
        "`things/do`"
    );
}

static REGISTER: Endpoint = endpoint(
    "POST",
    "/register/",
    &[
        parameter("units", Location::Body, false),
        parameter("license", Location::Body, false),
    ],
)
.with_secrets(&["license"]);

#[test]
fn secrets_among_arguments_are_known_wherever_they_stand() {
    let arguments = json!({
        "license": "1234-5678",
        "units": [{"serialNumber": "FGT1", "cloudKey": "ABCDEFGH"}, {"licenseKeys": ["abcdefgh", "a", 5]}],
    });
    let url = "https://api.example".parse().unwrap();
    let call = Call::new(&url, &REGISTER, arguments.as_object().unwrap()).unwrap();
    let mut secrets = call.secrets;
    secrets.sort();
    assert_eq!(secrets, ["1234-5678", "ABCDEFGH", "abcdefgh"]);
    assert_eq!(call.request.url.path(), "/register/");
}
