//! Wrong options and their error messages.

use fortilake_sink::{Kind, registry};

use super::*;

#[test]
fn the_sink_is_registered() {
    let sink = registry::find("parquet").unwrap();
    assert_eq!(sink.target, "path");
    let options = (sink.options)();
    assert_eq!(
        options.as_value()["properties"]["layout"]["default"],
        "snapshots"
    );
    assert_eq!(
        options.as_value()["properties"]["row_group_bytes"]["default"],
        4 << 20
    );
}

#[test]
fn wrong_options_are_explained() {
    for (spec, wanted) in [
        (
            "parquet:out?layuot=latest",
            "unknown option `layuot`; the options are `access_key_id`, `account`, `account_key`, `allow_http`, `ca_cert`, `compression`, `encryption`, `endpoint`, `keep`, `kms_key_id`, `layout`, `partial`, `path`, `region`, `row_group_bytes`, `sas_token`, `secret_access_key`, `service_account_key`, `session_token`, `tables`, `variables`; did you mean `layout`?",
        ),
        (
            "parquet:out?layout=newest",
            "option `layout` is `newest`, but must be one of `snapshots`, `latest`",
        ),
        (
            "parquet:out?row_group_bytes=16MB",
            "option `row_group_bytes` must be an integer of at least 65536, not text",
        ),
        (
            "parquet:out?row_group_bytes=1",
            "option `row_group_bytes` must be an integer of at least 65536, not 1",
        ),
        ("parquet", "`parquet` needs a target; write `parquet:PATH`"),
    ] {
        let error = Spec::parse(spec).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.to_string(), "cannot configure sink `parquet`");
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            wanted
        );
    }
}

#[tokio::test]
async fn a_type_that_parquet_cannot_hold_fails_at_open_by_name() {
    let out = tempfile::tempdir().unwrap();
    let items = Arc::new(Field::new_struct("item", Vec::<Field>::new(), false));
    let odd = table(
        "odd",
        &[],
        vec![Field::new(
            "nothing",
            DataType::Struct(vec![items].into()),
            true,
        )],
    );
    let error = open(out.path(), "", context(vec![odd]))
        .await
        .err()
        .unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.starts_with("column `nothing` of table `odd` has the type `Struct("),
        "{cause}"
    );
    assert_eq!(staged(out.path()), 0);
}
