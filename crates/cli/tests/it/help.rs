//! Help texts, and the commands that describe sinks and tables.

use crate::util::{Folder, text_of};

#[test]
fn help() {
    insta::assert_snapshot!(Folder::new().check("--help"), @"
    exit 0
    --- stdout
    Crawls the Fortinet cloud asset inventory and publishes it as tables

    Usage: fortilake [OPTIONS] <COMMAND>

    Commands:
      crawl     Read the sources and publish a snapshot to the sinks
      plan      Tell how many calls a crawl takes, and how long that is within the limits
      check     Sign in to each service and make one call, and say what works
      crawls    List the crawls that are kept, show or remove one
      replay    Send a crawl that is kept to sinks once more, without a call
      call      Call any endpoint of the APIs
      product   Register products, and change or show what is registered
      license   Redeem, download and list licenses
      contract  List contracts
      folder    List, make and delete folders of products
      service   Register subscriptions
      ou        List, make, change and delete organizational units
      account   List, make and move accounts
      portal    Sign in to a FortiPortal and out again
      ftm       Show and activate the licenses for mobile tokens of a FortiAuthenticator
      sinks     List the sinks of this build, or describe one
      tables    List the tables, or describe one
      decode    Turn saved answers into tables, without a crawl
      simulate  Serve a faithful fake of the APIs on a port
      help      Print this message or the help of the given subcommand(s)

    Options:
          --log-format <FORMAT>
              How log lines look

              Possible values:
              - text: For people
              - json: One JSON object a line
              
              [default: text]

      -v, --verbose...
              Log to standard error: -v phases and warnings, -vv calls, -vvv everything but bodies

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
    insta::assert_snapshot!(Folder::new().check("crawl --help"), @"
    exit 0
    --- stdout
    Read the sources and publish a snapshot to the sinks

    Usage: fortilake crawl [OPTIONS]

    Options:
          --config <FILE>
              The configuration file; without it `fortilake.toml` if there is one, else the environment

          --source <NAME>
              Crawl this source of the configuration only; may be repeated

          --sink <NAME:TARGET?option=value>
              Publish to this sink instead of the configured ones; may be repeated

          --simulate
              Crawl the embedded simulator's organization

          --account <ID>
              Read this account only; may be repeated

          --fresh
              Begin anew, even if an unfinished crawl could be resumed

          --require-complete
              Publish nothing if any scope failed

          --accept-shrink
              Publish even if a table lost more rows than `max_shrink` allows

          --max-calls <N>
              Pause after this many requests

          --deadline <DURATION>
              Pause after this long, such as 45m or 2h

          --wait
              Wait in place where the API allows nothing for long, instead of pausing with exit code 75

          --state <DIR>
              The folder with journal, ledger and tokens; by default `$FORTILAKE_STATE`, else the
              system's folder for such things

          --summary <FILE>
              Write the summary of the run to this file as JSON, too

          --log-format <FORMAT>
              How log lines look

              Possible values:
              - text: For people
              - json: One JSON object a line
              
              [default: text]

      -v, --verbose...
              Log to standard error: -v phases and warnings, -vv calls, -vvv everything but bodies

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn no_command_is_a_mistake() {
    let text = Folder::new().check("");
    assert!(text.starts_with("exit 2\n--- stderr"), "{text}");
}

#[test]
fn exactly_these_sinks_are_linked() {
    let listed = text_of(Folder::new().run("sinks").stdout);
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    // A list of its own, so that a new sink is a new line.
    let expected: Vec<&str> = include_str!("sinks.txt").lines().collect();
    assert_eq!(names, expected);
    let is_told = |line: &str| line.split_whitespace().count() > 3;
    assert!(listed.lines().all(is_told), "{listed}");
}

#[test]
fn one_sink() {
    insta::assert_snapshot!(Folder::new().check("sinks csv"), @r#"
    exit 0
    --- stdout
    csv: CSV files that are safe to open, one for each table, published at once when the crawl ends.

    usage:     --sink csv:PATH[?option=value&…]
    delivery:  atomic: everything becomes visible at once, at the end

    options:
      formula_prefix
          Whether text that a spreadsheet would run as a formula gets a `'` before it. (default: true)
      layout
          Whether every snapshot is kept or the newest replaces the one before. (default: "latest")
      path
          The folder to publish into; it is made if it is not there.
    "#);
    insta::assert_snapshot!(Folder::new().check("sinks parket"), @"
    exit 2
    --- stderr
    error: there is no sink `parket`; the sinks are SINKS; did you mean `parquet`?
    ");
}

#[test]
fn all_tables() {
    insta::assert_snapshot!(Folder::new().check("tables"), @"
    exit 0
    --- stdout
    org_units             One organizational unit.
    accounts              One account.
    products              One registered product.
    entitlements          One entitlement of a product, current or expired.
    product_contracts     One contract of a product.
    contract_terms        One term of a product's contract.
    asset_groups          One asset group that a product is in.
    warranty_supports     One warranty support of a product.
    folders               One folder of products.
    licenses              One license.
    contracts             One contract.
    product_details       What a product's details say beyond the list of products.
    product_locations     Where a product is.
    product_licenses      One license of a product.
    portal_organizations  One organization of a FortiPortal.
    portal_sites          One site of an organization of a FortiPortal.
    portal_vdoms          One VDOM of a device that a FortiPortal manages.
    ftm_licenses          The FortiToken Mobile counters of one FortiAuthenticator.
    coverage              One scope of the crawl: what was asked of which account, organizational unit or organization, and how it ended.
    issues                One value that did not fit its column.
    ");
}

#[test]
fn one_table() {
    insta::assert_snapshot!(Folder::new().check("tables entitlements"), @"
    exit 0
    --- stdout
    entitlements: One entitlement of a product, current or expired.
    key: account_id, serial_number, _index
    from: products/list

      account_id     int64                  Account that owns the product; IAM calls it `id`. Absent from answers before 2025.
      serial_number  string                 Serial number, the key of a product. Lengths vary and hyphens occur.
      _index         int64                  The position of the row in its list, from zero.
      level          int64                  Code of the support level: 5 Advanced HW, 6 Web/Online, 20 Premium (once 24x7). An open list; unknown codes are kept.
      level_desc     string                 Name of the support level, right-padded with blanks to 40 now and then.
      type           int64                  Code of the support type, such as 1 Hardware, 2 Firmware & General Updates, 11 Enhanced Support, 113 CPUs, 152 ADOMs, 207 VDOMs. An open list; unknown codes are kept.
      type_desc      string                 Name of the support type, padded now and then. The wording follows marketing; the code is the stable key.
      start_date     timestamp[us]          First covered moment, midnight. Wall clock without an offset as a rule; the zone is undocumented.
      end_date       timestamp[us]          Last covered day at midnight, presumably inclusive. Wall clock without an offset as a rule; the zone is undocumented.
      units          int64                  Quantity, counted in what `type` names (CPUs, ADOMs, VDOMs). Unproven: the key has never been seen in a published answer.
      _source        string                 The source's name.
      _crawl_id      string                 The crawl that read this.
      _observed_at   timestamp[us, tz=UTC]  When the answer behind this row arrived.
      _extra         string                 What had no column, as a JSON object.
    ");
    insta::assert_snapshot!(Folder::new().check("tables contract_terms --format sql"), @r#"
    exit 0
    --- stdout
    -- One term of a product's contract.
    -- key: account_id, serial_number, contract_index, _index
    CREATE TABLE "contract_terms" (
        "account_id" BIGINT,
        "serial_number" TEXT,
        "contract_index" BIGINT NOT NULL,
        "_index" BIGINT NOT NULL,
        "start_date" TIMESTAMP,
        "end_date" TIMESTAMP,
        "support_type" TEXT,
        "_source" TEXT NOT NULL,
        "_crawl_id" TEXT NOT NULL,
        "_observed_at" TIMESTAMP WITH TIME ZONE NOT NULL,
        "_extra" TEXT
    );
    "#);
    insta::assert_snapshot!(Folder::new().check("tables product"), @"
    exit 2
    --- stderr
    error: there is no table `product`

    hint: did you mean `products`?
    ");
}

#[test]
fn tables_for_programs() {
    let output = Folder::new().run("tables --format json");
    let tables: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let products = tables
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["name"] == "products")
        .unwrap();
    assert_eq!(
        products["key"],
        serde_json::json!(["account_id", "serial_number"])
    );
    assert!(
        products["columns"]
            .as_array()
            .unwrap()
            .iter()
            .any(|column| column["type"] == "timestamp[us]")
    );
}

#[test]
fn a_closed_pipe_is_success() {
    use std::process::Stdio;
    let mut process = Folder::new()
        .command("tables --format json")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    assert!(process.wait().unwrap().success());
}
