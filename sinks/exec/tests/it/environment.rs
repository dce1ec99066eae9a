//! Which variables a program inherits, and where its tables are spooled.

use std::fs;

use fortilake_sink::Spec;
use serde_json::json;

use crate::{Place, context, deliver, finish, outcome, plain, rows};

/// A script that writes down the names of its variables.
const NAMES: &str = r#"env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p' | sort > "$OUT/names""#;

#[tokio::test]
async fn a_program_gets_a_clean_environment() {
    let place = Place::new();
    deliver(&place, NAMES, json!({})).await.unwrap();
    let names = place.read("names");
    let names: Vec<_> = names.lines().collect();
    // Cargo sets these for every test. They stand for secrets that a shell has set for other programs.
    for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
        assert!(std::env::var_os(name).is_some());
        assert!(!names.contains(&name), "{names:?}");
    }
    for name in ["PATH", "OUT", "FORTILAKE_TABLE"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[tokio::test]
async fn a_secret_reaches_the_program_by_reference() {
    let place = Place::new();
    let spec = Spec {
        sink: "exec".to_owned(),
        options: json!({
            "command": ["sh", "-c", r#"echo "$TOKEN" > "$OUT/token""#],
            "env": { "OUT": place.path(), "TOKEN": { "file": "token" } },
        })
        .as_object()
        .unwrap()
        .clone(),
    };
    spec.check().unwrap();
    let options = spec.resolve(&|_| Ok("s3cret".to_owned())).unwrap();
    let sink = spec.open(context(vec![plain("a")]), options).await.unwrap();
    sink.finish(&outcome(&[])).await.unwrap();
    assert_eq!(place.read("token"), "s3cret\n");
}

#[tokio::test]
async fn tables_are_spooled_in_the_folder_that_the_caller_provides() {
    let place = Place::new();
    let missing = place.path().join("missing");
    let context = context(vec![plain("a")]).with_scratch(Some(missing.clone()));
    let opened = place.open("exit 0", json!({}), context.clone()).await;
    let error = opened.err().unwrap();
    let text = crate::told(&error).1;
    assert!(text.contains(missing.to_str().unwrap()), "{text}");

    // The option wins over the folder of the caller.
    let spool = place.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let more = json!({ "spool": &spool });
    let sink = place.open("cat > /dev/null", more, context).await.unwrap();
    finish(sink, &[rows(&plain("a"), 3)]).await.unwrap();
    assert_eq!(spool.read_dir().unwrap().count(), 0);
}
