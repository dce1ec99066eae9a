//! The options for places on object stores, which every build accepts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fortilake_sink::{Error, Kind, Lookup, MaybeSecret, Options, Result, Secret};
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// How to reach a bucket, for a place such as `s3://BUCKET/PREFIX`. A local folder ignores all of it.
///
/// File sinks flatten it into their options. Builds without the feature `cloud` have the options too, so that a
/// configuration is either right or wrong, and only the path depends on the build.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct BucketOptions {
    /// Object stores: the URL of the server, such as `https://minio.example.com:9000`, if it is not that of AWS. Without it,
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Object stores: the region, such as `eu-central-1`. Without it, `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[serde(default)]
    pub region: Option<String>,
    /// Object stores: the id of the access key. Without it, `AWS_ACCESS_KEY_ID`, or the role of the machine or container.
    #[serde(default)]
    pub access_key_id: Option<MaybeSecret>,
    /// Object stores: the secret of the access key. Without it, `AWS_SECRET_ACCESS_KEY`.
    #[serde(default)]
    pub secret_access_key: Option<Secret>,
    /// Object stores: the session token of temporary credentials. Without it, `AWS_SESSION_TOKEN`.
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// Object stores: how the server encrypts files: `AES256`, `aws:kms` or `aws:kms:dsse`. Without it, as the bucket is
    /// configured.
    #[serde(default)]
    pub encryption: Option<Encryption>,
    /// Object stores: the KMS key for `encryption`. Without it, the account's default key.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// Object stores: a PEM file with private CAs to trust in addition to those of the system. Without it, `AWS_CA_BUNDLE`.
    #[serde(default)]
    pub ca_cert: Option<PathBuf>,
    /// Object stores: whether `endpoint` may be plain HTTP to another machine.
    #[serde(default)]
    pub allow_http: bool,
    /// Object stores: values for the standard environment variables of the store, such as `{ AWS_ROLE_ARN = "…" }`. They
    /// take precedence over the environment.
    #[serde(default)]
    pub variables: BTreeMap<String, MaybeSecret>,
}

/// How the server encrypts files, by the names that S3 uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encryption {
    /// With keys of S3.
    #[serde(rename = "AES256")]
    Aes256,
    /// With a key in KMS.
    #[serde(rename = "aws:kms")]
    Kms,
    /// Twice, with a key in KMS.
    #[serde(rename = "aws:kms:dsse")]
    DoubleKms,
}

impl Encryption {
    /// The name that S3 uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "aws:kms",
            Self::DoubleKms => "aws:kms:dsse",
        }
    }
}

/// The variables that S3's own tools read, as far as they are supported.
const VARIABLES: [&str; 15] = [
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

/// The variables that may not be written in plain text.
const SECRET: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The scheme of a place that is not a local folder, such as `s3`.
pub fn scheme(path: &str) -> Option<&str> {
    path.split_once("://").map(|(scheme, _)| scheme)
}

/// The environment variables that a place at `path` uses; none for a local folder.
///
/// The caller passes those that are set in [`BucketOptions::variables`], because only it reads the environment.
pub fn variables(path: &str) -> &'static [&'static str] {
    match scheme(path) {
        Some("s3") => &VARIABLES,
        _ => &[],
    }
}

impl BucketOptions {
    /// The options for the bucket among the options of a sink, with secrets looked up.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a wrong option, and the kind of `lookup`'s error.
    pub fn resolve(options: &Map<String, Value>, lookup: &Lookup<'_>) -> Result<Self> {
        let schema = schema_for!(Self);
        let properties = schema.as_value().get("properties");
        let is_ours = |name: &str| properties.is_some_and(|all| all.get(name).is_some());
        let options = options.iter().filter(|(name, _)| is_ours(name));
        let options: Options = options
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        options.resolve(&schema, lookup)?.parse()
    }

    /// Refuses unknown variables, and secrets in plain text.
    pub(crate) fn check(&self) -> Result<()> {
        let config = |text: String| Err(Error::new(Kind::Config, text));
        for (name, value) in &self.variables {
            if !VARIABLES.contains(&name.as_str()) {
                let guess = fortilake_sink::nearest(name, VARIABLES);
                let guess =
                    guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"));
                return config(format!(
                    "option `variables` has the unknown variable `{name}`{guess}"
                ));
            }
            if SECRET.contains(&name.as_str()) && !value.is_secret() {
                return config(format!(
                    "`{name}` in option `variables` is a secret and cannot be written in plain text; use \
                     {{ env = … }}, {{ file = … }} or {{ command = […] }}"
                ));
            }
        }
        if self.kms_key_id.is_some() && matches!(self.encryption, None | Some(Encryption::Aes256)) {
            let text = "option `kms_key_id` needs `encryption` to be `aws:kms` or `aws:kms:dsse`";
            return config(text.to_owned());
        }
        Ok(())
    }
}
