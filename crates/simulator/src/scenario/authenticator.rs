//! The configuration of the simulated `FortiAuthenticator`.

use serde::{Deserialize, Serialize};

/// A `FortiAuthenticator` with its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authenticator {
    /// Whether the system exists. If not, its paths answer 404.
    pub enabled: bool,
    /// The administrator's user name.
    pub username: String,
    /// The administrator's API key for the web service, used as the password. Any other password
    /// gets 401.
    pub api_key: String,
    /// The unit's serial number.
    pub serial_number: String,
    /// The serial number of its HA peer; empty if it has none.
    pub ha_serial_number: String,
    /// The model, version and build, as `systeminfo` reports them.
    pub firmware: String,
    /// The number of `FortiToken` Mobile tokens before any license is activated.
    pub total_ftm: u64,
    /// How many of these tokens are assigned to users.
    pub used_ftm: u64,
    /// The number of hardware tokens. They only appear in the list of tokens.
    pub hardware_tokens: u64,
    /// How many tokens an activated license adds.
    pub tokens_per_license: u64,
    /// Whether licenses can be activated. If not, activation answers 405, as a recent release does
    /// that announces it as read-only.
    pub activation: bool,
    /// Whether `systeminfo` exists. If not, it answers 404.
    pub systeminfo: bool,
}

impl Authenticator {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let counts = [
            self.total_ftm,
            self.hardware_tokens,
            self.tokens_per_license,
        ];
        if counts.iter().any(|count| *count > 1_000_000) {
            return Err("`authenticator` can have at most 1000000 tokens of each kind");
        }
        if self.used_ftm > self.total_ftm {
            return Err("`used_ftm` must be at most `total_ftm`");
        }
        Ok(())
    }
}

impl Default for Authenticator {
    fn default() -> Self {
        Self {
            enabled: true,
            username: "simulated".to_owned(),
            api_key: "simulated".to_owned(),
            serial_number: "FAC-VMTM24900001".to_owned(),
            ha_serial_number: String::new(),
            firmware: "FACVMKVM v8.0.3, build0099 (GA)".to_owned(),
            total_ftm: 200,
            used_ftm: 82,
            hardware_tokens: 10,
            tokens_per_license: 25,
            activation: true,
            systeminfo: true,
        }
    }
}
