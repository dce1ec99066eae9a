//! Several machines share a state in PostgreSQL. Each folder stands for a machine: processes in it share nothing else.
//!
//! These tests need a build with the feature `postgres` and the programs of PostgreSQL. `cargo xtask interop` runs them.

use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use fortilake_postgres::testing::{Server, free_port, networks::Pooler, server};

use crate::util::{Folder, published, send, tenant::Tenant, text_of};

/// A few accounts with some pages each, served slowly enough to stop a process between them.
const SCENARIO: &str = "page_size = 8\nlatency = \"40ms\"\n\
    [organization]\nous = 2\naccounts = 4\nproducts = 120\n";

/// How many calls a crawl has in flight at most, and so how many a takeover may repeat.
const CONCURRENCY: usize = 8;

const KEY: &str = "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f";

mod postgresql {
    use super::*;

    /// Small enough that five crawls do not fit at once.
    const LIMITS: &str = "calls = [{ max = 20, per = \"1s\" }, { max = 60, per = \"4s\" }]\n\
        errors = { max = 10, per = \"1h\", reserve = 2 }\n";

    #[test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    fn five_processes_at_once_exceed_no_limit() {
        let tenant = Tenant::start(&format!(
            "[organization]\nous = 2\naccounts = 3\nproducts = 40\n[quota]\n{}",
            LIMITS.replace(", reserve = 2", "")
        ));
        let url = database();
        let machines: Vec<_> = (0..5).map(|_| machine(&tenant, &url, LIMITS)).collect();
        let crawls: Vec<_> = machines
            .iter()
            .map(|one| start(one, "crawl --fresh"))
            .collect();
        for crawl in crawls {
            let output = crawl.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text_of(output.stderr));
        }
        for machine in &machines {
            published::check_exact(&machine.join("out/csv"), &tenant.simulator.truth());
        }
        // One call too many would have been answered with HTTP 429 and charged as an error.
        let plan = machines[0].check("plan");
        assert!(
            plan.contains("0 of 10 errors used in the last hour"),
            "{plan}"
        );
    }

    #[test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    fn a_stopped_process_cannot_write_once_another_has_resumed_its_crawl() {
        let tenant = Tenant::start(SCENARIO);
        let url = format!("{}?lease=2s", database());
        let (first, second) = (machine(&tenant, &url, ""), machine(&tenant, &url, ""));
        let stopped = start(&first, "crawl");
        wait_for(|| tenant.calls() > 20);
        send("-STOP", &stopped);
        // The simulator still sees the calls that are on their way.
        thread::sleep(Duration::from_millis(500));
        let before = tenant.calls();
        let held = second.run("crawl");
        assert_eq!(held.status.code(), Some(75));
        let said = text_of(held.stderr);
        assert!(
            said.contains("is in use by process") && said.contains("the crawl is free in"),
            "{said}"
        );
        assert_eq!(tenant.calls(), before, "a held crawl makes no calls");
        thread::sleep(Duration::from_secs(3));
        let resumed = start(&second, "crawl");
        wait_for(|| tenant.calls() > before + 3);
        send("-CONT", &stopped);
        let output = stopped.wait_with_output().unwrap();
        let said = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("another process has taken over"), "{said}");
        let output = resumed.wait_with_output().unwrap();
        let said = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("resuming crawl"), "{said}");
        published::check_exact(&second.join("out/csv"), &tenant.simulator.truth());
        assert!(
            !first.join("out/csv/products.csv").exists(),
            "the stopped process has published"
        );
        assert!(
            repeated(&tenant) <= CONCURRENCY,
            "{} calls were repeated",
            repeated(&tenant)
        );
    }

    #[test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    fn a_killed_process_is_replaced_by_another_machine() {
        let tenant = Tenant::start(SCENARIO);
        let url = format!("{}?lease=2s", database());
        let (first, second) = (machine(&tenant, &url, ""), machine(&tenant, &url, ""));
        let mut killed = start(&first, "crawl");
        wait_for(|| tenant.calls() > 20);
        killed.kill().unwrap();
        killed.wait().unwrap();
        thread::sleep(Duration::from_secs(3));
        let output = second.run("crawl");
        let said = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("resuming crawl"), "{said}");
        published::check_exact(&second.join("out/csv"), &tenant.simulator.truth());
        assert!(
            repeated(&tenant) <= CONCURRENCY,
            "{} calls were repeated",
            repeated(&tenant)
        );
        let listed = second.check("crawls");
        assert!(listed.contains("published"), "{listed}");
        for line in [
            "crawls verify",
            "replay latest --sink ndjson:again",
            "config show",
        ] {
            let output = second.run(line);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{line}: {}",
                text_of(output.stderr)
            );
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    fn no_call_is_made_while_the_database_is_away() {
        let tenant = Tenant::start(SCENARIO);
        let server = Server::start();
        let machine = machine(&tenant, &server.url("postgres", "postgres"), "");
        let crawl = start(&machine, "crawl");
        wait_for(|| tenant.calls() > 20);
        let made = thread::scope(|scope| {
            scope.spawn(|| server.restart("immediate", Duration::from_secs(4)));
            // Until the server has stopped, and the calls on their way have arrived.
            thread::sleep(Duration::from_secs(2));
            let before = tenant.calls();
            thread::sleep(Duration::from_millis(1500));
            tenant.calls() - before
        });
        assert_eq!(made, 0, "calls were made without the database");
        let output = crawl.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text_of(output.stderr));
        published::check_exact(&machine.join("out/csv"), &tenant.simulator.truth());
        assert_eq!(repeated(&tenant), 0, "a response was lost");
    }

    #[test]
    #[ignore = "needs PostgreSQL and PgBouncer: cargo xtask interop"]
    fn several_processes_work_behind_a_pooler_in_transaction_mode() {
        let tenant = Tenant::start(SCENARIO);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let pooler = runtime.block_on(Pooler::start());
        // All processes take turns on its only connection to the server.
        let direct = format!(":{}/", server().port);
        let url = database().replace(&direct, &format!(":{}/", pooler.port));
        let machines: Vec<_> = (0..3).map(|_| machine(&tenant, &url, "")).collect();
        let crawls: Vec<_> = machines
            .iter()
            .map(|one| start(one, "crawl --fresh"))
            .collect();
        for crawl in crawls {
            let output = crawl.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text_of(output.stderr));
        }
        for machine in &machines {
            published::check_exact(&machine.join("out/csv"), &tenant.simulator.truth());
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    fn tables_of_a_newer_version_are_refused_before_the_first_call() {
        let tenant = Tenant::start(SCENARIO);
        let url = database();
        let machine = machine(&tenant, &url, "");
        let configuration = machine.read("fortilake.toml")
            + "[[sink]]\ntype = \"postgres\"\nurl = { env = \"FORTILAKE_STATE\" }\n";
        let machine = machine.file("fortilake.toml", &configuration);
        assert_eq!(machine.run("crawl").status.code(), Some(0));
        let calls = tenant.calls();
        let refused = |newer: &str, expected: &str| {
            execute(&url, newer);
            let output = machine.run("crawl --fresh");
            let said = text_of(output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(expected), "{said}");
            assert!(said.contains("upgrade fortilake"), "{said}");
        };
        refused(
            "UPDATE fortinet.fortilake_version SET number = 8",
            "in the schema `fortinet` have version 8, but this program supports versions up to",
        );
        refused(
            "UPDATE fortilake.version SET number = 9",
            "has version 9, but this program supports versions up to",
        );
        assert_eq!(tenant.calls(), calls);
    }

    #[test]
    #[ignore = "needs PostgreSQL: cargo xtask interop"]
    fn errors_name_the_server_and_no_secret() {
        let refused = |url: &str, code: i32, expected: &str| {
            let folder = Folder::new()
                .with("FORTILAKE_STATE", url)
                .with("FORTILAKE_STATE_KEY", KEY);
            let output = folder.run("crawls");
            let said = text_of(output.stderr);
            assert_eq!(output.status.code(), Some(code), "{url}: {said}");
            assert!(said.contains(expected), "{url}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        };
        let port = free_port();
        let away = format!("cannot connect to `127.0.0.1:{port}`");
        refused(
            &format!("postgres://u:s3cret@127.0.0.1:{port}/x"),
            75,
            &away,
        );
        refused("postgres://u:s3cret@db:port/x", 2, "the URL cannot be read");
        refused(
            "postgres://u:s3cret@db/x?lease=1ms",
            2,
            "`lease` in the URL",
        );
        let missing = server().url("postgres", "missing");
        refused(&missing, 2, "the database `missing` does not exist");
        let folder = Folder::new().with("FORTILAKE_STATE", "postgres://u:s3cret@db/x");
        let said = text_of(folder.run("crawls").stderr);
        assert!(said.contains("`FORTILAKE_STATE_KEY` is not set"), "{said}");
        let folder = folder.with("FORTILAKE_STATE_KEY", "s3cret");
        let output = folder.run("crawls");
        let said = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("openssl rand -hex 32") && !said.contains("s3cret"),
            "{said}"
        );
        let shown = folder.run("config show");
        let said = text_of(shown.stdout) + &text_of(shown.stderr);
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// The URL of a new database.
fn database() -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(server().database()).url()
}

/// Runs statements in a database.
fn execute(url: &str, sql: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = fortilake_postgres::testing::connect(url).await;
        client.batch_execute(sql).await.unwrap();
    });
}

