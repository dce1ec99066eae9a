//! The systems that can be crawled, each in a folder of its own.
//!
//! The rest of the crate knows a system by two traits: [`Definition`] says what can be read from
//! it, and [`Planner`] decides what to call during a crawl. To add a system, implement both in a
//! new folder and add it to [`SYSTEMS`].

pub(crate) mod fortiauthenticator;
pub(crate) mod forticloud;
pub(crate) mod fortiportal;
pub(crate) mod offset_list;
pub(crate) mod settings;

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use fortilake_auth::Credentials;
use fortilake_client::{self as client, Client};
use fortilake_models as models;
use serde_json::{Map, Value};
use url::Url;

use crate::{Error, Facts, Fetch, Names, Outcome, Result, Scope, Settings, due::Due, error::Kind};

/// Every system. The first one is the default.
static SYSTEMS: [System; 3] = [
    System(&forticloud::FortiCloud),
    System(&fortiportal::FortiPortal),
    System(&fortiauthenticator::FortiAuthenticator),
];

/// A system that can be crawled, such as FortiCloud.
#[derive(Clone, Copy)]
pub struct System(&'static dyn Definition);

/// What can be read from a system, and how.
#[async_trait]
pub(crate) trait Definition: Sync {
    /// Its name in a configuration, such as `forticloud`.
    fn name(&self) -> &'static str;

    /// The endpoints whose responses fill the tables of a crawl with these settings.
    fn endpoints(&self, settings: &Settings) -> Vec<&'static str>;

    /// Plans a crawl with these settings. With `due`, only a part of the accounts is read; a system
    /// without accounts ignores it.
    fn planner(&self, settings: Settings, due: Option<Due>) -> Box<dyn Planner>;

    /// Reads what the planner needs to know about a page.
    fn facts(&self, endpoint: &str, page: &str, names: Names) -> serde_json::Result<Facts>;

    /// The endpoint whose rows are the subjects of this endpoint's scopes: units list accounts, and
    /// so on. An endpoint that is called only once has none.
    fn parent(&self, _endpoint: &str) -> Option<&'static str> {
        None
    }

    /// Whether a call of this endpoint asks about one row that a list has named.
    ///
    /// Then an empty response is a refusal, and the response of an earlier crawl can be used again.
    fn is_about_one_row(&self, _endpoint: &str) -> bool {
        false
    }

    /// The account that a call is about, if any.
    ///
    /// Calls for an account that was started come before those for the next one, and failures are
    /// counted by account.
    fn account(&self, _arguments: &Map<String, Value>) -> Option<i64> {
        None
    }

    /// Whether a call asks for a page of a list that has begun. The pages of such a list have to
    /// arrive within minutes of each other.
    fn is_later_page(&self, _arguments: &Map<String, Value>) -> bool {
        false
    }

    /// The client id whose token the calls after a page of this endpoint are likely to need.
    fn next_client_id(&self, _endpoint: &str) -> Option<&'static str> {
        None
    }

    /// Whether a crawl can read something without the token for this endpoint.
    fn is_optional(&self, _endpoint: &str) -> bool {
        false
    }

    /// The call whose response shows whether the user belongs to an organization, for a system that
    /// has organizations. If it is refused, a crawl may read only what is the user's own.
    fn organization_call(&self, _source: &Arc<str>) -> Option<Fetch> {
        None
    }

    /// Whether a response to that call names an organization.
    fn names_organization(&self, _page: &str) -> bool {
        false
    }

    /// What an `api_key` in the configuration of a source is.
    fn api_key(&self) -> ApiKey {
        ApiKey::Unknown
    }

    /// How a client connects to it, or nothing if the address of the API is missing.
    fn client_config(&self, connection: ConnectionConfig) -> Option<client::Config>;

    /// Signs in to each service and makes one call to it.
    async fn check(&self, client: &Client) -> Check;

    /// Estimates the calls of a crawl with these settings, from as few calls as possible.
    async fn estimate(&self, client: &Client, settings: &Settings) -> Result<Estimate>;
}

/// What an `api_key` in the configuration of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKey {
    /// The system has no API keys.
    Unknown,
    /// It replaces the user and the password.
    ReplacesUser,
    /// It replaces the user's password.
    ReplacesPassword,
}

