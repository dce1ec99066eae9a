//! Processes are killed while they deliver. Receivers still get all data, and no wrong data.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use fortilake_simulator::{Scenario, Simulator};
use serde_json::Value;

use crate::util::{Folder, published, tenant::Tenant, text_of};

const SCENARIO: &str = "page_size = 8\nlatency = \"6ms\"\nlatency_spread = \"6ms\"\n\
    [organization]\nous = 2\naccounts = 3\nproducts = 60\n";

/// A webhook receiver that accepts every message and stores the body of each id.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<BTreeMap<String, Value>>>);

impl Receiver {
    /// Starts listening, and returns the URL.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let receiver = receiver.clone();
                // A sender that is killed in the middle of a request ends this thread, not the receiver.
                thread::spawn(move || receiver.take(&stream.unwrap()));
            }
        });
        url
    }

    fn take(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut id, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).ok()? == 0 {
                    return None;
                }
                let Some((name, value)) = line.trim().split_once(": ") else {
                    if line.trim().is_empty() {
                        break;
                    }
                    continue;
                };
                match name.to_ascii_lowercase().as_str() {
                    "webhook-id" => value.clone_into(&mut id),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let body: Value = serde_json::from_slice(&body).unwrap();
            let mut messages = self.0.lock().unwrap();
            if let Some(before) = messages.insert(id.clone(), body.clone()) {
                assert_eq!(before, body, "{id}");
            }
            drop(messages);
            let mut stream = stream;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()?;
        }
    }

    /// The number of rows by table, and the final message, of one crawl.
    fn crawl(&self, id: &str) -> (BTreeMap<String, usize>, Option<Value>) {
        let mut rows = BTreeMap::new();
        let mut last = None;
        for (message, body) in &*self.0.lock().unwrap() {
            let data = &body["data"];
            if data["crawl_id"] != id {
                continue;
            }
            if message.ends_with("-summary") {
                last = Some(data.clone());
            } else {
                let table = data["table"].as_str().unwrap().to_owned();
                *rows.entry(table).or_default() += data["rows"].as_array().unwrap().len();
            }
        }
        (rows, last)
    }

    /// The serial numbers in the messages about products, in no order, each as often as it came.
    fn serials(&self) -> Vec<String> {
        let messages = self.0.lock().unwrap();
        let products = messages.values().map(|body| &body["data"]);
        let products =
            products.filter(|data| data["table"] == "products" && data["rows"].is_array());
        let rows = products.flat_map(|data| data["rows"].as_array().unwrap());
        rows.map(|row| row["serial_number"].as_str().unwrap().to_owned())
            .collect()
    }

    fn crawls(&self) -> Vec<String> {
        let messages = self.0.lock().unwrap();
        let ids = messages
            .values()
            .map(|body| body["data"]["crawl_id"].as_str().unwrap().to_owned());
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// A folder whose configuration publishes to a receiver, a program and files.
fn folder(tenant: &Tenant, url: &str) -> Folder {
    let folder = tenant.folder("");
    let configuration = folder.read("fortilake.toml");
    let (source, _) = configuration.split_once("[[sink]]").unwrap();
    let sinks = format!(
        "[[sink]]\ntype = \"webhook\"\nurl = \"{url}\"\nunsigned = true\nbatch_rows = 25\n\
         [[sink]]\ntype = \"exec\"\ncommand = \"./load\"\nformat = \"ndjson\"\n\
         [[sink]]\ntype = \"ndjson\"\npath = \"lines\"\n\
         [[sink]]\ntype = \"csv\"\npath = \"csv\"\nformula_prefix = false\n"
    );
    let program = "#!/bin/sh\nmkdir -p loaded\ncat > loaded/$FORTILAKE_TABLE.part.$$\n\
                   mv loaded/$FORTILAKE_TABLE.part.$$ loaded/$FORTILAKE_TABLE\n";
    let folder = folder
        .file("fortilake.toml", &format!("{source}{sinks}"))
        .file("load", program);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.join("load"), mode).unwrap();
    folder
}

