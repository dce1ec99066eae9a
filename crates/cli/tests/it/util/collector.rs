//! A collector of traces: an HTTP server that decodes the spans that it receives.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::protobuf::{Message, Value};

/// A collector that answers every request with the same status.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// The lines of the head in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A span, with attributes as text.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    /// Whether the status is an error.
    pub(crate) failed: bool,
    pub(crate) message: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) resource: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            received: Arc::default(),
        };
        let serving = collector.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                thread::spawn(move || serving.take(&stream.unwrap(), status));
            }
        });
        collector
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let received = self.received();
        received
            .iter()
            .flat_map(|request| spans(&request.body))
            .collect()
    }

    fn take(&self, stream: &TcpStream, status: u16) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).ok()? == 0 {
                    return None;
                }
            }
            let path = head.split(' ').nth(1)?.to_owned();
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length?.parse().unwrap()];
            reader.read_exact(&mut body).ok()?;
            let request = Received { path, head, body };
            self.received.lock().unwrap().push(request);
            let mut stream = stream;
            let answer = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok()?;
        }
    }
}

/// The spans of an `ExportTraceServiceRequest`.
fn spans(body: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in Message::parse(body).messages(1) {
        let resource = of_resource.messages(1);
        let resource = resource
            .first()
            .map(|found| attributes(found, 1))
            .unwrap_or_default();
        for of_scope in of_resource.messages(2) {
            for span in of_scope.messages(2) {
                let status = span.messages(15).into_iter().next().unwrap_or_default();
                spans.push(Span {
                    trace: hex(span.bytes(1)),
                    id: hex(span.bytes(2)),
                    parent: hex(span.bytes(4)),
                    name: span.text(5),
                    failed: status.number(3) == 2,
                    message: status.text(2),
                    attributes: attributes(&span, 9),
                    resource: resource.clone(),
                });
            }
        }
    }
    spans
}

fn attributes(message: &Message<'_>, field: u64) -> BTreeMap<String, String> {
    let pairs = message.messages(field).into_iter().map(|pair| {
        let value = pair.messages(2).into_iter().next().unwrap();
        let (number, value) = value.0.first().unwrap();
        let text = match (number, value) {
            (1, Value::Bytes(text)) => String::from_utf8(text.to_vec()).unwrap(),
            (3, Value::Number(number)) => number.to_string(),
            (4, Value::Number(bits)) => f64::from_bits(*bits).to_string(),
            other => panic!("unexpected value: {other:?}"),
        };
        let is_text = matches!(value, Value::Bytes(_)) && pair.text(1) != "error.type";
        assert!(
            !is_text || text.parse::<f64>().is_err(),
            "a number as text: {text}"
        );
        (pair.text(1), text)
    });
    let pairs: Vec<_> = pairs.collect();
    let by_name: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(
        pairs.len(),
        by_name.len(),
        "an attribute comes twice: {pairs:?}"
    );
    by_name
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
