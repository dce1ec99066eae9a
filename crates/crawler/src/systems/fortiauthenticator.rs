//! FortiAuthenticator: its tokens, and the counters of its FortiToken Mobile licenses.

mod facts;
mod planner;
mod probe;

use async_trait::async_trait;
use fortilake_client::{self as client, Client};

use self::planner::FortiAuthenticatorPlanner;
use super::{ApiKey, Check, ConnectionConfig, Definition, Estimate, Planner};
use crate::{Facts, Names, Result, Settings, due::Due};

/// The endpoint that identifies the unit.
const UNIT: &str = "authenticator/systeminfo";
/// The endpoint with the license counters.
const COUNTERS: &str = "authenticator/fortitokenmobilelicenses";
/// The endpoint that lists tokens.
const TOKENS: &str = "authenticator/fortitokens";

pub(crate) struct FortiAuthenticator;

#[async_trait]
impl Definition for FortiAuthenticator {
    fn name(&self) -> &'static str {
        "fortiauthenticator"
    }

    fn endpoints(&self, _: &Settings) -> Vec<&'static str> {
        vec![COUNTERS, TOKENS]
    }

    fn planner(&self, settings: Settings, _due: Option<Due>) -> Box<dyn Planner> {
        Box::new(FortiAuthenticatorPlanner::new(settings.source))
    }

    fn facts(&self, endpoint: &str, page: &str, _: Names) -> serde_json::Result<Facts> {
        facts::read(endpoint, page)
    }

    fn api_key(&self) -> ApiKey {
        ApiKey::ReplacesPassword
    }

    fn client_config(&self, connection: ConnectionConfig) -> Option<client::Config> {
        let url = connection.api_url?;
        Some(client::Config::authenticator(url, connection.credentials))
    }

    async fn check(&self, client: &Client) -> Check {
        probe::check(client).await
    }

    async fn estimate(&self, _: &Client, _: &Settings) -> Result<Estimate> {
        Ok(probe::estimate())
    }
}
