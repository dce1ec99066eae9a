//! FortiPortal: the portal that a service provider runs for its customers.

mod facts;
mod planner;
mod probe;

use async_trait::async_trait;
use fortilake_client::{self as client, Client};

use self::planner::FortiPortalPlanner;
use super::{ApiKey, Check, ConnectionConfig, Definition, Estimate, Planner};
use crate::{Facts, Names, Result, Settings, due::Due};

const ORGANIZATIONS: &str = "portal/account/organizations";
const SITES: &str = "portal/device/site/customer";
const VDOMS: &str = "portal/device/vdom/site";

pub(crate) struct FortiPortal;

#[async_trait]
impl Definition for FortiPortal {
    fn name(&self) -> &'static str {
        "fortiportal"
    }

    fn endpoints(&self, _: &Settings) -> Vec<&'static str> {
        vec![ORGANIZATIONS, SITES, VDOMS]
    }

    fn planner(&self, settings: Settings, _due: Option<Due>) -> Box<dyn Planner> {
        Box::new(FortiPortalPlanner::new(settings.source))
    }

    fn facts(&self, endpoint: &str, page: &str, _: Names) -> serde_json::Result<Facts> {
        facts::read(endpoint, page).map(Facts::Offset)
    }

    fn parent(&self, endpoint: &str) -> Option<&'static str> {
        match endpoint {
            SITES => Some(ORGANIZATIONS),
            VDOMS => Some(SITES),
            _ => None,
        }
    }

    fn api_key(&self) -> ApiKey {
        ApiKey::ReplacesUser
    }

    fn client_config(&self, connection: ConnectionConfig) -> Option<client::Config> {
        let ConnectionConfig {
            api_url,
            credentials,
            ..
        } = connection;
        let url = api_url?;
        if credentials.username.is_empty() {
            let origin = credentials.password_origin;
            return Some(client::Config::portal_key(
                url,
                credentials.password,
                origin,
            ));
        }
        Some(client::Config::portal(url, credentials))
    }

    async fn check(&self, client: &Client) -> Check {
        probe::check(client).await
    }

    async fn estimate(&self, client: &Client, _: &Settings) -> Result<Estimate> {
        probe::estimate(client).await
    }
}
