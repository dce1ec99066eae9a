//! Refused crawls and targets: when they are refused, and the error messages.

use super::*;

/// A place in a new folder, which is deleted when the first value is dropped.
fn fresh() -> (tempfile::TempDir, Arc<dyn Place>) {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    (root, place)
}

/// Opens a sink for files of the format `doc`. Those of `open_in` have the format `txt`.
async fn open_docs(place: &Arc<dyn Place>, layout: Layout, load: &Load) -> Result<Box<dyn Sink>> {
    let format = Box::new(Lines("doc"));
    open::open(Arc::clone(place), target(layout), format, load.context()).await
}

async fn write_all(sink: &mut dyn Sink, load: &Load) {
    for batch in load.batches() {
        sink.write(&batch).await.unwrap();
    }
}

async fn refused(place: &Arc<dyn Place>, target: FileTarget, load: &Load) -> Error {
    deliver(Arc::clone(place), target, load).await.unwrap_err()
}

#[tokio::test]
async fn a_selection_is_refused_at_open_where_there_is_more() {
    for layout in Layout::ALL {
        let (root, place) = fresh();
        publish(&place, layout, &load("c1", FIRST).of_accounts(&[1, 2])).await;
        publish(&place, layout, &load("c2", SECOND).of_accounts(&[1, 2, 3])).await;
        let narrow = load("c3", THIRD).of_accounts(&[1, 2]);
        let opened = open_in(Arc::clone(&place), target(layout), &narrow).await;
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), Kind::Refused);
        let text = format!(
            "this crawl covers only a selection of sources, accounts or product models, but snapshot `{SECOND}` in `{}` covers more; \
             publish the selection to a separate folder",
            root.path().display()
        );
        assert_eq!(error.to_string(), text);
        // The refused crawl leaves no claim.
        assert!(
            Reader::local(root.path())
                .unpublished(layout)
                .await
                .unwrap()
                .is_empty()
        );
        publish(&place, layout, &load("c4", THIRD)).await;
    }
}

#[tokio::test]
async fn a_selection_is_refused_at_the_end_if_more_was_published_meanwhile() {
    let (root, place) = fresh();
    let narrow = load("c1", FIRST).of_accounts(&[1]);
    let mut sink = open_in(local(root.path()), target(Layout::Latest), &narrow)
        .await
        .unwrap();
    write_all(sink.as_mut(), &narrow).await;
    publish(&place, Layout::Latest, &load("c2", SECOND)).await;
    let error = sink.finish(&narrow.outcome()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    check_clean(place.as_ref(), Layout::Latest).await;
}

/// The message for files of the format `doc` in a place that has a snapshot of `txt` files.
fn other_format(root: &Path, layout: Layout) -> String {
    format!(
        "layout `{layout}` of `{}` already holds `txt` files, so it cannot hold `doc` files; use another folder or \
         another `layout`",
        root.display()
    )
}

#[tokio::test]
async fn a_second_format_in_a_layout_is_refused() {
    for layout in Layout::ALL {
        let (root, place) = fresh();
        publish(&place, layout, &load("c1", FIRST)).await;
        let opened = open_docs(&place, layout, &load("c2", SECOND)).await;
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.to_string(), other_format(root.path(), layout));
    }
}

/// The crawl that made the claim may never publish.
#[tokio::test]
async fn a_claim_of_another_format_refuses_nothing() {
    for layout in Layout::ALL {
        let (_root, place) = fresh();
        let claimed = load("c1", FIRST);
        let sink = open_in(Arc::clone(&place), target(layout), &claimed).await;
        sink.unwrap().abort().await.unwrap();
        let crawl = load("c2", SECOND);
        let mut sink = open_docs(&place, layout, &crawl).await.unwrap();
        write_all(sink.as_mut(), &crawl).await;
        sink.finish(&crawl.outcome()).await.unwrap();
        assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c2");
    }
}

#[tokio::test]
async fn a_second_format_is_refused_at_the_end_if_the_first_was_published_meanwhile() {
    for layout in Layout::ALL {
        let (root, place) = fresh();
        let late = load("c1", FIRST);
        let mut sink = open_docs(&place, layout, &late).await.unwrap();
        write_all(sink.as_mut(), &late).await;
        publish(&place, layout, &load("c2", SECOND)).await;
        let error = sink.finish(&late.outcome()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.to_string(), other_format(root.path(), layout));
        check_clean(place.as_ref(), layout).await;
    }
}

