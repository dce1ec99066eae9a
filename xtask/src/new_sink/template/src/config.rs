//! The options of the sink.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `{{name}}` sink.
// The text of each option is what `fortilake sinks {{name}}` says of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder to publish into; it is made if it is not there.
    pub(crate) path: PathBuf,
}
