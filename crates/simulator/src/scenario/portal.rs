//! The `FortiPortal` beside the tenant.

use serde::{Deserialize, Serialize};

/// A `FortiPortal` whose devices are `FortiGate`s of the simulated `FortiCloud`, by their serial numbers.
///
/// Ids do not depend on the seed: organizations are 4, 5, 6 and so on, sites 6, 8, 10, rows of VDOMs 31, 32, 33.
/// Of several organizations the last has no sites, and every tenth device is in no site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Portal {
    /// Whether it is there; where it is not, its paths answer 404.
    pub enabled: bool,
    /// The name of the only admin user.
    pub username: String,
    /// Its password.
    pub password: String,
    /// A key as the GUI makes it, which stays valid until somebody logs it out; none if it is empty.
    pub gui_key: String,
    /// Number of organizations.
    pub organizations: u64,
    /// Number of sites of each organization.
    pub sites: u64,
    /// Number of devices; there are no more than the tenant has registered `FortiGate`s and `FortiWiFi`s.
    pub devices: u64,
    /// Rows per answer at most, whatever `size` asks for; 0 for no limit.
    pub page_size: u64,
    /// The HTTP code, 401 or 403, that answers a wrong password and a token that is missing, unknown or expired; nobody has published it.
    pub refusal: u16,
}

impl Portal {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if ![401, 403].contains(&self.refusal) {
            return Err("`refusal` of `portal` is 401 or 403");
        }
        let sites = self.organizations.checked_mul(self.sites);
        if sites.is_none_or(|sites| sites > 1_000_000) {
            return Err("`portal` has at most 1000000 sites");
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
