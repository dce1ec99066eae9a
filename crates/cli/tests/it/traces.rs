//! Traces that reach a collector, and collectors that do not work.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::Stdio,
};

use crate::{
    secrets::contains,
    util::{
        Folder, SMALL, Simulator,
        collector::{Collector, Span},
        send,
        tenant::Tenant,
        text_of,
    },
};

/// Of a tenant with 40 products: each list fails once, and one account is refused.
fn faults() -> String {
    format!(
        "{SMALL}[[fault]]\npath = \"products/list\"\naccount = 710112\naction = {{ kind = \"refuse\" }}\n\
         [[fault]]\npath = \"accounts/list\"\nnth = 2\naction = {{ kind = \"http\", status = 503, body = \"busy\" }}\n"
    )
}

fn traced(folder: Folder, collector: &Collector) -> Folder {
    folder.with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    let found = spans.iter().filter(|span| span.name == name);
    found.collect()
}

#[track_caller]
fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = named(spans, name);
    assert_eq!(found.len(), 1, "{name}: {found:#?}");
    found[0]
}

fn requests(spans: &[Span]) -> Vec<&Span> {
    let is_request = |span: &&Span| span.name == "sign-in" || span.name.starts_with("call ");
    spans.iter().filter(is_request).collect()
}

#[test]
fn a_crawl_is_one_trace() {
    let tenant = Tenant::start(&faults());
    let collector = Collector::start(200);
    let folder = traced(tenant.folder(""), &collector);
    let output = folder.run("crawl");
    let text = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(!text.contains("spans"), "{text}");

    let spans = collector.spans();
    let root = only(&spans, "crawl");
    assert_eq!(root.parent, "");
    let attribute =
        |span: &Span, name: &str| span.attributes.get(name).cloned().unwrap_or_default();
    let manifest = folder.read("out/pq/_fortilake/latest.json");
    assert!(
        manifest.contains(&attribute(root, "fortilake.crawl_id")),
        "{root:#?}"
    );
    assert!(
        attribute(root, "fortilake.edition").starts_with(&attribute(root, "fortilake.crawl_id"))
    );
    assert_eq!(attribute(root, "fortilake.outcome"), "partial");
    assert_eq!(attribute(root, "fortilake.exit_code"), "3");
    assert!(!root.failed);
    assert_eq!(root.resource["service.name"], "fortilake");
    let trace: BTreeSet<_> = spans.iter().map(|span| &span.trace).collect();
    assert_eq!(trace.len(), 1);
    let ids: BTreeSet<_> = spans.iter().map(|span| &span.id).collect();
    assert_eq!(ids.len(), spans.len());

    let source = only(&spans, "source");
    assert_eq!(source.parent, root.id);
    assert_eq!(attribute(source, "fortilake.source"), "acme");
    for sink in named(&spans, "publish") {
        assert_eq!(sink.parent, root.id);
        assert_eq!(
            attribute(sink, "fortilake.outcome"),
            "published",
            "{sink:#?}"
        );
    }
    assert_eq!(named(&spans, "publish").len(), 2);

    let calls = requests(&spans);
    assert!(calls.iter().all(|call| call.parent == source.id));
    assert_eq!(calls.len(), tenant.calls());
    assert_eq!(
        attribute(source, "fortilake.calls"),
        calls.len().to_string()
    );
    // As many of each path.
    let mut paths = BTreeMap::<String, usize>::new();
    for call in tenant.simulator.calls() {
        *paths.entry(call.path).or_default() += 1;
    }
    for call in &calls {
        let path = attribute(call, "url.path");
        *paths.get_mut(&path).expect(&path) -= 1;
    }
    assert!(paths.values().all(|left| *left == 0), "{paths:?}");

    let failed: Vec<_> = calls.iter().filter(|call| call.failed).collect();
    let busy = failed
        .iter()
        .find(|call| call.name == "call accounts/list")
        .unwrap();
    assert_eq!(attribute(busy, "http.response.status_code"), "503");
    assert_eq!(attribute(busy, "error.type"), "503");
    assert_eq!(attribute(busy, "fortilake.outcome"), "transient");
    let refused = failed
        .iter()
        .find(|call| call.name == "call products/list")
        .unwrap();
    assert_eq!(attribute(refused, "fortilake.account_id"), "710112");
    assert_eq!(attribute(refused, "fortilake.outcome"), "access");
    assert!(!refused.message.is_empty(), "{refused:#?}");
    let again = calls
        .iter()
        .filter(|call| call.attributes.contains_key("http.request.resend_count"));
    assert!(again.clone().count() >= 1);
}