/// A folder with a configuration for the tenant and with this state. `limits` replace those of the tenant's folder.
fn machine(tenant: &Tenant, state: &str, limits: &str) -> Folder {
    let folder = tenant.folder("");
    let configuration = folder.read("fortilake.toml");
    let usual =
        "calls = [{ max = 1000000, per = \"1m\" }]\nerrors = { max = 1000000, per = \"1h\" }\n";
    let configuration = match limits {
        "" => configuration,
        limits => configuration.replace(usual, limits),
    };
    assert!(configuration.contains(limits), "{configuration}");
    folder
        .file("fortilake.toml", &configuration)
        .with("FORTILAKE_STATE", state)
        .with("FORTILAKE_STATE_KEY", KEY)
}

fn start(machine: &Folder, line: &str) -> Child {
    machine
        .command(line)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing happens");
        thread::sleep(Duration::from_millis(2));
    }
}

/// How many calls repeat an earlier one.
fn repeated(tenant: &Tenant) -> usize {
    let calls = tenant.simulator.calls();
    let mut asked: Vec<_> = calls
        .iter()
        .filter(|call| !call.path.contains("oauth"))
        .map(|call| format!("{} {}", call.path, call.arguments))
        .collect();
    let all = asked.len();
    asked.sort();
    asked.dedup();
    all - asked.len()
}