/// The claim of a program that wrote something else into it.
#[tokio::test]
async fn a_claim_that_cannot_be_read_belongs_to_another_crawl() {
    for layout in Layout::ALL {
        let (root, place) = fresh();
        let claim = json!({ "format_version": 3, "owner": { "crawl": "c0" } });
        let path = layout.claim(FIRST);
        place
            .put_new(&path, place::to_json(&claim).unwrap())
            .await
            .unwrap();
        let receipt = publish(&place, layout, &load("c1", FIRST)).await;
        assert_ne!(receipt.snapshot.as_deref(), Some(FIRST));
        recover_all(place.as_ref(), layout).await;
        assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c1");
        let reader = Reader::local(root.path());
        assert_eq!(reader.unpublished(layout).await.unwrap(), []);
        assert_eq!(reader.withdraw(layout).await.unwrap(), []);
        // It may say that files have to be deleted, so it stays for a program that can read it.
        assert!(place.get(&path).await.unwrap().is_some());
    }
}

async fn recover_all(place: &dyn Place, layout: Layout) {
    let store = MemoryStore::default();
    open::recover(place, &target(layout), &store).await.unwrap();
}

#[tokio::test]
async fn layouts_share_a_folder() {
    let (_root, place) = fresh();
    for (crawl, name) in [("c1", FIRST), ("c2", SECOND), ("c3", THIRD)] {
        let load = load(crawl, name);
        publish(&place, Layout::Snapshots, &load).await;
        let mut sink = open_docs(&place, Layout::Latest, &load).await.unwrap();
        write_all(sink.as_mut(), &load).await;
        sink.finish(&load.outcome()).await.unwrap();
        for layout in Layout::ALL {
            assert_eq!(seen(place.as_ref(), layout).await.unwrap(), crawl);
        }
    }
    assert_eq!(
        names::published(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn the_layout_latest_refuses_to_take_rows_away() {
    let (_root, place) = fresh();
    let latest = || target(Layout::Latest);
    // In an empty place there are no rows to remove.
    publish(
        &place,
        Layout::Latest,
        &load("c1", FIRST).failing(&["account=2"]),
    )
    .await;
    publish(
        &place,
        Layout::Latest,
        &load("c2", SECOND).failing(&["account=2"]),
    )
    .await;

    let worse = load("c3", THIRD).failing(&["account=2", "account=3"]);
    let error = refused(&place, latest(), &worse).await;
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(
        error.to_string(),
        format!(
            "publishing may remove rows of snapshot `{SECOND}`, because these scopes failed: \
             `acme/products.list/account=3` (HTTP 500); run the crawl again, or \
             publish anyway with `--accept-partial` or `partial = \"publish\"`"
        )
    );
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c2");
    check_clean(place.as_ref(), Layout::Latest).await;

    let accepted = Load {
        partial: Some(Partial::Publish),
        ..worse.clone()
    };
    let receipt = publish(&place, Layout::Latest, &accepted).await;
    assert_eq!(receipt.snapshot.as_deref(), Some(THIRD));

    let many = [
        "account=4",
        "account=5",
        "account=6",
        "account=7",
        "account=8",
        "account=9",
    ];
    let error = refused(
        &place,
        latest(),
        &load("c4", "20260904T120000Z").failing(&many),
    )
    .await;
    assert!(
        error
            .to_string()
            .contains("account=8` (HTTP 500) and 1 more;"),
        "{error}"
    );
}

#[tokio::test]
async fn who_may_publish_a_partial_crawl_is_said_by_option_and_by_flag() {
    let (publish_it, refuse_it) = (PartialRule::Publish, PartialRule::Refuse);
    for (layout, option, flag, is_published) in [
        (Layout::Snapshots, None, None, true),
        (Layout::Snapshots, Some(refuse_it), None, false),
        (Layout::Snapshots, None, Some(Partial::Refuse), false),
        (
            Layout::Snapshots,
            Some(refuse_it),
            Some(Partial::Publish),
            true,
        ),
        (Layout::Latest, None, None, false),
        (Layout::Latest, Some(publish_it), None, true),
        (
            Layout::Latest,
            Some(publish_it),
            Some(Partial::Refuse),
            false,
        ),
    ] {
        let (_root, place) = fresh();
        publish(&place, layout, &load("c1", FIRST)).await;
        let target = FileTarget {
            partial: option,
            ..target(layout)
        };
        let partial = Load {
            partial: flag,
            ..load("c2", SECOND).failing(&["account=2"])
        };
        let delivered = deliver(Arc::clone(&place), target, &partial).await;
        assert_eq!(
            delivered.is_ok(),
            is_published,
            "{layout} {option:?} {flag:?}"
        );
    }
}

#[tokio::test]
async fn names_that_are_no_plain_part_of_a_path_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for (name, table) in [
        ("../up", "apples"),
        (FIRST, "_fortilake"),
        (FIRST, "a/b"),
        ("", "apples"),
    ] {
        let load = load("c1", name).with_tables(&[table]);
        let opened = open_in(local(root.path()), target(Layout::Snapshots), &load).await;
        assert_eq!(
            opened.err().unwrap().kind(),
            Kind::Internal,
            "{name} {table}"
        );
    }
    let twice = load("c1", FIRST).with_tables(&["apples", "apples"]);
    let opened = open_in(local(root.path()), target(Layout::Snapshots), &twice).await;
    assert_eq!(
        opened.err().unwrap().to_string(),
        "two tables are named `apples`"
    );
}

#[tokio::test]
async fn a_table_that_cannot_be_written_leaves_no_claim() {
    let root = tempfile::tempdir().unwrap();
    let strange = load("c1", FIRST).with_tables(&["apples", "strange"]);
    let opened = open_in(local(root.path()), target(Layout::Snapshots), &strange).await;
    assert_eq!(
        opened.err().unwrap().to_string(),
        "table `strange` cannot be written"
    );
    let place = local(root.path());
    assert!(
        names::claimed(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(place.list("_fortilake/staging").await.unwrap().is_empty());
}

#[tokio::test]
async fn targets_that_cannot_work_are_refused() {
    let keep = |last, days| Some(Keep { last, days });
    for (path, layout, keep, wanted) in [
        ("", Layout::Latest, None, "option `path` is empty"),
        (
            "ftp://host/x",
            Layout::Snapshots,
            None,
            "`ftp://` is not supported; option `path` must be a folder, `s3://BUCKET/PREFIX`, \
             `az://CONTAINER/PREFIX` or `gs://BUCKET/PREFIX`",
        ),
        (
            "s3://bucket/x",
            Layout::Latest,
            None,
            if cfg!(feature = "cloud") {
                "object stores have no links, which layout `latest` needs to replace all tables at once; set option \
                 `layout` to `snapshots`"
            } else {
                "`s3://` is not supported, because this program was built without the feature `cloud`; build it with \
                 `--features cloud`, or use a folder"
            },
        ),
        (
            "out",
            Layout::Latest,
            keep(Some(3), None),
            "option `keep` needs layout `snapshots`; layout `latest` always keeps two versions",
        ),
        (
            "out",
            Layout::Snapshots,
            keep(None, None),
            "option `keep` needs `last` or `days`, each at least 1, such as { last = 30, days = 90 }",
        ),
        (
            "out",
            Layout::Snapshots,
            keep(Some(0), Some(3)),
            "option `keep` needs `last` or `days`, each at least 1, such as { last = 30, days = 90 }",
        ),
    ] {
        let target = FileTarget {
            path: path.into(),
            keep,
            ..target(layout)
        };
        let error = target.probe().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (Kind::Config, wanted.to_owned())
        );
    }
}

#[tokio::test]
async fn probing_finds_what_cannot_be_written_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("a/b");
    let there = |layout| FileTarget {
        path: out.clone(),
        ..target(layout)
    };
    for layout in Layout::ALL {
        there(layout).probe().await.unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
    fs::write(root.path().join("a"), "a file").unwrap();
    let error = there(Layout::Latest).probe().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");

    // A file in the place of a table's folder is found before the first API call.
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("pears"), "").unwrap();
    let opened = open_in(local(&out), target(Layout::Snapshots), &load("c1", FIRST)).await;
    assert_eq!(opened.err().unwrap().kind(), Kind::Config);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn delivery_follows_from_the_layout_and_the_file_system() {
    use fortilake_sink::Delivery;

    let root = tempfile::tempdir().unwrap();
    for layout in Layout::ALL {
        let target = FileTarget {
            path: root.path().join("out"),
            ..target(layout)
        };
        if cfg!(unix) {
            assert_eq!(target.delivery().unwrap(), Delivery::Atomic);
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
