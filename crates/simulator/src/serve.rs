//! The simulator on a port, where network faults are real.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::simulator::{SimulatedResponse, Simulator, flooded};

/// The maximum size of a request body that is read, in bytes.
const MAX_REQUEST: usize = 16 << 20;
/// Bodies of at least this size are compressed if the client accepts that.
const MIN_COMPRESSED: usize = 1 << 10;
/// How many bytes of a flood are produced at a time.
const FLOOD: &[u8] = &[b'['; 64 << 10];
/// How long to wait before breaking off a body. Without this pause, the error would overtake the
/// bytes before it.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

impl Simulator {
    /// The simulator as a router that can be mounted or called directly.
    ///
    /// A router has to answer, so a connection reset becomes a body that fails immediately.
    /// [`Simulator::serve`] resets the connection for real.
    pub fn router(&self) -> Router {
        let simulator = self.clone();
        Router::new().fallback(move |request: Request| async move {
            let answered = simulator.respond(request).await;
            Ok::<_, Infallible>(
                answered.unwrap_or_else(|error| Response::new(broken(Bytes::new(), error.kind()))),
            )
        })
    }

    /// Serves on a port until `shutdown` resolves, and then closes all open connections.
    ///
    /// A reset closes the connection without a response. A cut body announces more bytes than it
    /// sends.
    ///
    /// # Errors
    ///
    /// Fails if the listener fails. Errors on single connections are ignored.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    connections.spawn(self.clone().connection(stream));
                }
                // Finished connections are removed, so that a long run doesn't accumulate them.
                Some(_) = connections.join_next() => {}
            }
        }
        connections.shutdown().await;
        Ok(())
    }

    async fn connection(self, stream: TcpStream) {
        // Answers are small and clients wait for them, so they are sent without delay.
        let _ = stream.set_nodelay(true);
        let service = tower::service_fn(move |request: http::Request<_>| {
            let simulator = self.clone();
            async move { simulator.respond(request.map(Body::new)).await }
        });
        let served = auto::Builder::new(TokioExecutor::new())
            // With HTTP/2, a reset would only end a stream instead of the connection.
            .http1_only()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .await;
        if let Err(error) = served {
            tracing::debug!(error, "connection ended");
        }
    }

    /// Answers a call on a connection. An error closes the connection instead.
    async fn respond(&self, request: Request) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let compress = accepts_gzip(&parts.headers);
        let body = Limited::new(body, MAX_REQUEST).collect().await;
        let body = body.map_err(io::Error::other)?.to_bytes();
        match self.answer(http::Request::from_parts(parts, body)).await {
            SimulatedResponse::Whole(response) if compress => compressed(response),
            SimulatedResponse::Whole(response) => Ok(response.map(Body::from)),
            SimulatedResponse::Cut(response) => Ok(cut(response)),
            SimulatedResponse::Flood(bytes) => Ok(flooded(flood(bytes))),
            SimulatedResponse::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            SimulatedResponse::Silence => std::future::pending().await,
        }
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().replace(' ', "").to_ascii_lowercase());
    codings
        .any(|coding| coding == "gzip" || (coding.starts_with("gzip;") && !coding.ends_with("q=0")))
}

fn compressed(response: Response<Bytes>) -> io::Result<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    if body.len() < MIN_COMPRESSED {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&body)?;
    let gzip = HeaderValue::from_static("gzip");
    parts.headers.insert(header::CONTENT_ENCODING, gzip);
    Ok(Response::from_parts(parts, Body::from(encoder.finish()?)))
}

/// A body that announces its full length and sends half of it.
fn cut(response: Response<Bytes>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    // One byte more than the body has, so that the client notices the missing end even if all bytes
    // arrive.
    let announced = HeaderValue::from(body.len() + 1);
    parts.headers.insert(header::CONTENT_LENGTH, announced);
    let half = body.slice(..body.len() / 2);
    Response::from_parts(parts, broken(half, io::ErrorKind::UnexpectedEof))
}

/// A body that fails after its first bytes.
fn broken(head: Bytes, error: io::ErrorKind) -> Body {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    // The task ends after the pause, or when the connection drops the body.
    tokio::spawn(async move {
        if sender.send_data(head).await.is_ok() {
            tokio::time::sleep(BEFORE_BREAK).await;
            sender.abort(error.into());
        }
    });
    Body::new(body)
}

fn flood(bytes: u64) -> Body {
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    // The task ends when everything is sent, or when the connection drops the body.
    tokio::spawn(async move {
        let mut left = bytes;
        while left > 0 {
            let length = usize::try_from(left).map_or(FLOOD.len(), |left| left.min(FLOOD.len()));
            if sender
                .send_data(Bytes::from_static(&FLOOD[..length]))
                .await
                .is_err()
            {
                break;
            }
            left -= length as u64;
        }
    });
    Body::new(body)
}
