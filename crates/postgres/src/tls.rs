//! Which certificates are trusted.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::{Error, Kind, Result};

/// The CAs of `ca_cert`, or those of the system. The host name is verified in both cases.
///
/// A private CA replaces the system's CAs, as `sslrootcert` does in other clients. A database usually has its own CA,
/// and then no other one should be able to issue a certificate for it.
pub(crate) fn config(ca_cert: Option<&Path>) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match ca_cert {
        Some(path) => builder.with_root_certificates(authorities(path)?),
        None => builder.with_platform_verifier().map_err(unusable)?,
    };
    Ok(builder.with_no_client_auth())
}

fn authorities(path: &Path) -> Result<RootCertStore> {
    let pem = fs::read(path).map_err(|error| {
        let text = format!("cannot read `{}`", path.display());
        Error::new(Kind::Config, text).with_source(error)
    })?;
    let wrong = |reason: String| {
        let text = format!("`{}` is not a PEM file with certificates", path.display());
        Error::new(Kind::Config, text).with_source(reason)
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it contains no certificate".to_owned()));
    }
    Ok(roots)
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(Kind::Config, "cannot set up TLS").with_source(error)
}