#[test]
fn the_documentation_lists_every_attribute() {
    let collector = Collector::start(200);
    let tenant = Tenant::start(&faults());
    traced(tenant.folder(""), &collector).run("crawl");
    let page = include_str!("../../../../docs/production.md");
    let (_, section) = page.split_once("### Traces").unwrap();
    for span in collector.spans() {
        for name in span.attributes.keys() {
            assert!(
                section.contains(&format!("\n| `{name}` |")),
                "{}: {name}",
                span.name
            );
        }
    }
}

#[test]
fn the_environment_names_a_parent_and_the_service() {
    let collector = Collector::start(200);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = "00f067aa0ba902b7";
    let folder = Folder::new()
        .with("TRACEPARENT", &format!("00-{trace}-{parent}-01"))
        .with("OTEL_SERVICE_NAME", "inventory")
        .with(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        );
    // The flag wins over the variable.
    let folder = folder.with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let line = format!(
        "crawl -v --simulate --sink csv:out --otlp-endpoint {}",
        collector.url
    );
    let output = folder.run(&line);
    let text = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("trace_id={trace}")), "{text}");
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace == trace));
    let root = only(&spans, "crawl");
    assert_eq!(root.parent, parent);
    assert_eq!(root.resource["service.name"], "inventory");
    assert_eq!(root.resource["deployment.environment.name"], "test");
    assert!(
        collector
            .received()
            .iter()
            .all(|request| request.path == "/v1/traces")
    );

    // A parent that is not sampled.
    let seen = spans.len();
    let output = folder
        .with("TRACEPARENT", &format!("00-{trace}-{parent}-00"))
        .run(&line);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(collector.spans().len(), seen);
}

#[test]
fn commands_that_make_calls_are_traced() {
    let simulator = Simulator::start(SMALL);
    for (line, name) in [
        ("check", "check"),
        ("plan --discover", "plan"),
        ("call units/list", "call"),
        ("folder list --account 710112", "folder"),
    ] {
        let collector = Collector::start(200);
        let folder = traced(Folder::beside(&simulator), &collector);
        let output = folder.run(line);
        let text = text_of(output.stderr);
        let spans = collector.spans();
        let root = only(&spans, name);
        let code = output.status.code().unwrap().to_string();
        assert_eq!(root.attributes["fortilake.exit_code"], code, "{text}");
        let calls = requests(&spans);
        assert!(!calls.is_empty(), "{line}: {text}");
        assert!(calls.iter().all(|call| call.parent == root.id), "{line}");
    }
    let collector = Collector::start(200);
    assert!(
        traced(Folder::new(), &collector)
            .run("tables")
            .status
            .success()
    );
    assert!(collector.received().is_empty());
}

