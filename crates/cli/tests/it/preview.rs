//! What is told before a crawl: its costs, and whether it can work.

use crate::util::{Folder, SMALL, Simulator};

#[test]
fn a_plan_goes_by_the_last_crawl_or_asks() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    insta::assert_snapshot!(folder.check("plan"), @"
    exit 0
    --- stdout
    forticloud
      reckoned from nothing: there is no finished crawl; ask with `--discover`

      used of 100 calls in 1 min 0 s: 0
      used of 1000 calls in 1 h 0 min: 0
      used of 10 errors in 1 h 0 min: 0
    ");
    insta::assert_snapshot!(folder.check("plan --discover"), @"
    exit 0
    --- stdout
    forticloud
      reckoned from 3 units and 3 accounts, with one page for each list

      iam               accounts/list            3
      assetmanagement   products/list            6
      organization      units/list               1
      all                                       10

      used of 100 calls in 1 min 0 s: 6
      used of 1000 calls in 1 h 0 min: 6
      used of 10 errors in 1 h 0 min: 0
      at least 0 s within these limits
    ");
    assert!(folder.check("crawl --sink csv:out").starts_with("exit 0"));
    insta::assert_snapshot!(folder.check("plan"), @"
    exit 0
    --- stdout
    forticloud
      reckoned from crawl SNAPSHOT-ID

      iam               accounts/list            3
      assetmanagement   products/list            6
      organization      units/list               1
      all                                       10

      used of 100 calls in 1 min 0 s: 17
      used of 1000 calls in 1 h 0 min: 17
      used of 10 errors in 1 h 0 min: 0
      at least 0 s within these limits
    ");
}

#[test]
fn a_plan_knows_of_an_unfinished_crawl() {
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
    ");
    let folder = Folder::beside(&simulator).with("FORTICLOUD_PASSWORD", "hunter2");
    let text = folder.check("check");
    insta::assert_snapshot!(text, @"
    exit 2
    --- stdout
    forticloud
      Organization      failed  `units/list` cannot sign in: the API user or its password is wrong: the user is from the variable `FORTICLOUD_USERNAME`, the password from the variable `FORTICLOUD_PASSWORD` (`organization`, HTTP 401: Unexpected error has happened)
      IAM               -       not asked
      Asset Management  -       not asked
    ");
}

#[test]
fn a_check_of_a_user_without_an_organization() {
    let simulator =
        Simulator::start(&SMALL.replace("accounts = 3", "accounts = 1\nscope = \"local\""));
    insta::assert_snapshot!(Folder::beside(&simulator).check("check"), @"
    exit 0
    --- stdout
    forticloud
      Organization      lacks   the user's permission profile does not allow it: `units/list` is refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)
      IAM               -       not asked
      Asset Management  ok      40 products in the first account
      A crawl reads this user's own account alone.
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
      Asset Management  lacks   the user's permission profile does not allow it: `products/list` for accountId 710101, serialNumber % is refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)
    ");
}
