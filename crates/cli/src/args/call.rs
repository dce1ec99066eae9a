//! Arguments of `call`.

use clap::Args;

use super::TargetArgs;

/// Arguments of `call`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct CallArgs {
    /// The endpoint, such as products/list.
    pub(crate) endpoint: Option<String>,
    /// Arguments of the endpoint by the API's names, such as accountId=710112; repeat one for a list.
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) arguments: Vec<String>,
    /// The arguments as a JSON object; `@FILE` reads a file, `@-` standard input.
    #[arg(long, value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// Really send a call that changes something.
    #[arg(long)]
    pub(crate) write: bool,
    /// List the endpoints.
    #[arg(long)]
    pub(crate) list: bool,
    /// Explain the command, or the endpoint if one is named.
    #[arg(short, long)]
    pub(crate) help: bool,
    /// Call the embedded simulator.
    #[arg(long, conflicts_with = "config")]
    pub(crate) simulate: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