/// The next of a reproducible sequence of random numbers (xorshift64).
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_receiver_can_get_only_what_changed() {
    let scenario =
        |day: u64| format!("day = {day}\n[organization]\nous = 2\naccounts = 3\nproducts = 400\n");
    let mut tenant = Tenant::start(&scenario(0));
    let receiver = Receiver::default();
    let url = receiver.start();
    let folder = tenant.folder("[history]\nchanges = true\n");
    let webhook = format!(
        "[[sink]]\ntype = \"webhook\"\nurl = \"{url}\"\nunsigned = true\nevents = \"changes\"\n"
    );
    let configuration = folder.read("fortilake.toml") + &webhook;
    let folder = folder.file("fortilake.toml", &configuration);
    assert!(folder.check("crawl").starts_with("exit 0"));
    tenant.pass_to(&scenario(3));
    assert!(folder.check("crawl").starts_with("exit 0"));
    let mut crawls = receiver.crawls();
    // Both may have begun in the same second, so their ids do not order them.
    crawls.sort_by_key(|crawl| {
        let (_, last) = receiver.crawl(crawl);
        last.unwrap().get("changes_since").is_some()
    });
    let [first, second] = crawls.as_slice() else {
        panic!("two crawls, not {crawls:?}");
    };
    let (rows, last) = receiver.crawl(first);
    assert!(rows.is_empty(), "{rows:?}");
    assert_eq!(last.unwrap().get("changes_since"), None);
    let (rows, last) = receiver.crawl(second);
    let last = last.unwrap();
    let total = last["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["table"] == "changes");
    let total = usize::try_from(total.unwrap()["rows"].as_u64().unwrap()).unwrap();
    assert!(total > 0);
    assert_eq!(rows, BTreeMap::from([("changes".to_owned(), total)]));
    assert!(
        last["changes_since"].as_str().unwrap().ends_with('Z'),
        "{last}"
    );
    // Without the table, there is nothing to send.
    let without = configuration.replace("changes = true", "changes = false");
    let folder = folder.file("fortilake.toml", &without);
    let refused = folder.check("crawl");
    assert!(refused.starts_with("exit 2"), "{refused}");
    assert!(
        refused.contains("set `changes = true` in `[history]`"),
        "{refused}"
    );
}

#[test]
fn kills_lose_no_message_no_table_and_no_line() {
    kill(8);
}

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn sixty_kills_lose_no_message_no_table_and_no_line() {
    kill(60);
}

fn kill(times: u32) {
    let tenant = Tenant::start(SCENARIO);
    let receiver = Receiver::default();
    let folder = folder(&tenant, &receiver.start());
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..times {
        let mut crawl = folder.command("crawl");
        let mut crawl = crawl.stderr(Stdio::null()).spawn().unwrap();
        // Tests normally avoid sleeping, but random times are the point here.
        thread::sleep(Duration::from_millis(next(&mut seed) % 700));
        crawl.kill().unwrap();
        crawl.wait().unwrap();
    }
    let text = folder.check("crawl");
    assert!(text.starts_with("exit 0"), "{text}");
    let truth = tenant.simulator.truth();
    published::check_exact(&folder.join("csv"), &truth);
    let products = published::read_csv(&folder.join("csv/products.csv"));
    let [newest] = products.crawls.iter().collect::<Vec<_>>()[..] else {
        panic!("{:?}", products.crawls);
    };
    // Every crawl with a final message is complete, and the newest crawl has one.
    let mut ended = 0;
    for crawl in receiver.crawls() {
        let (rows, last) = receiver.crawl(&crawl);
        let Some(last) = last else {
            assert_ne!(&crawl, newest, "the newest crawl has no final message");
            continue;
        };
        ended += 1;
        assert_eq!(last["complete"], true);
        for total in last["tables"].as_array().unwrap() {
            let found = rows.get(total["table"].as_str().unwrap()).copied();
            assert_eq!(found.unwrap_or(0) as u64, total["rows"], "{crawl}: {total}");
        }
    }
    assert!(ended > 0);
    let (rows, _) = receiver.crawl(newest);
    let mut compared = 0;
    for (table, expected) in &truth.tables {
        let Ok(loaded) = std::fs::read(folder.join(&format!("loaded/{table}"))) else {
            // The crawl did not include this table.
            continue;
        };
        compared += 1;
        let lines = folder.read(&format!("lines/{table}.ndjson"));
        let counts = (rows.get(table).copied().unwrap_or(0), lines.lines().count());
        assert_eq!(counts, (expected.len(), expected.len()), "{table}");
        let found = text_of(loaded).lines().count();
        assert_eq!(found, expected.len(), "{table}");
    }
    assert_eq!(compared, 8);
    let listed = text_of(folder.run("crawls").stdout);
    assert!(!listed.contains("running"), "{listed}");
}

/// The story behind stable batch ids: an account fails while others are delivered, the crawl pauses, and the account
/// succeeds on resume. With batches numbered by position, its rows took the number of a batch that was already sent.
#[test]
fn an_account_that_succeeds_only_on_resume_is_delivered_to_every_receiver() {
    let organization = "page_size = 25\n[organization]\nous = 3\naccounts = 8\nproducts = 120\n";
    let truth = Simulator::new(Scenario::from_toml(organization).unwrap()).truth();
    let id = |row: &BTreeMap<String, Value>| row["account_id"].as_i64().unwrap();
    let account = id(&truth.tables["products"][0]);
    let last = id(truth.tables["accounts"].last().unwrap());
    // The same response twice is final, so the account fails in the first run. The last account is read seconds later,
    // after the others were delivered, and the pause comes before its last call.
    let scenario = format!(
        "{organization}[[fault]]\npath = \"products/list\"\naccount = {account}\ntimes = 2\n\
         action = {{ kind = \"http\", status = 500 }}\n\
         [[fault]]\npath = \"products/list\"\naccount = {last}\ntimes = 1\n\
         action = {{ kind = \"http\", status = 503, retry_after = \"2\" }}\n"
    );
    let whole = Tenant::start(&scenario);
    let text = whole.folder("").check("crawl");
    assert!(text.starts_with("exit 3"), "{text}");
    let calls = whole.calls() - 1;

    let tenant = Tenant::start(&scenario);
    let receiver = Receiver::default();
    let folder = folder(&tenant, &receiver.start());
    let text = folder.check(&format!("crawl --max-calls {calls}"));
    assert!(text.starts_with("exit 75"), "{text}");
    let products = &truth.tables["products"];
    let of_account: Vec<_> = products.iter().filter(|row| id(row) == account).collect();
    assert!(!of_account.is_empty());
    let serials = |rows: Vec<&BTreeMap<String, Value>>| {
        let serials = rows.into_iter().map(|row| row["serial_number"].as_str());
        let mut serials: Vec<_> = serials.map(|serial| serial.unwrap().to_owned()).collect();
        serials.sort();
        serials
    };
    let sent = || {
        let mut serials = receiver.serials();
        serials.sort();
        serials
    };
    let early = sent();
    assert!(!early.is_empty(), "other accounts were delivered");
    let late = serials(of_account);
    assert!(early.iter().all(|serial| !late.contains(serial)));
    let [crawl] = &receiver.crawls()[..] else {
        panic!("{:?}", receiver.crawls());
    };
    assert_eq!(receiver.crawl(crawl).1, None, "the crawl has not ended");
    assert!(!folder.join("loaded").exists());

    let text = folder.check("crawl");
    assert!(text.starts_with("exit 0"), "{text}");
    assert_eq!(sent(), serials(products.iter().collect()));
    let (rows, last) = receiver.crawl(crawl);
    let last = last.unwrap();
    assert_eq!(last["complete"], true);
    for total in last["tables"].as_array().unwrap() {
        let found = rows.get(total["table"].as_str().unwrap()).copied();
        assert_eq!(found.unwrap_or(0) as u64, total["rows"], "{total}");
    }
    assert_eq!(rows["products"], products.len());
    published::check_exact(&folder.join("csv"), &truth);
    for file in ["loaded/products", "lines/products.ndjson"] {
        let text = folder.read(file);
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut found: Vec<_> = lines
            .map(|row| row["serial_number"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        assert_eq!(found, sent(), "{file}");
    }
    // The receiver compares messages that have the same id.
    let messages = receiver.0.lock().unwrap().len();
    let text = folder.check("replay latest");
    assert!(text.starts_with("exit 0"), "{text}");
    assert_eq!(receiver.0.lock().unwrap().len(), messages);
}