/// Where a system is and who calls it.
#[derive(Debug)]
pub struct ConnectionConfig {
    /// The address of the API; a system that users host themselves has no default.
    pub api_url: Option<Url>,
    /// The address that issues tokens, if it is not the system's usual one.
    pub auth_url: Option<Url>,
    /// Who calls. The username is empty if an API key replaces the user.
    pub credentials: Credentials,
}

/// Decides what to call: a fold from outcomes to the next calls and the scopes that closed.
///
/// A planner has no clock, does no I/O and makes no random choice, so the same outcomes always lead
/// to the same calls and to the same scopes in the same order. This purity makes a crawl resumable
/// without a saved plan: the planner is fed the journaled outcomes and arrives at the same state.
/// Saving the state of the plan after each call was the alternative, but a new release could then
/// resume a crawl only if no type of the planner had changed. The price is that a resume reads the
/// whole journal once.
pub(crate) trait Planner: Send + Sync {
    /// The first calls.
    fn begin(&mut self) -> Step;

    /// Takes the outcome of one call. A call that it is not waiting for changes nothing.
    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step;

    /// Whether the outcome of a planned call is still needed.
    fn awaits(&self, fetch: &Fetch) -> bool;

    /// Learns that the outcome of a call comes late, because the call has failed and is tried again
    /// after others. What only waits for this outcome may go on without it.
    fn delay(&mut self, _fetch: &Fetch) -> Step {
        Step::default()
    }

    /// Forgets a call that is no longer needed. Other calls may take its place.
    fn forget(&mut self, fetch: &Fetch) -> Step;

    /// Why nothing can be read if the API does not allow this call to the user; `None` if the plan can
    /// do without it.
    fn needs(&self, _fetch: &Fetch) -> Option<&'static str> {
        None
    }

    /// Whether every call has its outcome and every scope is published.
    fn is_finished(&self) -> bool;
}

/// What to do after an outcome.
#[derive(Debug, Default)]
pub struct Step {
    /// Calls to make, most urgent first.
    pub fetches: Vec<Fetch>,
    /// Scopes that ended, in the order in which they are published.
    pub closed: Vec<Scope>,
}

/// What one call to each service of a system found.
#[derive(Debug, Default)]
pub struct Check {
    /// Per service its name and what it returned; nothing if it was not called.
    pub services: Vec<(&'static str, Option<client::Result<String>>)>,
    /// Whether a crawl can read something all the same, if a service does not work.
    pub usable: bool,
    /// What a crawl does without the services that do not work.
    pub note: Option<&'static str>,
}

/// How many calls a crawl is expected to make.
#[derive(Debug)]
pub struct Estimate {
    /// By endpoint.
    pub calls: BTreeMap<String, u64>,
    /// What it was estimated from.
    pub basis: String,
}

impl System {
    /// The system of this name, such as `fortiportal`.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|system| system.name() == name)
    }

    /// The system whose endpoints the token or key of this client id opens.
    pub fn opened_by(client_id: &str) -> Option<Self> {
        let mut endpoints = models::generated::ENDPOINTS.iter();
        let endpoint = endpoints.find(|endpoint| endpoint.client_id == Some(client_id))?;
        Self::named(endpoint.system)
    }

    /// Every system, the default first.
    pub fn all() -> impl Iterator<Item = Self> {
        SYSTEMS.iter().copied()
    }

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether the endpoints that the token or key of this client id opens are this system's.
    pub fn has(self, client_id: &str) -> bool {
        Self::opened_by(client_id) == Some(self)
    }

    /// The call whose response shows whether the user belongs to an organization, for a system that
    /// has organizations.
    pub fn organization_call(self, source: &Arc<str>) -> Option<Fetch> {
        self.0.organization_call(source)
    }

    /// Whether a response to that call names an organization.
    pub fn names_organization(self, page: &str) -> bool {
        self.0.names_organization(page)
    }

    /// What an `api_key` in the configuration of a source is.
    pub fn api_key(self) -> ApiKey {
        self.0.api_key()
    }

    /// How a client connects to it, or nothing if the address of the API is missing.
    pub fn client_config(self, connection: ConnectionConfig) -> Option<client::Config> {
        self.0.client_config(connection)
    }

