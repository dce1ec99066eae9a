//! Tests of the options.

use fortilake_sink::Options;
use serde_json::json;

use super::*;

#[track_caller]
fn refused(options: &[(&str, &str)]) -> String {
    let data = [("data", json!("lake"))];
    let others = options.iter().map(|(name, value)| (*name, json!(value)));
    let options: Options = data.into_iter().chain(others).collect();
    let error = options.parse::<Config>().unwrap().catalog().unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let text = error.to_string();
    assert!(!text.contains("s3cret"), "{text}");
    text
}

#[test]
fn options_of_servers_are_not_for_files() {
    for name in ["catalog_password", "catalog_schema", "catalog_ca_cert"] {
        let text = refused(&[("catalog", "lake.sqlite"), (name, "s3cret")]);
        assert!(text.starts_with(&format!("option `{name}`")), "{text}");
    }
    let text = refused(&[("catalog", "mysql://u:s3cret@db/lake")]);
    assert!(text.contains("must be a SQLite file or"), "{text}");
}

#[test]
#[cfg(not(feature = "postgres"))]
fn a_build_without_the_feature_names_it() {
    let text = refused(&[("catalog", "postgres://u:s3cret@db/lake")]);
    assert!(
        text.contains("build it with `--features postgres`"),
        "{text}"
    );
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;

    #[test]
    fn the_password_is_not_in_the_url() {
        for url in [
            "postgres://u:s3cret@db/lake",
            "postgres://u@db/lake?password=s3cret",
        ] {
            let text = refused(&[("catalog", url)]);
            assert!(text.contains("set option `catalog_password`"), "{text}");
        }
    }

    #[test]
    fn schemas_that_postgresql_would_cut_or_refuse_are_refused() {
        for schema in ["", &"x".repeat(64), "pg_lake", "information_schema"] {
            let url = ("catalog", "postgres://u@db/lake");
            let text = refused(&[url, ("catalog_schema", schema)]);
            assert!(text.contains("`catalog_schema`"), "{text}");
        }
    }

    #[test]
    fn nothing_that_is_printed_or_stored_contains_the_password() {
        let options = Options::from_iter([
            ("catalog", json!("postgres://u@db/lake")),
            ("catalog_password", json!("s3cret")),
            ("data", json!("lake")),
        ]);
        let config: Config = options.parse().unwrap();
        let printed = format!("{config:?} {:?}", config.catalog().unwrap());
        assert!(
            printed.contains("database `lake` on `db:5432`"),
            "{printed}"
        );
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}
