//! The options of the sink.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `{{name}}` sink.
// `fortilake sinks {{name}}` shows these texts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder to publish into. It is created if it does not exist.
    pub(crate) path: PathBuf,
}
