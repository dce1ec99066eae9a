//! The options for places on object stores, which every build accepts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fortilake_sink::{Error, Kind, Lookup, MaybeSecret, Options, Result, Secret};
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod kind;
#[cfg(test)]
mod tests;

use self::kind::SECRET_VARIABLES;
pub(crate) use self::kind::StoreKind;

/// How to reach a bucket, for a place such as `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `gs://BUCKET/PREFIX`. A
/// local folder ignores all of it.
///
/// File sinks flatten it into their options. Builds without the feature `cloud` have the options too, so that a
/// configuration is either right or wrong, and only the path depends on the build.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct BucketOptions {
    /// Object stores: the URL of the server, such as `https://minio.example.com:9000`, if it is not that of the provider.
    /// Without it, for S3, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// S3: the region, such as `eu-central-1`. Without it, `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[serde(default)]
    pub region: Option<String>,
    /// S3: the id of the access key. Without it, `AWS_ACCESS_KEY_ID`, or the role of the machine or container.
    #[serde(default)]
    pub access_key_id: Option<MaybeSecret>,
    /// S3: the secret of the access key. Without it, `AWS_SECRET_ACCESS_KEY`.
    #[serde(default)]
    pub secret_access_key: Option<Secret>,
    /// S3: the session token of temporary credentials. Without it, `AWS_SESSION_TOKEN`.
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// S3: how the server encrypts files: `AES256`, `aws:kms` or `aws:kms:dsse`. Without it, the bucket's configuration
    /// decides.
    #[serde(default)]
    pub encryption: Option<Encryption>,
    /// S3: the KMS key for `encryption`. Without it, the account's default key.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// Azure: the name of the storage account. Without it, `AZURE_STORAGE_ACCOUNT`.
    #[serde(default)]
    pub account: Option<String>,
    /// Azure: the key of the storage account. Without it, `AZURE_STORAGE_KEY`, or another credential of the environment.
    #[serde(default)]
    pub account_key: Option<Secret>,
    /// Azure: a shared access signature. Without it, `AZURE_STORAGE_SAS_TOKEN`.
    #[serde(default)]
    pub sas_token: Option<Secret>,
    /// Google Cloud Storage: the key of a service account, as JSON. Without it, the file that
    /// `GOOGLE_APPLICATION_CREDENTIALS` names, or the service account of the machine.
    #[serde(default)]
    pub service_account_key: Option<Secret>,
    /// Object stores: a PEM file with private CAs to trust in addition to those of the system. Without it,
    /// for S3, `AWS_CA_BUNDLE`.
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

/// The scheme of a place that is not a local folder, such as `s3`.
pub fn scheme(path: &str) -> Option<&str> {
    path.split_once("://").map(|(scheme, _)| scheme)
}

/// The environment variables that a place at `path` uses; none for a local folder.
///
/// The caller passes those that are set in [`BucketOptions::variables`], because only it reads the environment.
pub fn variables(path: &str) -> &'static [&'static str] {
    let kind = scheme(path).and_then(StoreKind::of);
    kind.map_or(&[], StoreKind::variables)
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

    /// Refuses options and variables that stores of `kind` do not have, and secrets in plain text.
    pub(crate) fn check(&self, kind: StoreKind) -> Result<()> {
        let config = |text: String| Err(Error::new(Kind::Config, text));
        let scheme = kind.scheme();
        if let Some(name) = kind::foreign_option(self, kind) {
            return config(format!("option `{name}` does not apply to `{scheme}://`"));
        }
        for (name, value) in &self.variables {
            if !kind.variables().contains(&name.as_str()) {
                let guess = fortilake_sink::nearest(name, kind.variables().iter().copied());
                let guess =
                    guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"));
                return config(format!(
                    "option `variables` has the variable `{name}`, which is unknown for `{scheme}://`{guess}"
                ));
            }
            if SECRET_VARIABLES.contains(&name.as_str()) && !value.is_secret() {
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
