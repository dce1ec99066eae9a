//! Arguments of `call`.

use clap::Args;

use super::TargetArgs;

/// Arguments of `call`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct CallArgs {
    /// Endpoint to call, such as products/list.
    pub(crate) endpoint: Option<String>,
    /// Arguments with the API's names, such as accountId=710112; repeat one to pass a list.
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) arguments: Vec<String>,
    /// Arguments as a JSON object; `@FILE` reads a file, `@-` reads standard input.
    #[arg(long, value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// Send the call even if it changes data.
    #[arg(long)]
    pub(crate) write: bool,
    /// List the endpoints.
    #[arg(long)]
    pub(crate) list: bool,
    /// Describe the endpoint, or this command if no endpoint is named.
    #[arg(short, long)]
    pub(crate) help: bool,
    /// Call the embedded simulator instead of a configured source.
    #[arg(long, conflicts_with = "config")]
    pub(crate) simulate: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
