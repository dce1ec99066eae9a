//! The configuration of the simulated `FortiPortal`.

use serde::{Deserialize, Serialize};

/// A `FortiPortal` that manages `FortiGate`s of the simulated FortiCloud, with the same serial
/// numbers.
///
/// Ids do not depend on the seed: organizations are 4, 5, 6 and so on, sites 6, 8, 10, and VDOM
/// rows 31, 32, 33. If there are several organizations, the last one has no sites, and every tenth
/// device belongs to no site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Portal {
    /// Whether the system exists. If not, its paths answer 404.
    pub enabled: bool,
    /// The user name of the only administrator.
    pub username: String,
    /// Its password.
    pub password: String,
    /// An API key as created in the GUI, which is valid until it is logged out. Empty if there is
    /// none.
    pub gui_key: String,
    /// The number of organizations.
    pub organizations: u64,
    /// The number of sites per organization.
    pub sites: u64,
    /// The number of devices, limited to the `FortiGate`s and `FortiWiFi`s that the tenant has
    /// registered.
    pub devices: u64,
    /// The maximum number of rows per response, whatever `size` asks for; 0 for no limit.
    pub page_size: u64,
    /// The HTTP status, 401 or 403, for a wrong password and for a missing, unknown or expired
    /// token. The real one is undocumented.
    pub refusal: u16,
}

impl Portal {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if ![401, 403].contains(&self.refusal) {
            return Err("`refusal` of `portal` must be 401 or 403");
        }
        let sites = self.organizations.checked_mul(self.sites);
        if sites.is_none_or(|sites| sites > 1_000_000) {
            return Err("`portal` can have at most 1000000 sites");
        }
        Ok(())
    }
}

impl Default for Portal {
    fn default() -> Self {
        Self {
            enabled: true,
            username: "simulated".to_owned(),
            password: "simulated".to_owned(),
            gui_key: "simulated-gui-key".to_owned(),
            organizations: 3,
            sites: 2,
            devices: 40,
            page_size: 0,
            refusal: 401,
        }
    }
}
