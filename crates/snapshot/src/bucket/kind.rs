//! The kinds of object stores, with the options and variables that only one of them has.

use super::BucketOptions;

/// A kind of object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// S3, and stores that speak its protocol.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Gcs,
}

impl StoreKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Gcs];

    /// The kind for the scheme of a URL.
    pub(crate) fn of(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.scheme() == scheme)
    }

    /// The scheme of the URLs of places.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Gcs => "gs",
        }
    }

    /// The form of the URLs of places.
    pub(crate) fn form(self) -> &'static str {
        match self {
            Self::S3 => "s3://BUCKET/PREFIX",
            Self::Azure => "az://CONTAINER/PREFIX",
            Self::Gcs => "gs://BUCKET/PREFIX",
        }
    }

    /// The variables that the store's own tools read, as far as they are supported.
    pub(crate) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &S3_VARIABLES,
            Self::Azure => &AZURE_VARIABLES,
            Self::Gcs => &GCS_VARIABLES,
        }
    }
}

const S3_VARIABLES: [&str; 15] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

const AZURE_VARIABLES: [&str; 9] = [
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_TENANT_ID",
    "IDENTITY_ENDPOINT",
];

const GCS_VARIABLES: [&str; 2] = [
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
];

/// The variables that may not be written in plain text.
pub(super) const SECRET_VARIABLES: [&str; 6] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
];

/// An option that is set and that stores of `kind` do not have.
pub(super) fn foreign_option(options: &BucketOptions, kind: StoreKind) -> Option<&'static str> {
    use StoreKind::{Azure, Gcs, S3};
    let BucketOptions {
        region,
        access_key_id,
        secret_access_key,
        session_token,
        encryption,
        kms_key_id,
        account,
        account_key,
        sas_token,
        service_account_key,
        endpoint: _,
        ca_cert: _,
        allow_http: _,
        variables: _,
    } = options;
    let options = [
        ("region", region.is_some(), S3),
        ("access_key_id", access_key_id.is_some(), S3),
        ("secret_access_key", secret_access_key.is_some(), S3),
        ("session_token", session_token.is_some(), S3),
        ("encryption", encryption.is_some(), S3),
        ("kms_key_id", kms_key_id.is_some(), S3),
        ("account", account.is_some(), Azure),
        ("account_key", account_key.is_some(), Azure),
        ("sas_token", sas_token.is_some(), Azure),
        ("service_account_key", service_account_key.is_some(), Gcs),
    ];
    let foreign = options
        .iter()
        .find(|(_, is_set, of)| *is_set && *of != kind);
    foreign.map(|(name, ..)| *name)
}
