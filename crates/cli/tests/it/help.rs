//! Help texts, and the commands that describe sinks and tables.

use crate::util::{BINARY, Folder, sinks, text_of};

#[test]
fn help() {
    insta::assert_snapshot!(Folder::new().check("--help"), @"
    exit 0
    --- stdout
    Copies your Fortinet inventory from FortiCloud, FortiPortal and FortiAuthenticator into tables

    Usage: fortilake [OPTIONS] <COMMAND>

    Commands:
      crawl        Read the sources and publish a snapshot to the sinks
      plan         Estimate how many calls a crawl needs and how long it takes within the limits
      check        Sign in to each service, probe the sinks, and report what works
      crawls       List, show, verify or remove stored crawls
      replay       Publish a stored crawl to the sinks again, without making calls
      snapshots    List, verify or prune published snapshots
      changes      Show what changed between two published snapshots
      renewals     List device coverage that is about to end, has lapsed or was renewed
      history      Show the history of one device across all published snapshots
      report       Write a report as one HTML file: coverage, fleet, renewals, changes and data quality
      call         Call any API endpoint
      product      Register products; show or change registered products
      license      Redeem, download and list licenses
      contract     List contracts
      folder       List, create and delete product folders
      service      Register subscriptions
      ou           List, create, change and delete organizational units
      account      List, create and move accounts
      accounts     List all accounts of the organization
      portal       Sign in to or out of a FortiPortal
      ftm          Show and activate FortiToken Mobile licenses on a FortiAuthenticator
      sinks        List the sinks in this build, or describe one
      tables       List the tables, or describe one
      decode       Turn saved API responses into tables, without a crawl
      simulate     Serve a simulator of the APIs on a port
      config       Write, check or show the configuration
      completions  Print a shell completion script
      man          Print a manual page; to read it, pipe it into `man -l -`
      help         Print this message or the help of the given subcommand(s)

    Options:
          --log-format <FORMAT>  Format of everything on standard error [default: text] [possible
                                 values: text, json]
      -v, --verbose...           Log to standard error: -v for phases and warnings, -vv for calls, -vvv
                                 for everything but response bodies
      -q, --quiet                Print only warnings and errors to standard error
          --otlp-endpoint <URL>  Send traces to this OpenTelemetry collector (OTLP over HTTP)
      -h, --help                 Print help
      -V, --version              Print version
    ");
}

#[test]
fn help_of_a_command() {
    insta::assert_snapshot!(Folder::new().check("crawl --help"), @"
    exit 0
    --- stdout
    Read the sources and publish a snapshot to the sinks

    Usage: fortilake crawl [OPTIONS]

    Options:
          --config <FILE>        Configuration file; without it, `fortilake.toml` if it exists,
                                 otherwise the environment
          --source <NAME>        Crawl only this source of the configuration; may be repeated
          --sink <SINK>          Publish to this sink, such as `parquet:out`, instead of the configured
                                 ones; may be repeated
          --simulate             Crawl the embedded simulator instead of real systems
          --day <N>              Let this many days pass in the simulator first; devices are registered,
                                 renewed and moved
          --account <ID>         Read only this account; may be repeated
          --models <MODEL>       Publish only products of this model; a `*` at the end matches any
                                 ending. May be repeated, and replaces `models` of the configuration
          --fresh                Start a new crawl even if an unfinished one could be resumed
          --require-complete     Publish nothing if any scope failed (exit code 4)
          --accept-partial       Publish a partial snapshot to every sink, even if that removes the rows
                                 of failed scopes
          --accept-shrink        Publish even if more rows have disappeared than `[guard]` allows
          --max-calls <N>        Pause after this many requests, sign-ins included
          --deadline <DURATION>  Pause after this time, such as 45m or 2h
          --wait                 Wait until the API allows calls again, instead of pausing with exit
                                 code 75
          --state <DIR>          Folder or `postgres://` URL for the journal, the ledger and tokens;
                                 defaults to `$FORTILAKE_STATE`, or else to `fortilake` in your state
                                 folder (`$XDG_STATE_HOME` or `~/.local/state`)
          --summary <FILE>       Write a JSON summary to this file (`-` for standard output), however
                                 the run ends
          --metrics-file <FILE>  Write metrics for Prometheus to this file, however the run ends
          --log-format <FORMAT>  Format of everything on standard error [default: text] [possible
                                 values: text, json]
      -v, --verbose...           Log to standard error: -v for phases and warnings, -vv for calls, -vvv
                                 for everything but response bodies
      -q, --quiet                Print only warnings and errors to standard error
          --otlp-endpoint <URL>  Send traces to this OpenTelemetry collector (OTLP over HTTP)
      -h, --help                 Print help

    Example: fortilake crawl --sink parquet:out --wait
    ");
}

#[test]
#[cfg(not(feature = "otel"))]
fn traces_need_a_build_that_has_them() {
    let collector = "http://127.0.0.1:1";
    let folder = Folder::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
    insta::assert_snapshot!(folder.check("crawl --simulate -q --sink csv:out"), @"exit 0");
    let line = format!("crawl --simulate --summary s.json --otlp-endpoint {collector}");
    insta::assert_snapshot!(folder.check(&line), @r"
    exit 2
    --- stderr
    error: `--otlp-endpoint` needs a build with the feature `otel`

    hint: build with `--features otel`, or leave out the flag
    ");
    assert!(folder.read("s.json").contains("\"exit_code\": 2"));
}

#[test]
fn a_missing_command_is_a_usage_error() {
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
    assert_eq!(names, sinks());
    let is_told = |line: &str| line.split_whitespace().count() > 3;
    assert!(listed.lines().all(is_told), "{listed}");
}

#[test]
fn one_sink() {
    insta::assert_snapshot!(Folder::new().check("sinks csv"), @r#"
    exit 0
    --- stdout
    csv: CSV files that are safe to open in a spreadsheet, one per table, published together when the crawl ends.

    usage:     --sink csv:PATH[?option=value&…]
    delivery:  atomic: all tables become visible at the same time, when the crawl ends

    options:
      access_key_id: a reference such as { env = … } or text
          S3: the id of the access key. Without it, `AWS_ACCESS_KEY_ID`, or the role of the machine or container.
      account: text
          Azure: the name of the storage account. Without it, `AZURE_STORAGE_ACCOUNT`.
      account_key: a reference such as { env = … }
          Azure: the key of the storage account. Without it, `AZURE_STORAGE_KEY`, or another credential of the environment.
      allow_http: true or false
          Object stores: whether `endpoint` may be plain HTTP to another machine. (default: false)
      bom: true or false
          Whether files begin with a byte order mark, by which Excel recognizes UTF-8. (default: false)
      ca_cert: text
          Object stores: a PEM file with private CAs to trust in addition to those of the system. Without it, for S3, `AWS_CA_BUNDLE`.
      columns: text or a list or a table of values
          The columns to write, in this order, as a list or separated by commas; or a list for each table, such as `{ products = ["serial_number", "product_model"] }`. If empty, all columns are written. (default: [])
      dates: one of `iso`, `excel`
          How times are written: `iso` as `2026-09-01T12:00:00`, or `excel` as `2026-09-01 12:00:00`, which spreadsheets recognize. (default: "iso")
      delimiter: one of `,`, `;`, `|`, `tab`
          The character between two cells: `,`, `;`, `|` or `tab`. (default: ",")
      encryption: one of `AES256`, `aws:kms`, `aws:kms:dsse`
          S3: how the server encrypts files: `AES256`, `aws:kms` or `aws:kms:dsse`. Without it, the bucket's configuration decides.
      endpoint: text
          Object stores: the URL of the server, such as `https://minio.example.com:9000`, if it is not that of the provider. Without it, for S3, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
      formula_prefix: true or false
          Whether to put a `'` before text that a spreadsheet would run as a formula. (default: true)
      join: one of `company`
          `company` adds a column with the company of the account after each `account_id`.
      keep: a table of values
          Which snapshots to keep, such as `{ last = 30, days = 90 }`. Without it, all are kept. Only for layout `snapshots`.
      kms_key_id: text
          S3: the KMS key for `encryption`. Without it, the account's default key.
      layout: one of `snapshots`, `latest`
          `snapshots` keeps every snapshot in its own folders; `latest` replaces the previous files. Object stores support only `snapshots`. (default: "latest")
      meta: true or false
          Whether to write the columns `_source`, `_crawl_id`, `_observed_at` and `_extra`. (default: true)
      newlines: one of `crlf`, `lf`
          How lines end: `crlf` or `lf`. (default: "crlf")
      partial: one of `publish`, `refuse`
          What to do if rows of the published snapshot would disappear because their scope failed: `publish` or `refuse`. Without it, layout `snapshots` publishes and layout `latest` refuses.
      path: text
          The folder to publish into, created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`, which needs a build with the feature `cloud`.
      region: text
          S3: the region, such as `eu-central-1`. Without it, `AWS_REGION` or `AWS_DEFAULT_REGION`.
      sas_token: a reference such as { env = … }
          Azure: a shared access signature. Without it, `AZURE_STORAGE_SAS_TOKEN`.
      secret_access_key: a reference such as { env = … }
          S3: the secret of the access key. Without it, `AWS_SECRET_ACCESS_KEY`.
      service_account_key: a reference such as { env = … }
          Google Cloud Storage: the key of a service account, as JSON. Without it, the file that `GOOGLE_APPLICATION_CREDENTIALS` names, or the service account of the machine.
      session_token: a reference such as { env = … }
          S3: the session token of temporary credentials. Without it, `AWS_SESSION_TOKEN`.
      tables: text or a list
          The tables to write, as a list or separated by commas. If empty, all tables are written. (default: [])
      variables: a table of values
          Object stores: values for the standard environment variables of the store, such as `{ AWS_ROLE_ARN = "…" }`. They take precedence over the environment.

    example:
      [[sink]]
      type = "csv"
      path = "PATH"
    "#);
    insta::assert_snapshot!(Folder::new().check("sinks parket"), @"
    exit 2
    --- stderr
    error: unknown sink `parket`; the sinks are SINKS; did you mean `parquet`?
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
    product_details       Details of one product that are not in the list of products.
    product_locations     Where a product is.
    product_licenses      One license of a product.
    flex_programs         One FortiFlex program.
    flex_configs          One configuration of a FortiFlex program.
    flex_entitlements     One FortiFlex entitlement, without its token.
    portal_organizations  One organization of a FortiPortal.
    portal_sites          One site of an organization of a FortiPortal.
    portal_vdoms          One VDOM of a device that a FortiPortal manages.
    ftm_licenses          The FortiToken Mobile counters of one FortiAuthenticator.
    fortitokens           One FortiToken of a FortiAuthenticator, hardware or mobile.
    coverage              One scope of the crawl: what was requested for which account, organizational unit or organization, and the result.
    issues                One value that did not fit its column.
    changes               One row that differs from the previous snapshot; only with `changes = true` in `[history]`.
    ");
}

/// Leaves out the texts of a description, because another edition may have others or none.
fn ours(shown: &str) -> String {
    let at = shown.lines().find_map(|line| line.find("Zero-based"));
    let at = at.unwrap();
    let lines = shown.lines().map(|line| {
        if line.starts_with("  ") && !line.starts_with("  _") {
            line[..at.min(line.len())].trim_end()
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn one_table() {
    let shown = Folder::new().check("tables entitlements");
    let mut tables = fortilake_models::tables();
    let table = tables.find(|table| table.name == "entitlements").unwrap();
    for column in table.columns {
        assert!(shown.contains(column.doc), "{}", column.name);
    }
    insta::assert_snapshot!(ours(&shown), @"
    exit 0
    --- stdout
    entitlements: One entitlement of a product, current or expired.
    key: account_id, serial_number, _index
    from: products/list

      account_id     int64
      serial_number  string
      _index         int64                  Zero-based position of the row in its list.
      level          int64
      level_desc     string
      type           int64
      type_desc      string
      start_date     timestamp[us]
      end_date       timestamp[us]
      units          int64
      _source        string                 The source's name.
      _crawl_id      string                 The crawl that read this.
      _observed_at   timestamp[us, tz=UTC]  When the response that contains this row arrived.
      _extra         string                 Response fields that have no column, as a JSON object.
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
fn the_long_version_names_the_commit() {
    let printed = |flag: &str| text_of(Folder::new().run(flag).stdout);
    let version = concat!("fortilake ", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed("-V"), format!("{version}\n"));
    let git = std::process::Command::new("git")
        .args(["log", "-1", "--abbrev=9", "--format=%h"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    // A source archive has no commit, and then the version stands alone.
    let expected = match git {
        Ok(output) if output.status.success() => {
            format!("{version} ({} ", text_of(output.stdout).trim())
        }
        _ => format!("{version}\n"),
    };
    let long = printed("--version");
    assert!(long.starts_with(&expected), "{long} is not {expected}");
}

/// Only Linux tells that standard output was closed.
#[cfg(target_os = "linux")]
#[test]
fn closed_standard_output_is_an_error_before_the_first_call() {
    let with = |line: &str, stdout: &str| {
        let folder = Folder::new();
        let mut shell = folder.program("sh");
        shell.args(["-c", &format!("exec \"$BINARY\" {line} {stdout}")]);
        let output = shell.env("BINARY", BINARY).output().unwrap();
        (output.status.code(), text_of(output.stderr))
    };
    let (code, text) = with("crawl --simulate --sink ndjson:-", ">&-");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("standard output is closed"), "{text}");
    // Python's `DEVNULL` looks like a closed descriptor, so the message says what to do about it.
    for stdout in [">&-", "1<>/dev/null"] {
        let (code, text) = with("tables", stdout);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("standard output is closed, or"), "{text}");
        assert!(text.contains("open `/dev/null` only for writing"), "{text}");
    }
    let (code, text) = with("tables", "> /dev/null");
    assert_eq!((code, text.as_str()), (Some(0), ""));
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
