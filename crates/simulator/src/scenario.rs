//! What to simulate: sizes, credentials, forms of responses, quotas and faults.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

pub use self::authenticator::Authenticator;
pub use self::fault::{Action, Fault};
pub use self::flex::Flex;
pub use self::portal::Portal;
pub use self::quirks::{
    Arrays, Dates, Empty, LicenseForm, NullDates, ParentKey, Quirks, RootParent,
};
pub use self::quota::{CallLimit, ErrorLimit, Quota, QuotaAnswer, WindowKind};
use crate::Error;

mod authenticator;
mod fault;
mod flex;
mod portal;
mod quirks;
mod quota;
#[cfg(test)]
mod tests;

/// A tenant to simulate. The default is [`Scenario::production`].
///
/// Ids do not depend on the seed, so that a fault can refer to an account: the root OU is 2100001
/// and each further OU adds 13; the first account is 710101 and each further account adds 11.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The seed of all generated data.
    pub seed: u64,
    /// How many days have passed in FortiCloud since the tenant was set up. On each of them, devices are registered,
    /// renewed, moved, renamed, decommissioned and removed, and the coverage of some ends. Day 0 is 2025-10-06.
    /// The neighboring systems do not change.
    pub day: u64,
    /// Products per page; 0 puts all of them on one page.
    pub page_size: u64,
    /// The number of the first page, in requests and responses: 0 or 1.
    pub page_base: u64,
    /// The lifetime of an access token in seconds.
    pub expires_in: u64,
    /// How long a new access token is refused as if it were unknown.
    #[serde(with = "duration")]
    pub token_lag: Duration,
    /// The HTTP status that redirects the token path without its trailing slash; 0 serves that path
    /// directly.
    pub token_redirect: u16,
    /// How long each response takes.
    #[serde(with = "duration")]
    pub latency: Duration,
    /// The maximum random delay that is added to `latency`.
    #[serde(with = "duration")]
    pub latency_spread: Duration,
    /// The API users.
    pub credentials: Credentials,
    /// The size of the tenant.
    pub organization: Organization,
    /// The form of the tenant's responses.
    pub quirks: Quirks,
    /// The limits of each user. By default, there are none.
    pub quota: Quota,
    /// The size of `FortiFlex`.
    pub flex: Flex,
    /// The `FortiPortal` that manages some of the tenant's devices.
    pub portal: Portal,
    /// The `FortiAuthenticator` next to the tenant.
    pub authenticator: Authenticator,
    /// The faults, in order. If several apply to a call, the first one happens.
    #[serde(rename = "fault")]
    pub faults: Vec<Fault>,
}

/// The credentials and permissions of the API users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// The user's id.
    pub username: String,
    /// The ids of further users with the same password and permissions. Each user has limits of its
    /// own.
    pub more_users: Vec<String>,
    /// The password.
    pub password: String,
    /// The `client_id`s that the users may sign in for. All others get `invalid_client`.
    pub clients: Vec<String>,
}

/// The size of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organization {
    /// Whether the API user sees a whole organization or a single account.
    pub scope: Scope,
    /// The number of OUs, including the root.
    pub ous: u64,
    /// The number of accounts. A local scope has one.
    pub accounts: u64,
    /// The number of products in all accounts, including pending ones.
    pub products: u64,
    /// How many accounts are also listed by a second OU.
    pub shared_accounts: u64,
    /// Whether the list of OUs contains the root, in addition to `orgId`.
    pub root_listed: bool,
}

/// What the API user is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// An organization: calls must contain `accountId`.
    Organization,
    /// One account: Organization and IAM are refused, and `accountId` is optional.
    Local,
}

/// The last day that a tenant can be on. Every day costs work, and contracts of ten years ago say nothing new.
pub const MAX_DAY: u64 = 3650;

impl Scenario {
    /// The user of a system and its password or API key, by the system's name in a configuration.
    pub fn user_of(&self, system: &str) -> (&str, &str) {
        match system {
            "fortiportal" => (&self.portal.username, &self.portal.password),
            "fortiauthenticator" => (&self.authenticator.username, &self.authenticator.api_key),
            _ => (&self.credentials.username, &self.credentials.password),
        }
    }

    /// The default scenario: 17 OUs, 17 accounts and 698 products, of which 133 are `FortiGate` or
    /// `FortiWiFi`.
    pub fn production() -> Self {
        Self {
            seed: 1,
            day: 0,
            page_size: 0,
            page_base: 1,
            expires_in: 3660,
            token_lag: Duration::ZERO,
            token_redirect: 301,
            latency: Duration::ZERO,
            latency_spread: Duration::ZERO,
            credentials: Credentials::default(),
            organization: Organization::default(),
            quirks: Quirks::default(),
            quota: Quota::default(),
            flex: Flex::default(),
            portal: Portal::default(),
            authenticator: Authenticator::default(),
            faults: Vec::new(),
        }
    }

    /// Reads a scenario. Whatever it leaves out is as in [`Scenario::production`].
    ///
    /// ```
    /// let scenario = fortilake_simulator::Scenario::from_toml("page_size = 25")?;
    /// assert_eq!(scenario.page_size, 25);
    /// assert_eq!(scenario.organization.products, 698);
    /// # Ok::<(), fortilake_simulator::Error>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let scenario: Self = toml::from_str(text).map_err(Error::scenario)?;
        scenario.check().map_err(Error::scenario)?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.day > MAX_DAY {
            return Err("`day` must be at most 3650, which is ten years");
        }
        if self.page_base > 1 {
            return Err("`page_base` must be 0 or 1");
        }
        if ![0, 301, 302, 307, 308].contains(&self.token_redirect) {
            return Err("`token_redirect` must be 301, 302, 307, 308, or 0 for no redirect");
        }
        if self.organization.ous == 0 || self.organization.accounts == 0 {
            return Err("`organization` needs at least one OU and one account");
        }
        if self.organization.products >= 20_000_000 {
            return Err(
                "`products` must be at most 19999999, the number of possible serial numbers",
            );
        }
        self.portal.check()?;
        self.authenticator.check()
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::production()
    }
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            username: "simulated".to_owned(),
            more_users: Vec::new(),
            password: "simulated".to_owned(),
            clients: ["assetmanagement", "organization", "iam", "flexvm"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

impl Default for Organization {
    fn default() -> Self {
        Self {
            scope: Scope::Organization,
            ous: 17,
            accounts: 17,
            products: 698,
            shared_accounts: 0,
            root_listed: true,
        }
    }
}
