//! Tests of self-signed certificates.

use std::io::Write as _;

use fortilake_transport::{Error, Kind, NetworkConfig, Response};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;

use crate::{chain, config, ping, tls::serve_as};

/// A certificate for `localhost` and its key.
struct Server {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn params() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).unwrap()
}

/// A self-signed certificate as most appliances create it.
fn plain() -> CertificateParams {
    let mut params = params();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// A self-signed certificate that is marked as a CA, as many other appliances create it.
fn authority() -> CertificateParams {
    let mut params = params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn ended(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

fn future(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(3000, 1, 1);
    params.not_after = date_time_ymd(3001, 1, 1);
    params
}

impl Server {
    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    fn signed_by_an_authority(params: &CertificateParams) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority(), KeyPair::generate().unwrap());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer.unwrap()).unwrap();
        Self { certificate, key }
    }

    /// Calls the server under this name, with or without its own certificate as `ca_cert`.
    async fn ping(&self, name: &str, ca_cert: Option<&Self>) -> Result<Response, Error> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let port = serve_as(self.certificate.der().clone(), key);
        let file = ca_cert.map(|server| {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(server.certificate.pem().as_bytes()).unwrap();
            file
        });
        let config = NetworkConfig {
            ca_cert: file.as_ref().map(|file| file.path().to_owned()),
            ..config()
        };
        ping(config, &format!("https://{name}:{port}/")).await
    }

    /// Calls a server that must be rejected, and returns the reason.
    async fn refusal(&self, name: &str, ca_cert: Option<&Self>) -> String {
        let error = self.ping(name, ca_cert).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Tls, "{}", chain(&error));
        error.to_string()
    }
}

#[tokio::test]
async fn a_self_made_certificate_is_refused_with_advice() {
    assert_eq!(
        Server::self_signed(&plain())
            .refusal("localhost", None)
            .await,
        "the certificate of `localhost` is self-signed or signed by an unknown CA; if you trust \
         it, set `ca_cert` to a file that contains the certificate of the server or of the CA"
    );
    assert_eq!(
        Server::self_signed(&authority())
            .refusal("localhost", None)
            .await,
        "`localhost` uses a self-signed certificate; if you trust it, set `ca_cert` to a file \
         that contains it"
    );
}

#[tokio::test]
async fn a_self_made_certificate_is_trusted_when_named() {
    for server in [
        Server::self_signed(&plain()),
        Server::self_signed(&params()),
        Server::self_signed(&authority()),
        Server::signed_by_an_authority(&plain()),
        Server::signed_by_an_authority(&authority()),
    ] {
        let answer = server.ping("localhost", Some(&server)).await.unwrap();
        assert_eq!(answer.body, "pong");
    }
}

#[tokio::test]
async fn another_certificate_of_the_same_name_is_refused() {
    for params in [plain(), authority()] {
        let (server, named) = (Server::self_signed(&params), Server::self_signed(&params));
        server.refusal("localhost", Some(&named)).await;
    }
}

#[tokio::test]
async fn a_named_certificate_needs_the_right_name() {
    for server in [
        Server::self_signed(&plain()),
        Server::self_signed(&authority()),
        Server::signed_by_an_authority(&plain()),
    ] {
        assert_eq!(
            server.refusal("127.0.0.1", Some(&server)).await,
            "the certificate of `127.0.0.1` was issued for another name"
        );
    }
}

#[tokio::test]
async fn a_named_certificate_that_has_ended_is_refused() {
    for server in [
        Server::self_signed(&ended(plain())),
        Server::self_signed(&ended(authority())),
        Server::signed_by_an_authority(&ended(plain())),
    ] {
        assert_eq!(
            server.refusal("localhost", Some(&server)).await,
            "the certificate of `localhost` has expired; if it has not, this machine's clock is wrong"
        );
    }
}

#[tokio::test]
async fn a_named_certificate_that_is_not_valid_yet_is_refused() {
    for server in [
        Server::self_signed(&future(plain())),
        Server::self_signed(&future(authority())),
        Server::signed_by_an_authority(&future(plain())),
    ] {
        assert_eq!(
            server.refusal("localhost", Some(&server)).await,
            "the certificate of `localhost` is not valid yet; most likely this machine's clock is \
             slow"
        );
    }
}