#[test]
fn no_span_holds_a_secret() {
    const PASSWORD: &str = "correct-horse-battery-staple";
    const HEADERS: &str = "x-api-key=planted%20key,x-other=second";
    let credentials =
        format!("[credentials]\nusername = \"api-user\"\npassword = \"{PASSWORD}\"\n");
    let echo = format!(
        "[[fault]]\npath = \"products/list\"\nevery = 2\naction = {{ kind = \"status\", status = -1, code = 103, \
         message = \"wrong password {PASSWORD}\" }}\n"
    );
    let simulator = Simulator::start(&format!("{credentials}{SMALL}{echo}"));
    let collector = Collector::start(200);
    let folder =
        traced(Folder::beside(&simulator), &collector).with("OTEL_EXPORTER_OTLP_HEADERS", HEADERS);
    let output = folder.run("-vvv crawl --sink csv:out");
    let text = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(75), "{text}");
    let wrong = traced(Folder::beside(&simulator), &collector)
        .with("OTEL_EXPORTER_OTLP_HEADERS", HEADERS)
        .with("FORTICLOUD_PASSWORD", "planted-and-wrong");
    let output = wrong.run("-vvv check");
    assert_eq!(output.status.code(), Some(2));
    let text = text + &text_of(output.stderr);

    let state = rusqlite::Connection::open(folder.join("state/state.sqlite")).unwrap();
    let mut tokens = state.prepare("SELECT access_token FROM tokens").unwrap();
    let tokens = tokens.query_map((), |row| row.get::<_, String>(0)).unwrap();
    let mut secrets: Vec<String> = tokens.map(Result::unwrap).collect();
    assert!(!secrets.is_empty());
    secrets.extend(
        [
            PASSWORD,
            "planted-and-wrong",
            "planted key",
            "planted%20key",
        ]
        .map(str::to_owned),
    );
    let received = collector.received();
    for request in &received {
        assert!(
            request.head.contains("\nx-api-key: planted key\r\n"),
            "{}",
            request.head
        );
        for secret in &secrets {
            assert!(!contains(&request.body, secret.as_bytes()), "{secret}");
        }
    }
    let spans = collector.spans();
    assert!(
        requests(&spans)
            .iter()
            .any(|call| call.failed && call.name == "sign-in")
    );
    assert!(
        requests(&spans)
            .iter()
            .any(|call| call.message.contains("wrong password"))
    );
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
}

#[test]
fn a_collector_that_does_not_work_costs_one_warning() {
    let broken = Collector::start(500);
    // Nothing listens at this address any more.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    // This one accepts connections but never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (url, why) in [
        (broken.url.clone(), "HTTP 500"),
        (format!("http://{gone}"), "cannot connect"),
        (
            format!("http://{}", silent.local_addr().unwrap()),
            "no response within",
        ),
    ] {
        let folder = Folder::new();
        let output = folder.run(&format!(
            "crawl -q --simulate --sink csv:out --otlp-endpoint {url}"
        ));
        let text = text_of(output.stderr);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("warning: "), "{text}");
        assert!(
            text.contains(&format!("spans were not accepted by `{url}/v1/traces`")),
            "{text}"
        );
        assert!(text.contains(why), "{text}");
    }
    let folder = Folder::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", "collector");
    let output = folder.run("crawl -q --simulate --sink csv:out");
    insta::assert_snapshot!(text_of(output.stderr), @"warning: no traces are exported: `OTEL_EXPORTER_OTLP_ENDPOINT` cannot be used: expected a URL such as http://127.0.0.1:4318");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_interrupted_crawl_exports_its_trace() {
    let simulator = Simulator::start(&format!("latency = \"200ms\"\n{SMALL}"));
    let collector = Collector::start(200);
    let folder = traced(Folder::beside(&simulator), &collector);
    let mut crawl = folder
        .stoppable("-vv crawl --sink csv:out")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(crawl.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("accounts/list")));
    send("-TERM", &crawl);
    lines.for_each(drop);
    assert_eq!(crawl.wait().unwrap().code(), Some(130));
    let spans = collector.spans();
    let root = only(&spans, "crawl");
    assert_eq!(root.attributes["fortilake.outcome"], "interrupted");
    assert!(
        root.failed && root.message.starts_with("interrupted"),
        "{root:#?}"
    );
    assert!(!requests(&spans).is_empty());
}

#[test]
fn log_lines_do_not_change() {
    let collector = Collector::start(200);
    let lines = |line: &str| {
        let text = text_of(Folder::new().run(line).stderr);
        let messages = text
            .lines()
            .filter(|line| !line.contains("exporting traces"));
        // Without the times and ids.
        let words = messages.map(|line| {
            let words = line
                .split(' ')
                .filter(|word| !word.contains(|next: char| next.is_ascii_digit()));
            words.collect::<Vec<_>>().join(" ")
        });
        words.collect::<Vec<_>>()
    };
    let plain = lines("crawl -v --simulate --sink csv:out");
    let traced = format!(
        "crawl -v --simulate --sink csv:out --otlp-endpoint {}",
        collector.url
    );
    assert!(plain.len() > 5);
    assert_eq!(lines(&traced), plain);
    assert!(!collector.spans().is_empty());
}
