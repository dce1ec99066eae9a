//! The ways in which a program can end, and the error for each.

use std::fs::File;
use std::io::Read;
use std::process::Command;

use fortilake_sink::{Kind, Outcome};
use serde_json::json;

use crate::{Place, context, deliver, outcome, plain, rows, told};

/// Delivers tables `a` and `b` to a script that fails; returns the kind, the error, and its source.
async fn fails(script: &str) -> (Kind, String, String) {
    let error = deliver(&Place::new(), script, json!({})).await.unwrap_err();
    let (text, reason) = told(&error);
    (error.kind(), text, reason)
}

#[tokio::test]
async fn a_status_other_than_0_is_reported_with_the_last_lines() {
    let (kind, text, reason) =
        fails("echo 'a line' >&2; echo 'no such database' >&2; exit 3").await;
    assert_eq!(kind, Kind::Rejected);
    assert_eq!(text, "program `sh` for table `a` failed with exit status 3");
    assert_eq!(reason, "a line\nno such database");
}

#[tokio::test]
async fn status_75_asks_to_try_later() {
    let (kind, text, reason) = fails("exit 75").await;
    assert_eq!(kind, Kind::Unavailable);
    assert_eq!(
        text,
        "program `sh` for table `a` exited with status 75, which means: try again later"
    );
    assert_eq!(reason, "");
}

#[tokio::test]
async fn a_signal_is_named() {
    let (kind, text, _) = fails("kill -KILL $$").await;
    assert_eq!(kind, Kind::Unavailable);
    assert_eq!(
        text,
        "program `sh` for table `a` was killed (signal: 9 (SIGKILL))"
    );
}

#[tokio::test(start_paused = true)]
async fn a_program_that_never_ends_is_killed() {
    let (kind, text, _) = fails("exec sleep 60").await;
    assert_eq!(kind, Kind::Unavailable);
    assert_eq!(
        text,
        "program `sh` for table `a` was killed because it took more than 60s"
    );
}

#[tokio::test]
async fn a_program_that_stops_reading_has_not_taken_the_table() {
    let (kind, text, _) = fails("dd bs=1 count=10 of=/dev/null 2> /dev/null").await;
    assert_eq!(kind, Kind::Rejected);
    let head = "program `sh` for table `a` exited with status 0 but read only 10 of ";
    assert!(text.starts_with(head), "{text}");
}

#[tokio::test]
async fn a_program_that_does_not_read_is_believed() {
    for script in ["exit 0", "exec <&-; exit 0"] {
        let receipt = deliver(&Place::new(), script, json!({})).await.unwrap();
        assert_eq!((receipt.rows, receipt.files), (6, 2));
    }
}

#[tokio::test]
async fn a_program_that_was_deleted_meanwhile_is_named() {
    let place = Place::new();
    let link = place.path().join("load");
    std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
    let options = json!({ "command": link });
    let sink = crate::open(options, context(vec![plain("a")]))
        .await
        .unwrap();
    std::fs::remove_file(&link).unwrap();
    let error = sink.finish(&Outcome::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let wanted = format!("cannot start program `{}` for table `a`", link.display());
    assert_eq!(told(&error).0, wanted);
}

#[tokio::test]
async fn after_a_failure_no_other_program_is_started() {
    let place = Place::new();
    let script = r#"echo "$FORTILAKE_TABLE" >> "$OUT/order"; exit 1"#;
    deliver(&place, script, json!({})).await.unwrap_err();
    assert_eq!(place.read("order"), "a\n");
}

#[tokio::test]
async fn a_mismatch_of_row_counts_starts_no_program() {
    let place = Place::new();
    let context = context(vec![plain("a")]);
    let script = r#"touch "$OUT/started""#;
    let mut sink = place.open(script, json!({}), context).await.unwrap();
    sink.write(&rows(&plain("a"), 3)).await.unwrap();
    let counted = outcome(&[rows(&plain("a"), 4)]);
    sink.finish(&counted).await.unwrap_err();
    assert!(!place.path().join("started").exists());
}

#[tokio::test]
async fn a_dropped_sink_kills_what_its_program_has_started() {
    let place = Place::new();
    let pipe = place.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // A child of the program holds the pipe open for writing. Reading the pipe to its end shows that the child is dead.
    let script = r#"(sleep 60; echo "still there") > "$OUT/pipe" & wait"#;
    let context = context(vec![plain("a")]);
    let sink = place.open(script, json!({}), context).await.unwrap();
    let finishing = tokio::spawn(async move { sink.finish(&Outcome::default()).await });
    let opened = tokio::task::spawn_blocking(move || File::open(pipe)).await;
    finishing.abort();
    assert!(finishing.await.unwrap_err().is_cancelled());
    let mut opened = opened.unwrap().unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        opened.read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(read.await.unwrap().unwrap(), "");
}
