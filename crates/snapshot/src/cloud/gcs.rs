//! The client for Google Cloud Storage.

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, MaybeSecret, Result};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use object_store::client::HttpRequest;
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, RetryConfig};

use super::backend::{Backend, Provider};
use super::endpoint;
use super::error::explain;
use super::unfinished::UploadList;
use crate::bucket::BucketOptions;
use crate::place::Unfinished;

/// Google's server.
const SERVER: &str = "https://storage.googleapis.com";

/// Where a bucket is and how to sign in.
pub(super) struct Settings<'a> {
    bucket: &'a str,
    options: &'a BucketOptions,
}

impl<'a> Settings<'a> {
    /// Checks the options.
    pub(super) fn new(bucket: &'a str, options: &'a BucketOptions) -> Result<Self> {
        if let Some(endpoint) = &options.endpoint {
            endpoint::check(endpoint, options.allow_http)?;
        }
        Ok(Self { bucket, options })
    }

    fn endpoint(&self) -> &str {
        let endpoint = self.options.endpoint.as_deref();
        endpoint.unwrap_or(SERVER).trim_end_matches('/')
    }

    fn builder(&self, http: &ClientOptions, retries: RetryConfig) -> GoogleCloudStorageBuilder {
        let variable = |name: &str| self.options.variables.get(name).map(MaybeSecret::expose);
        let builder = GoogleCloudStorageBuilder::new()
            .with_client_options(http.clone())
            .with_retry(retries)
            .with_bucket_name(self.bucket)
            // A key can contain another server, which would not have been checked.
            .with_base_url(self.endpoint());
        if let Some(key) = &self.options.service_account_key {
            return builder.with_service_account_key(key.expose());
        }
        if let Some(token) = variable("CLOUDSDK_AUTH_ACCESS_TOKEN") {
            return builder.with_bearer_token(token);
        }
        match variable("GOOGLE_APPLICATION_CREDENTIALS") {
            Some(path) => builder.with_application_credentials(path),
            None => builder,
        }
    }
}

impl Provider for Settings<'_> {
    fn is_plain(&self) -> bool {
        endpoint::is_plain(self.options.endpoint.as_deref())
    }

    fn server(&self) -> String {
        format!("endpoint `{}`", self.endpoint())
    }

    fn connect(&self, http: &ClientOptions, retries: RetryConfig) -> Result<Box<dyn Backend>> {
        let store = self.builder(http, retries).build();
        let store = store.map_err(|_| {
            // The library's error can quote the key.
            let text = format!(
                "cannot use the credentials for bucket `{}`: they are neither the key of a service account nor what \
                 `gcloud auth application-default login` stores; check option `service_account_key` or the file that \
                 `GOOGLE_APPLICATION_CREDENTIALS` names",
                self.bucket
            );
            Error::new(Kind::Config, text)
        })?;
        let url = format!("{}/{}", self.endpoint(), self.bucket);
        Ok(Box::new(Gcs {
            store,
            list: UploadList::new(http, url)?,
        }))
    }
}

struct Gcs {
    store: GoogleCloudStorage,
    list: UploadList,
}

#[async_trait]
impl Backend for Gcs {
    fn objects(&self) -> &dyn ObjectStore {
        &self.store
    }

    fn uploads(&self) -> &dyn MultipartStore {
        &self.store
    }

    async fn unfinished(&self, prefix: &Path) -> Result<Vec<Unfinished>, String> {
        let credential = self.store.credentials().get_credential().await;
        let credential = credential.map_err(|error| explain(&error).1)?;
        let value = format!("Bearer {}", credential.bearer);
        let value = HeaderValue::try_from(value).map_err(|_| "the token is not valid")?;
        let sign = |request: &mut HttpRequest| -> Result<(), String> {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            Ok(())
        };
        self.list.read(prefix, &sign).await
    }

    /// The generation. The store has `ETag`s, but no condition on them for writes.
    fn tag(&self, object: &ObjectMeta) -> Option<String> {
        object.version.clone()
    }
}
