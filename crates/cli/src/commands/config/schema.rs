//! `fortilake config schema`: the JSON Schema of the configuration file.

use std::path::{Path, PathBuf};

use crate::{
    config,
    console::Console,
    exit::{Code, CommandError, Result},
};

/// The file that `config init` writes beside the configuration, for editors.
///
/// Editors find it by a relative path, so that they check the file without a connection.
pub(super) const FILE: &str = "fortilake.schema.json";

/// Prints the schema.
pub(super) fn run(console: Console) -> Result {
    console.data(&text()?).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

/// The schema as it is printed and written.
pub(super) fn text() -> Result<String> {
    Ok(format!("{:#}\n", config::schema()?))
}

/// Where the schema of this configuration is.
pub(super) fn beside(configuration: &Path) -> PathBuf {
    configuration.with_file_name(FILE)
}
