//! Receivers over TLS.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::*;

/// A receiver whose certificate is signed by a private CA, and the certificate of that CA as PEM.
fn private() -> (Receiver, String) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Receiver::encrypted(config), authority.pem())
}

#[tokio::test]
async fn a_private_ca_is_trusted_if_it_is_configured() {
    let (receiver, authority) = private();
    let url = receiver.url("/hook").replace("http:", "https:");

    let sender = Sender::to(&receiver).with("url", url.as_str());
    let error = sender.deliver(&[]).await.unwrap_err();
    assert!(
        told(&error).contains("invalid peer certificate"),
        "{}",
        told(&error)
    );
    assert!(receiver.messages().is_empty());

    let file = sender.folder.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();
    sender
        .with("ca_cert", file.to_str())
        .deliver(&[])
        .await
        .unwrap();
    assert!(receiver.messages()[0].is_signed_with(SECRET));
}
