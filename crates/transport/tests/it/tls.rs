//! Tests of encrypted exchanges, and of which certificates are trusted.
//!
//! The certificates next to this file are for `localhost`, signed by a CA of their own. The CA's
//! key was deleted.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::Arc,
    thread,
};

use fortilake_transport::{Kind, NetworkConfig};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{chain, config, ping};

/// Serves one connection on a free port. Returns the port.
fn serve() -> u16 {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("certs/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("certs/server.key.pem")).unwrap();
    serve_as(certificate, key)
}

/// Serves one connection with this certificate. Returns the port.
pub(crate) fn serve_as(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(tls)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        // A client that rejects the certificate closes the connection here.
        if stream.read(&mut [0; 4096]).is_ok() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong";
            drop(stream.write_all(answer));
        }
    });
    port
}

fn authority() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/certs/authority.pem")
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_named() {
    let config = NetworkConfig {
        ca_cert: Some(authority()),
        ..config()
    };
    let answer = ping(config, &format!("https://localhost:{}/", serve()))
        .await
        .unwrap();
    assert_eq!(answer.body, "pong");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_with_advice() {
    let error = ping(config(), &format!("https://localhost:{}/", serve()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", chain(&error));
    assert_eq!(
        error.to_string(),
        "the certificate of `localhost` is self-signed or signed by an unknown CA; if you trust \
         it, set `ca_cert` to a file that contains the certificate of the server or of the CA"
    );
}

#[tokio::test]
async fn another_name_is_refused() {
    let config = NetworkConfig {
        ca_cert: Some(authority()),
        ..config()
    };
    let error = ping(config, &format!("https://127.0.0.1:{}/", serve()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", chain(&error));
    assert_eq!(
        error.to_string(),
        "the certificate of `127.0.0.1` was issued for another name"
    );
}

#[tokio::test]
async fn anything_goes_when_spelled_out() {
    let config = NetworkConfig {
        insecure_tls: true,
        ..config()
    };
    let answer = ping(config, &format!("https://localhost:{}/", serve()))
        .await
        .unwrap();
    assert_eq!(answer.body, "pong");
}

#[tokio::test]
async fn an_unusable_ca_cert_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    for path in [
        PathBuf::from("/nonexistent/ca.pem"),
        empty.path().to_owned(),
    ] {
        let config = NetworkConfig {
            ca_cert: Some(path.clone()),
            ..config()
        };
        let error = ping(config, "https://localhost:1/").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        let expected = format!("cannot read `ca_cert` from `{}`", path.display());
        assert_eq!(error.to_string(), expected);
    }
}
