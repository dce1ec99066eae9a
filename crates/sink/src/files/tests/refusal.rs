//! What is refused, when, and in which words.

use super::*;

#[tokio::test]
async fn a_path_that_cannot_be_written_fails_at_open() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    fs::write(&file, "").unwrap();
    let path = file.join("out");
    let error = open_lines(&path, "txt", Layout::Latest, context(FIRST, "c1"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::Config);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot create the folder `{}/_fortilake/staging`",
            path.display()
        )
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("Not a directory"), "{source}");

    let empty = open_lines(Path::new(""), "txt", Layout::Latest, context(FIRST, "c1")).await;
    assert_eq!(empty.err().unwrap().to_string(), "option `path` is empty");
}

#[tokio::test]
async fn names_that_would_lead_elsewhere_are_refused() {
    let out = tempfile::tempdir().unwrap();
    for name in ["", "../apples", "a/b", "_fortilake", "apples.txt", "äpfel"] {
        let mut context = context(FIRST, "c1");
        context.tables.push(spec(name));
        let error = open_lines(out.path(), "txt", Layout::Latest, context)
            .await
            .err()
            .unwrap();
        let wanted = format!("the table `{name}` cannot be the name of a file");
        assert_eq!(error.to_string(), wanted);
    }
    let error = open_lines(out.path(), "txt", Layout::Latest, context("../x", "c1")).await;
    assert_eq!(
        error.err().unwrap().to_string(),
        "the snapshot `../x` cannot be the name of a file"
    );
    let mut twice = context(FIRST, "c1");
    twice.tables.push(spec("apples"));
    let error = open_lines(out.path(), "txt", Layout::Latest, twice)
        .await
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "there are two tables `apples`");
    assert_eq!(staged(out.path()), 0);
}

#[tokio::test]
async fn a_failed_write_spends_the_sink_and_publishes_nothing() {
    let out = tempfile::tempdir().unwrap();
    let mut sink = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c1"))
        .await
        .unwrap();
    sink.write(&batch("apples", &["boskoop"])).await.unwrap();
    let error = sink
        .write(&batch("apples", &["elstar", "fail"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Full);
    let again = sink.write(&batch("apples", &["gala"])).await.unwrap_err();
    assert_eq!(
        again.to_string(),
        "an earlier call of this sink did not end well"
    );
    sink.finish(&outcome()).await.unwrap_err();
    assert_eq!(tree(out.path()), BTreeMap::new());
}

#[tokio::test]
async fn rows_in_other_columns_or_of_other_tables_are_refused() {
    for (batch, wanted) in [
        (
            batch("plums", &["bluefre"]),
            "table `plums` was not announced when the sink was opened",
        ),
        (
            Batch {
                records: batch("apples", &["boskoop"]).records.project(&[0]).unwrap(),
                ..batch("apples", &[])
            },
            "a batch does not have the columns of table `apples`",
        ),
    ] {
        let out = tempfile::tempdir().unwrap();
        let context = context(FIRST, "c1");
        let mut sink = open_lines(out.path(), "txt", Layout::Latest, context)
            .await
            .unwrap();
        let error = sink.write(&batch).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (Kind::Internal, wanted)
        );
    }
}

#[tokio::test]
async fn a_short_table_is_not_published() {
    let out = tempfile::tempdir().unwrap();
    let mut sink = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c1"))
        .await
        .unwrap();
    sink.write(&batch("apples", &["boskoop"])).await.unwrap();
    let outcome = Outcome {
        tables: vec![TableTotal {
            table: "apples".to_owned(),
            rows: 2,
        }],
        ..outcome()
    };
    let error = sink.finish(&outcome).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `apples` has 1 rows, and the crawl counted 2"
    );
    assert_eq!(tree(out.path()), BTreeMap::new());
}

#[tokio::test]
async fn crawls_of_the_same_second_follow_each_other_but_do_not_mix() {
    let out = tempfile::tempdir().unwrap();
    publish(out.path(), "txt", Layout::Latest, context(FIRST, "c1")).await;
    publish(out.path(), "txt", Layout::Latest, context(FIRST, "c2")).await;
    assert_eq!(manifest(out.path(), FIRST).crawl.id, "c2");

    let late = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c3"))
        .await
        .unwrap();
    publish(out.path(), "txt", Layout::Latest, context(FIRST, "c4")).await;
    let error = late.finish(&outcome()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert_eq!(
        error.to_string(),
        "crawl `c4` has meanwhile published a snapshot `20260901T120000Z` here"
    );
    assert_eq!(manifest(out.path(), FIRST).crawl.id, "c4");
}
