//! Which rows are deleted, and which older crawls may change.

use fortilake_sink::{Kind, Partial, Standing};

use super::crawls::{Load, column, options, rows};
use fortilake_postgres::testing::{Database, server};

/// Three accounts with one thing each, and an owner that the first two share.
fn first() -> Load {
    let load = Load::new(1)
        .account(1)
        .rows("things", &[(1, None, Some("one"))]);
    let load = load.rows("owners", &[(7, None, Some("seven"))]);
    let load = load.account(2).rows("things", &[(2, None, Some("two"))]);
    load.account(3).rows("things", &[(3, None, Some("three"))])
}

async fn delivered() -> Database {
    let database = server().database().await;
    first().deliver(&database).await;
    database
}

async fn results(database: &Database) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', subject, result, rows, snapshot) FROM fortinet.fortilake_scopes \
               WHERE source = 'acme' ORDER BY subject";
    column(database, sql).await
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn failed_scopes_keep_their_rows_and_gone_ones_lose_them() {
    let database = delivered().await;
    // Account 1 is read and has no rows, account 2 fails, account 3 no longer exists.
    let second = Load::new(2).account(1).failed(2);
    second.deliver(&database).await;
    assert_eq!(rows(&database, "things").await, ["2 - two"]);
    // The failed account may still list the owner.
    assert_eq!(rows(&database, "owners").await, ["7 - seven"]);
    let wanted = [
        "account=1 complete 0 20260901T120200Z",
        "account=2 failed 1 20260901T120100Z",
        "account=3 gone 0 20260901T120200Z",
    ];
    assert_eq!(results(&database).await, wanted);

    let third = Load::new(3).account(1).account(2);
    third.deliver(&database).await;
    assert!(rows(&database, "things").await.is_empty());
    assert!(rows(&database, "owners").await.is_empty());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_selection_changes_only_what_it_reads() {
    let database = delivered().await;
    let second = Load::new(2).selected().account(1);
    second.deliver(&database).await;
    assert_eq!(rows(&database, "things").await, ["2 - two", "3 - three"]);
    assert_eq!(rows(&database, "owners").await, ["7 - seven"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_shared_row_stays_with_the_scope_that_still_delivers_it() {
    let database = delivered().await;
    // Account 1 is gone, and account 2 delivers the owner now, with the same values.
    let second = Load::new(2)
        .account(2)
        .rows("owners", &[(7, None, Some("seven"))]);
    second.deliver(&database).await;
    let scope = "SELECT _scope FROM fortinet.owners";
    assert_eq!(
        column(&database, scope).await,
        ["acme/products.list/account=2"]
    );
    let third = Load::new(3).failed(2);
    third.deliver(&database).await;
    assert_eq!(rows(&database, "owners").await, ["7 - seven"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_row_that_moves_to_a_failing_scope_stays() {
    let database = delivered().await;
    // Thing 1 moves to account 2 without any other change.
    let second = Load::new(2)
        .account(1)
        .account(2)
        .rows("things", &[(1, None, Some("one"))]);
    second.account(3).deliver(&database).await;
    // Account 2 fails. Its row must not be deleted as one of account 1.
    let third = Load::new(3).account(1).failed(2).account(3);
    third.deliver(&database).await;
    assert_eq!(rows(&database, "things").await, ["1 - one"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn an_older_crawl_changes_only_what_no_newer_one_has_read() {
    let database = server().database().await;
    // The newer crawl reads account 1, and fails to read account 2. Account 3 does not exist for it.
    let newer = Load::new(5)
        .account(1)
        .rows("things", &[(1, None, Some("new"))])
        .failed(2);
    newer.deliver(&database).await;
    let older = Load::new(4)
        .account(1)
        .rows("things", &[(1, None, Some("old")), (9, None, None)]);
    let older = older.account(2).rows("things", &[(2, None, Some("two"))]);
    let older = older
        .account(3)
        .rows("things", &[(3, None, Some("three"))])
        .ended();
    for _ in 0..2 {
        let receipt = older.deliver(&database).await;
        assert_eq!(receipt.standing, Standing::Behind);
        assert_eq!(rows(&database, "things").await, ["1 - new", "2 - two"]);
    }
    let wanted = [
        "account=1 complete 1 20260901T120500Z",
        "account=2 complete 1 20260901T120400Z",
    ];
    assert_eq!(results(&database).await, wanted);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn an_older_crawl_does_not_take_a_row_that_has_moved() {
    let database = server().database().await;
    let newer = Load::new(5)
        .account(2)
        .rows("things", &[(1, None, Some("new"))]);
    newer.selected().deliver(&database).await;
    let older = Load::new(4)
        .account(1)
        .rows("things", &[(1, None, Some("old"))]);
    older.ended().deliver(&database).await;
    assert_eq!(rows(&database, "things").await, ["1 - new"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask interop"]
async fn a_partial_crawl_is_refused_if_the_caller_says_so() {
    let database = delivered().await;
    let mut second = Load::new(2).account(1).failed(2);
    second.partial = Some(Partial::Refuse);
    let error = second
        .deliver_with(&options(&database, &[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(rows(&database, "things").await.len(), 3);
}
