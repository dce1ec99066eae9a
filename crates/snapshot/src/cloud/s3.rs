//! The client for S3 and for stores that speak its protocol.

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, MaybeSecret, Result, Secret};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer};
use object_store::client::HttpRequest;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::backend::{Backend, Provider};
use super::endpoint;
use super::error::explain;
use super::unfinished::UploadList;
use crate::bucket::BucketOptions;
use crate::place::Unfinished;

/// The region for servers that have none. S3's protocol needs one for signatures.
const ANY_REGION: &str = "us-east-1";

/// Where a bucket is and how to sign in.
pub(super) struct Settings<'a> {
    bucket: &'a str,
    options: &'a BucketOptions,
    /// The URL of a server that is not AWS.
    endpoint: Option<String>,
    region: String,
}

impl<'a> Settings<'a> {
    /// Combines options and variables; options win.
    pub(super) fn new(bucket: &'a str, options: &'a BucketOptions) -> Result<Self> {
        let variable = |name: &str| options.variables.get(name).map(MaybeSecret::expose);
        let text = |value: Option<&str>| value.map(str::to_owned);
        let endpoint = options.endpoint.as_deref();
        let endpoint = endpoint.or_else(|| variable("AWS_ENDPOINT_URL_S3"));
        let endpoint = text(endpoint.or_else(|| variable("AWS_ENDPOINT_URL")));
        if let Some(endpoint) = &endpoint {
            endpoint::check(endpoint, options.allow_http)?;
        }
        let region = options.region.as_deref();
        let region = region.or_else(|| variable("AWS_REGION"));
        let region = text(region.or_else(|| variable("AWS_DEFAULT_REGION")));
        let region = match (region, &endpoint) {
            (Some(region), _) => region,
            (None, Some(_)) => ANY_REGION.to_owned(),
            (None, None) => {
                let text = format!(
                    "the region of bucket `{bucket}` is not known; set option `region` or the variable `AWS_REGION`"
                );
                return Err(Error::new(Kind::Config, text));
            }
        };
        Ok(Self {
            bucket,
            options,
            endpoint,
            region,
        })
    }

    fn builder(&self, http: &ClientOptions, retries: RetryConfig) -> Result<AmazonS3Builder> {
        let mut builder = AmazonS3Builder::new()
            .with_client_options(http.clone())
            .with_retry(retries)
            .with_bucket_name(self.bucket)
            .with_region(&self.region)
            // Few stores but S3 have the request that deletes many files at once.
            .with_disable_bulk_delete(true);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        for (name, value) in self.variables() {
            let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().map_err(|_| {
                let text = format!("the variable `{name}` is not supported");
                Error::new(Kind::Config, text)
            })?;
            builder = builder.with_config(key, value);
        }
        let BucketOptions {
            encryption,
            kms_key_id,
            ..
        } = self.options;
        let credentials = Credentials::of(self.options)?;
        if let Some(id) = credentials.id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(secret) = credentials.secret {
            builder = builder.with_secret_access_key(secret);
        }
        if let Some(token) = credentials.token {
            builder = builder.with_token(token);
        }
        if let Some(encryption) = encryption {
            builder = with(builder, "aws_server_side_encryption", encryption.name());
        }
        if let Some(key) = kms_key_id {
            builder = with(builder, "aws_sse_kms_key_id", key);
        }
        Ok(builder)
    }

    /// The variables for the client, without those that are evaluated here.
    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.options.variables.iter();
        let variables = variables.filter(|(name, _)| !EVALUATED.contains(&name.as_str()));
        variables.map(|(name, value)| (name.as_str(), value.expose()))
    }
}

impl Provider for Settings<'_> {
    fn is_plain(&self) -> bool {
        endpoint::is_plain(self.endpoint.as_deref())
    }

    fn server(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("endpoint `{endpoint}`"),
            None => format!("region `{}`", self.region),
        }
    }

    fn connect(&self, http: &ClientOptions, retries: RetryConfig) -> Result<Box<dyn Backend>> {
        let store = self.builder(http, retries)?.build();
        let store = store.map_err(|error| {
            let text = format!("cannot use bucket `{}`", self.bucket);
            Error::new(Kind::Config, text).with_source(explain(&error).1)
        })?;
        let url = match &self.endpoint {
            Some(endpoint) => format!("{}/{}", endpoint.trim_end_matches('/'), self.bucket),
            None => format!("https://s3.{}.amazonaws.com/{}", self.region, self.bucket),
        };
        Ok(Box::new(S3 {
            store,
            list: UploadList::new(http, url)?,
            region: self.region.clone(),
        }))
    }
}

/// The variables that options replace.
const EVALUATED: [&str; 8] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// An access key; without one, the client asks the machine or container for the credentials of its role.
struct Credentials<'a> {
    id: Option<&'a str>,
    secret: Option<&'a str>,
    token: Option<&'a str>,
}

impl<'a> Credentials<'a> {
    /// If an option names a part of the key, none is taken from the variables, because the parts of two keys do not fit together.
    fn of(options: &'a BucketOptions) -> Result<Self> {
        let variable = |name: &str| options.variables.get(name).map(MaybeSecret::expose);
        let of_options = Self {
            id: options.access_key_id.as_ref().map(MaybeSecret::expose),
            secret: options.secret_access_key.as_ref().map(Secret::expose),
            token: options.session_token.as_ref().map(Secret::expose),
        };
        let found = match of_options {
            Self {
                id: None,
                secret: None,
                token: None,
            } => Self {
                id: variable("AWS_ACCESS_KEY_ID"),
                secret: variable("AWS_SECRET_ACCESS_KEY"),
                token: variable("AWS_SESSION_TOKEN"),
            },
            found => found,
        };
        let missing = match (found.id, found.secret) {
            (Some(_), None) => "an id and no secret; set option `secret_access_key`",
            (None, Some(_)) => "a secret and no id; set option `access_key_id`",
            (None, None) if found.token.is_some() => {
                "only a session token; set option `access_key_id`"
            }
            _ => return Ok(found),
        };
        Err(Error::new(
            Kind::Config,
            format!("the access key has {missing}"),
        ))
    }
}

fn with(builder: AmazonS3Builder, key: &str, value: &str) -> AmazonS3Builder {
    match key.parse() {
        Ok(key) => builder.with_config(key, value),
        Err(_) => builder,
    }
}

struct S3 {
    store: AmazonS3,
    list: UploadList,
    region: String,
}

#[async_trait]
impl Backend for S3 {
    fn objects(&self) -> &dyn ObjectStore {
        &self.store
    }

    fn uploads(&self) -> &dyn MultipartStore {
        &self.store
    }

    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String> {
        let credential = self.store.credentials().get_credential().await;
        let credential = credential.map_err(|error| explain(&error).1)?;
        let signer = AwsAuthorizer::new(&credential, "s3", &self.region);
        let sign = |request: &mut HttpRequest| {
            let authorized = signer.try_authorize(request, None);
            authorized.map_err(|error| explain(&error).1)
        };
        self.list.read(prefix, &sign).await
    }
}
