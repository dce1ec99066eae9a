//! The client for Azure Blob Storage.

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, MaybeSecret, Result};
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::backend::{Backend, Provider};
use super::endpoint;
use crate::bucket::BucketOptions;
use crate::place::Unfinished;

/// The variables from which one credential is chosen, and what the client calls them.
const CREDENTIALS: [(&str, AzureConfigKey); 8] = [
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    (
        "AZURE_FEDERATED_TOKEN_FILE",
        AzureConfigKey::FederatedTokenFile,
    ),
    ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
    ("AZURE_STORAGE_SAS_TOKEN", AzureConfigKey::SasKey),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
];

/// Where a container is and how to sign in.
pub(super) struct Settings<'a> {
    container: &'a str,
    options: &'a BucketOptions,
    account: String,
}

impl<'a> Settings<'a> {
    /// Combines options and variables; options win.
    pub(super) fn new(container: &'a str, options: &'a BucketOptions) -> Result<Self> {
        let config = |text: &str| Err(Error::new(Kind::Config, text));
        let variable = options.variables.get("AZURE_STORAGE_ACCOUNT");
        let account = options.account.as_deref();
        let Some(account) = account.or(variable.map(MaybeSecret::expose)) else {
            let text = format!(
                "the storage account of container `{container}` is not known; set option `account` or the variable \
                 `AZURE_STORAGE_ACCOUNT`"
            );
            return config(&text);
        };
        if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let text = format!(
                "`{account}` is not the name of a storage account, which has only letters and digits"
            );
            return config(&text);
        }
        if let Some(endpoint) = &options.endpoint {
            endpoint::check(endpoint, options.allow_http)?;
        }
        if options.account_key.is_some() && options.sas_token.is_some() {
            return config("only one of the options `account_key` and `sas_token` can be set");
        }
        Ok(Self {
            container,
            options,
            account: account.to_owned(),
        })
    }

    fn builder(&self, http: &ClientOptions, retries: RetryConfig) -> MicrosoftAzureBuilder {
        let mut builder = MicrosoftAzureBuilder::new()
            .with_client_options(http.clone())
            .with_retry(retries)
            .with_account(&self.account)
            .with_container_name(self.container);
        if let Some(endpoint) = &self.options.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        let BucketOptions {
            account_key,
            sas_token,
            variables,
            ..
        } = self.options;
        match (account_key, sas_token) {
            (Some(key), _) => builder.with_access_key(key.expose()),
            (None, Some(token)) => builder.with_config(AzureConfigKey::SasKey, token.expose()),
            (None, None) => {
                for (name, key) in CREDENTIALS {
                    if let Some(value) = variables.get(name) {
                        builder = builder.with_config(key, value.expose());
                    }
                }
                builder
            }
        }
    }
}

impl Provider for Settings<'_> {
    fn is_plain(&self) -> bool {
        endpoint::is_plain(self.options.endpoint.as_deref())
    }

    fn server(&self) -> String {
        match &self.options.endpoint {
            Some(endpoint) => format!("endpoint `{endpoint}`"),
            None => format!("account `{}`", self.account),
        }
    }

    fn connect(&self, http: &ClientOptions, retries: RetryConfig) -> Result<Box<dyn Backend>> {
        let store = self.builder(http, retries).build();
        let store = store.map_err(|_| {
            // The library's error can quote the key.
            let text = format!(
                "cannot use the credentials for container `{}`: the account key is not Base64, or the shared access \
                 signature is not a query",
                self.container
            );
            Error::new(Kind::Config, text)
        })?;
        Ok(Box::new(Azure { store }))
    }
}

struct Azure {
    store: MicrosoftAzure,
}

#[async_trait]
impl Backend for Azure {
    fn objects(&self) -> &dyn ObjectStore {
        &self.store
    }

    fn uploads(&self) -> &dyn MultipartStore {
        &self.store
    }

    /// Always empty: blocks that never became a blob have no id and cannot be deleted. Azure drops them after a week.
    async fn unfinished(&self, _prefix: &Path) -> Result<Vec<Unfinished>, String> {
        Ok(Vec::new())
    }
}
