//! The configuration of the simulated `FortiFlex`.

use serde::{Deserialize, Serialize};

/// The size of `FortiFlex`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flex {
    /// The number of programs.
    pub programs: u64,
    /// The number of configurations of each program. The last one of each has no entitlements.
    pub configs: u64,
    /// The number of entitlements of each other configuration.
    pub entitlements: u64,
}

impl Default for Flex {
    fn default() -> Self {
        Self {
            programs: 2,
            configs: 3,
            entitlements: 5,
        }
    }
}
