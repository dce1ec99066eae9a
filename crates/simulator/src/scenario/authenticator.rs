//! The `FortiAuthenticator` beside the tenant.

use serde::{Deserialize, Serialize};

/// A `FortiAuthenticator` with its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authenticator {
    /// Whether it is there; where it is not, its paths answer 404.
    pub enabled: bool,
    /// The administrator's name.
    pub username: String,
    /// The administrator's web-service API key, which stands where a password would; any other answers 401.
    pub api_key: String,
    /// The unit's serial number.
    pub serial_number: String,
    /// The serial number of its HA peer; empty without one.
    pub ha_serial_number: String,
    /// The unit's model, version and build.
    pub firmware: String,
    /// `FortiToken` Mobile tokens before any license is activated.
    pub total_ftm: u64,
    /// How many of them are assigned to users.
    pub used_ftm: u64,
    /// Hardware tokens, which are in the list of tokens alone.
    pub hardware_tokens: u64,
    /// Tokens that an activated license brings.
    pub tokens_per_license: u64,
    /// Whether licenses can be activated; a recent release announces that it only reads, and answers 405.
    pub activation: bool,
    /// Whether `systeminfo` is there; where it is not, it answers 404.
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
            return Err("`authenticator` has at most 1000000 tokens of a kind");
        }
        if self.used_ftm > self.total_ftm {
            return Err("`used_ftm` is at most `total_ftm`");
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