    /// Signs in to each of its services and makes one call to it.
    pub async fn check(self, client: &Client) -> Check {
        self.0.check(client).await
    }

    /// Estimates the calls of a crawl with these settings, which takes a few calls.
    ///
    /// # Errors
    ///
    /// If one of these calls fails.
    pub async fn estimate(self, client: &Client, settings: &Settings) -> Result<Estimate> {
        self.0.estimate(client, settings).await
    }

    /// The system that this endpoint belongs to.
    pub(crate) fn of(endpoint: &str) -> Self {
        let endpoint = models::endpoint(endpoint);
        let system = endpoint.and_then(|endpoint| Self::named(endpoint.system));
        system.unwrap_or_default()
    }

    pub(crate) fn definition(self) -> &'static dyn Definition {
        self.0
    }
}

impl Facts {
    /// Reads a page of this endpoint.
    ///
    /// # Errors
    ///
    /// If the rows of the page cannot be counted, or if it has none and does not prove that it is
    /// an empty list of this endpoint. A renamed list or an error page of a gateway must not pass
    /// as an empty list.
    pub fn read(endpoint: &str, page: &str, names: Names) -> serde_json::Result<Self> {
        System::of(endpoint)
            .definition()
            .facts(endpoint, page, names)
    }
}

impl Fetch {
    /// Whether the call asks about one row that a list has returned.
    pub(crate) fn is_about_one_row(&self) -> bool {
        let system = System::of(self.endpoint);
        system.definition().is_about_one_row(self.endpoint)
    }

    /// The account that the call is about, if any.
    pub(crate) fn account(&self) -> Option<i64> {
        let system = System::of(self.endpoint);
        system.definition().account(&self.arguments)
    }

    /// Whether the call asks for a page of a list that has begun.
    pub(crate) fn is_later_page(&self) -> bool {
        let system = System::of(self.endpoint);
        system.definition().is_later_page(&self.arguments)
    }
}

impl Default for System {
    fn default() -> Self {
        SYSTEMS[0]
    }
}

impl PartialEq for System {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for System {}

impl fmt::Debug for System {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Check {
    /// The check of a system that has one service.
    fn of_one(service: &'static str, found: client::Result<String>) -> Self {
        Self {
            usable: found.is_ok(),
            services: vec![(service, Some(found))],
            note: None,
        }
    }
}

/// Makes one call outside a crawl and reads its response.
///
/// The inner error says that the response cannot be read, although the call is allowed.
async fn ask(
    client: &Client,
    endpoint: &'static str,
    arguments: Value,
) -> client::Result<serde_json::Result<Facts>> {
    let known = models::endpoint(endpoint);
    let (Some(known), Value::Object(arguments)) = (known, arguments) else {
        return Ok(Facts::read(endpoint, "{}", Names::Unwanted));
    };
    let page = client.fetch(known, &arguments).await?;
    let body = if page.is_empty_result() {
        "{}"
    } else {
        &page.body
    };
    Ok(Facts::read(endpoint, body, Names::Unwanted))
}

/// The same, for what an estimate cannot do without.
async fn read(client: &Client, endpoint: &'static str, arguments: Value) -> Result<Facts> {
    let failed = || format!("`{endpoint}` cannot be read");
    let facts = ask(client, endpoint, arguments).await.map_err(|error| {
        let kind = match error.kind() {
            client::Kind::Paused => Kind::Paused,
            client::Kind::Credentials => Kind::Credentials,
            client::Kind::Config => Kind::Configuration,
            client::Kind::Ledger => Kind::State,
            _ => Kind::Unreadable,
        };
        let pause = error.pause();
        let error = Error::new(kind, failed()).with_source(error);
        match pause {
            Some(pause) => error.with_pause(pause),
            None => error,
        }
    })?;
    facts.map_err(|error| Error::new(Kind::Unreadable, failed()).with_source(error))
}

/// The error for a list with rows without an id, such as `2 accounts have no id, …`.
fn without_id(rows: usize, noun: &str) -> String {
    let (have, them) = if rows == 1 {
        ("has", "it")
    } else {
        ("have", "them")
    };
    let rows = count(rows, noun);
    format!("{rows} {have} no id, so nothing that belongs to {them} can be read")
}

/// `2 units`, or `1 unit`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
