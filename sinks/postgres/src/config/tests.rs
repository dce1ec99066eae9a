//! Tests of the options.

use fortilake_sink::Options;
use serde_json::json;

use super::*;

fn parse(options: &[(&str, &str)]) -> Config {
    let url = [("url", json!("postgres://localhost/inventory"))];
    let others = options.iter().map(|(name, value)| (*name, json!(value)));
    let options: Options = url.into_iter().chain(others).collect();
    options.parse().unwrap()
}

#[test]
fn defaults() {
    let config = parse(&[]);
    assert_eq!(config.schema, "fortinet");
    assert!(!config.history);
    let wanted = Timeouts {
        connect: Duration::from_secs(10),
        statement: Duration::from_mins(30),
    };
    assert_eq!(config.timeouts().unwrap(), wanted);
}

#[test]
fn durations_that_postgresql_would_read_otherwise_are_refused() {
    for text in ["0s", "100us", "-1s", "30d", "soon", ""] {
        let error = parse(&[("statement_timeout", text)])
            .timeouts()
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{text}");
        assert!(error.to_string().contains("`statement_timeout`"), "{error}");
    }
}

#[test]
fn schemas_that_postgresql_would_cut_or_refuse_are_refused() {
    assert!(parse(&[("schema", "Order Data")]).check_schema().is_ok());
    let long = "x".repeat(64);
    for name in ["", &long, "pg_data", "information_schema"] {
        let error = parse(&[("schema", name)]).check_schema().unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{name}");
    }
}

#[test]
fn the_url_is_never_printed() {
    let printed = format!("{:?}", parse(&[]));
    assert!(printed.contains("[secret]"), "{printed}");
    assert!(!printed.contains("localhost"), "{printed}");
}
