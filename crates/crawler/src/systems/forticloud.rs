//! FortiCloud: its Organization, IAM and Asset Management services.

mod facts;
mod planner;
mod probe;

use std::sync::Arc;

use async_trait::async_trait;
use fortilake_client::{self as client, Client};
use fortilake_models as models;
use serde_json::{Map, Value};

pub(crate) use self::planner::DETAILS;
pub use self::planner::FortiCloudPlanner;
use self::planner::{FLEX, flex_depth};
use super::{Check, ConnectionConfig, Definition, Estimate, Planner};
use crate::{Facts, Fetch, Names, Result, Settings, due::Due};

pub(crate) const UNITS: &str = "units/list";
pub(crate) const ACCOUNTS: &str = "accounts/list";
pub(crate) const PRODUCTS: &str = "products/list";

pub(crate) struct FortiCloud;

#[async_trait]
impl Definition for FortiCloud {
    fn name(&self) -> &'static str {
        "forticloud"
    }

    fn endpoints(&self, settings: &Settings) -> Vec<&'static str> {
        let mut endpoints = vec![UNITS, ACCOUNTS, PRODUCTS];
        let lists = settings.include.iter();
        endpoints.extend(lists.filter(|endpoint| !FLEX.contains(endpoint)));
        if settings.accounts.is_empty() {
            endpoints.extend(&FLEX[..flex_depth(&settings.include)]);
        }
        endpoints.extend(settings.details.as_ref().map(|_| DETAILS));
        endpoints
    }

    fn planner(&self, settings: Settings, due: Option<Due>) -> Box<dyn Planner> {
        Box::new(FortiCloudPlanner::new(settings).limited_to(due))
    }

    fn facts(&self, endpoint: &str, page: &str, names: Names) -> serde_json::Result<Facts> {
        facts::read(endpoint, page, names)
    }

    fn parent(&self, endpoint: &str) -> Option<&'static str> {
        match endpoint {
            UNITS => None,
            ACCOUNTS => Some(UNITS),
            _ => match FLEX.iter().position(|&level| level == endpoint) {
                Some(level) => level.checked_sub(1).map(|above| FLEX[above]),
                None => Some(ACCOUNTS),
            },
        }
    }

    fn is_about_one_row(&self, endpoint: &str) -> bool {
        endpoint == DETAILS
    }

    fn account(&self, arguments: &Map<String, Value>) -> Option<i64> {
        arguments.get("accountId").and_then(Value::as_i64)
    }

    fn is_later_page(&self, arguments: &Map<String, Value>) -> bool {
        arguments.contains_key("pageNumber")
    }

    /// Accounts are listed with the same token as units; the products need another one.
    fn next_client_id(&self, endpoint: &str) -> Option<&'static str> {
        (endpoint == UNITS)
            .then(|| models::endpoint(PRODUCTS)?.client_id)
            .flatten()
    }

    /// A user without a token for the organization may still have an account of their own, and one
    /// without a token for `FortiFlex` has the products.
    fn is_optional(&self, endpoint: &str) -> bool {
        endpoint == UNITS || FLEX.contains(&endpoint)
    }

    fn organization_call(&self, source: &Arc<str>) -> Option<Fetch> {
        Some(Fetch::new(source.clone(), UNITS, Map::new(), 0))
    }

    fn names_organization(&self, page: &str) -> bool {
        let facts = self.facts(UNITS, page, Names::Unwanted);
        matches!(
            facts,
            Ok(Facts::Units {
                organization: Some(_),
                ..
            })
        )
    }

    fn client_config(&self, connection: ConnectionConfig) -> Option<client::Config> {
        let mut config = client::Config::new(connection.credentials);
        config.auth_url = connection.auth_url.unwrap_or(config.auth_url);
        config.api_url = connection.api_url.unwrap_or(config.api_url);
        Some(config)
    }

    async fn check(&self, client: &Client) -> Check {
        probe::check(client).await
    }

    async fn estimate(&self, client: &Client, settings: &Settings) -> Result<Estimate> {
        probe::estimate(client, settings).await
    }
}
