//! Which certificates are trusted in addition to the system's CAs.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError,
    RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use rustls_platform_verifier::Verifier;

use crate::{Error, Kind, Result};

const UNKNOWN_ISSUER: TlsError = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);

/// The certificates from `ca_cert`.
#[derive(Debug)]
pub(super) struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let unreadable = |cause: String| {
            let message = format!("cannot read `ca_cert` from `{}`", path.display());
            Error::new(Kind::Config, message).because(cause)
        };
        let pem = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unreadable("the file contains no certificate".to_owned()));
        }
        Ok(Self(certificates))
    }

    /// Builds a TLS configuration that trusts these certificates in addition to the system's CAs.
    pub(super) fn tls(&self, provider: &Arc<CryptoProvider>) -> Result<ClientConfig, TlsError> {
        let verifier = PinnedVerifier {
            system: Verifier::new_with_extra_roots(self.0.iter().cloned(), Arc::clone(provider))?,
            certificates: self.0.clone(),
            provider: Arc::clone(provider),
        };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// A verifier that trusts the system's CAs, and servers that present one of the pinned
/// certificates.
///
/// Many appliances create a self-signed certificate that is marked as a CA. The usual rules don't
/// allow a CA certificate as a server certificate, no matter whether it is trusted. So if the
/// presented certificate is, byte by byte, one from `ca_cert`, the issuer is not checked. The name
/// and the dates are.
#[derive(Debug)]
struct PinnedVerifier {
    system: Verifier,
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl PinnedVerifier {
    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        verify_server_name(&parsed, name)?;
        let nobody = RootCertStore::empty();
        let algorithms = self.provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], now, algorithms) {
            // The issuer is the only thing that may be wrong. The library checks it after the
            // dates, so reaching this error means that the dates are valid; tests make sure that
            // this stays true.
            Err(error) if is_authority(&error) || error == UNKNOWN_ISSUER => Ok(()),
            result => result,
        }
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.certificates.contains(end_entity) {
            self.verify(end_entity, server_name, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.system
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.system
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.system
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

/// Whether the error is that a CA certificate was used as a server certificate.
pub(super) fn is_authority(error: &TlsError) -> bool {
    let TlsError::InvalidCertificate(CertificateError::Other(OtherError(error))) = error else {
        return false;
    };
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
