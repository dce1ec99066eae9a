//! A local receiver that responds according to a script and records what arrives.
//!
//! It shares no code with the sink, neither the HTTP library nor the signing, so that a mistake in one of them is not
//! made twice.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What the receiver does with a message.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// A status with one header.
    With(u16, String),
    /// A status with a body.
    Body(u16, &'static str),
    /// 200 if the raw body has a valid signature, otherwise 400.
    Verify,
    /// Closes the connection without a response.
    Close,
    /// Never responds.
    Hang,
    /// 200, after 2 ms.
    Slow,
    /// 200, once another message waits at the same barrier.
    Meet(Arc<Barrier>),
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) raw: Vec<u8>,
    /// The decompressed body.
    pub(crate) body: Vec<u8>,
    /// Whether the response was 200.
    pub(crate) accepted: bool,
}

impl Received {
    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// The short name of the message in these tests.
    pub(crate) fn name(&self) -> String {
        crate::name(&self.json())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether one of the signatures was made with `secret` over the decompressed body.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        self.is_body_signed_with(&self.body, secret)
    }

    /// Whether one of the signatures was made with `secret` over the raw body, which most receivers verify.
    pub(crate) fn is_raw_body_signed_with(&self, secret: &str) -> bool {
        self.is_body_signed_with(&self.raw, secret)
    }

    fn is_body_signed_with(&self, body: &[u8], secret: &str) -> bool {
        let timestamp = &self.headers["webhook-timestamp"];
        let mut signed = format!("{}.{timestamp}.", self.id()).into_bytes();
        signed.extend_from_slice(body);
        let wanted = format!("v1,{}", encode(&hmac(&decode(secret), &signed)));
        let signatures = self.headers["webhook-signature"].split(' ');
        signatures.into_iter().any(|signature| signature == wanted)
    }
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    always: Option<Reply>,
    received: Vec<Received>,
    under_way: usize,
    most_under_way: usize,
}

/// A receiver; its threads end with the process.
pub(crate) struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// A receiver that follows its script and then responds with 200.
    pub(crate) fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(script, None)
    }

    /// A receiver that verifies the raw body of every message.
    pub(crate) fn that_verifies() -> Self {
        let receiver = Self::new([]);
        receiver.always(Some(Reply::Verify));
        receiver
    }

    /// A receiver with TLS.
    pub(crate) fn encrypted(config: ServerConfig) -> Self {
        Self::start([], Some(Arc::new(config)))
    }

    fn start(script: impl IntoIterator<Item = Reply>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            script: script.into_iter().collect(),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &state),
                    Some(tls) => serve(encrypt(stream, tls), &state),
                });
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Sets the response after the end of the script; `None` resets it to 200.
    pub(crate) fn always(&self, reply: Option<Reply>) {
        self.lock().always = reply;
    }

    pub(crate) fn then(&self, script: impl IntoIterator<Item = Reply>) {
        self.lock().script.extend(script);
    }

    /// All messages, in the order of arrival.
    pub(crate) fn messages(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// The names of the accepted messages, in the order of arrival.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let received = self.messages();
        let accepted = received.iter().filter(|received| received.accepted);
        accepted.map(Received::name).collect()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.lock().most_under_way
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn encrypt(stream: TcpStream, tls: Arc<ServerConfig>) -> impl Read + Write {
    StreamOwned::new(ServerConnection::new(tls).unwrap(), stream)
}

fn serve(mut stream: impl Read + Write, state: &Mutex<State>) {
    let Some((headers, raw)) = read(&mut stream) else {
        return;
    };
    let mut received = Received {
        body: inflate(&headers, &raw),
        headers,
        raw,
        accepted: false,
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        let reply = state.script.pop_front().or_else(|| state.always.clone());
        let reply = reply.unwrap_or(Reply::Status(200));
        received.accepted = match reply {
            Reply::Verify => received.is_raw_body_signed_with(crate::SECRET),
            Reply::Status(200) | Reply::Meet(_) | Reply::Slow => true,
            _ => false,
        };
        let accepted = received.accepted;
        state.received.push(received);
        match reply {
            Reply::Verify if accepted => Reply::Status(200),
            Reply::Verify => Reply::Body(400, "invalid signature"),
            reply => reply,
        }
    };
    let mut body = "";
    let (status, header) = match reply {
        Reply::Status(status) => (status, String::new()),
        Reply::Body(status, text) => {
            body = text;
            (status, String::new())
        }
        Reply::With(status, header) => (status, header + "\r\n"),
        Reply::Meet(barrier) => {
            barrier.wait();
            (200, String::new())
        }
        Reply::Slow => {
            thread::sleep(Duration::from_millis(2));
            (200, String::new())
        }
        Reply::Hang => {
            // Waits until the sender closes the connection.
            let _ = stream.read(&mut [0]);
            return;
        }
        Reply::Close | Reply::Verify => return,
    };
    // This must happen before the response, because the next message can arrive right after it.
    state.lock().unwrap().under_way -= 1;
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(answer.as_bytes());
}

fn read(stream: &mut impl Read) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|&length| length > 0)?;
    assert!(line.starts_with("POST /"), "{line}");
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}

fn inflate(headers: &BTreeMap<String, String>, raw: &[u8]) -> Vec<u8> {
    match headers.get("content-encoding").map(String::as_str) {
        None => raw.to_vec(),
        Some("gzip") => {
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(raw)
                .read_to_end(&mut body)
                .unwrap();
            body
        }
        Some("zstd") => zstd::stream::decode_all(raw).unwrap(),
        Some(other) => panic!("unexpected content encoding `{other}`"),
    }
}

/// HMAC-SHA256 as in RFC 2104, for keys that are not longer than a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> {
        let padded = key.iter().copied().chain(std::iter::repeat(0)).take(64);
        padded.map(|key| key ^ byte).collect()
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(text)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn decode(secret: &str) -> Vec<u8> {
    let text = secret.strip_prefix("whsec_").unwrap().trim_end_matches('=');
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|&known| known == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            let is_padding = digit > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(DIGITS[value as usize])
            });
        }
    }
    text
}
