//! `fortilake call`: calls any described endpoint, after checking the arguments.

mod arguments;
mod catalogue;
mod indent;

use anyhow::anyhow;
use clap::CommandFactory as _;
use fortilake_auth::printable_json;
use fortilake_models::{self as models, Access, Endpoint};
use fortilake_sink::nearest;
use serde_json::{Map, Value};

use super::{
    operation::{OperationClient, OperationTarget},
    part::ListPart,
    shown::shown,
};
use crate::{
    args::{CallArgs, Cli},
    console::Console,
    exit::{Code, CommandError, Result},
};

/// Calls an endpoint, describes it, or lists all endpoints.
pub(crate) fn run(args: &CallArgs, console: Console) -> Result {
    let text = match &args.endpoint {
        None if args.list => catalogue::list(),
        None if args.help => help(),
        None => {
            let error = anyhow!("no endpoint given");
            return Err(CommandError::not_started(error)
                .hint("`fortilake call --list` lists the endpoints"));
        }
        Some(name) => {
            let endpoint = find(name)?;
            if args.help || args.list {
                catalogue::describe(endpoint)
            } else {
                return call(args, endpoint, console);
            }
        }
    };
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn find(name: &str) -> Result<&'static Endpoint> {
    models::endpoint(name).ok_or_else(|| {
        let failure = CommandError::not_started(anyhow!("there is no endpoint `{name}`"));
        match nearest(
            name,
            models::generated::ENDPOINTS
                .iter()
                .map(|endpoint| endpoint.id),
        ) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint("`fortilake call --list` lists the endpoints"),
        }
    })
}

fn help() -> String {
    let mut command = Cli::command();
    // Without `build`, the usage line would lack the name of the program.
    command.build();
    command
        .find_subcommand_mut("call")
        .map(|command| command.render_help().to_string())
        .unwrap_or_default()
}

fn call(args: &CallArgs, endpoint: &'static Endpoint, console: Console) -> Result {
    if let Some(hint) = signs_in(endpoint) {
        let error = anyhow!(
            "`{}` cannot be called on its own, because it handles tokens",
            endpoint.id
        );
        return Err(CommandError::not_started(error).hint(hint));
    }
    let arguments = arguments::read(endpoint, args.data.as_deref(), &args.arguments)?;
    if endpoint.access == Access::Write {
        announce(endpoint, &arguments, args.write, console)?;
    }
    let caller = if args.simulate {
        OperationClient::simulated(endpoint, console)?
    } else {
        OperationTarget::find(&args.target, endpoint, console)?.connect()?
    };
    let page = caller.run(async |caller| caller.fetch(endpoint, &arguments).await)?;
    let body = printable_json(page.body.trim_end());
    let text = if console.prints_to_terminal() {
        indent::indented(&body)
    } else {
        body.clone()
    };
    console
        .data(&format!("{text}\n"))
        .map_err(CommandError::failed)?;
    if let Some(part) = ListPart::of(&body) {
        console.note(&part.note(endpoint));
    }
    Ok(Code::Complete)
}

/// For an endpoint that issues or revokes tokens, the command that does the same.
///
/// These endpoints have no client id, because they are called before there is a token. `call`
/// refuses them: their responses hold tokens, which must be neither printed nor lost.
fn signs_in(endpoint: &Endpoint) -> Option<&'static str> {
    match (endpoint.client_id, endpoint.id) {
        (Some(_), _) => None,
        (None, "portal/auth/tokenlogin") => Some("`fortilake portal login` signs in"),
        (None, "portal/auth/tokenlogout") => Some("`fortilake portal logout` signs out"),
        (None, _) => Some("`fortilake check` signs in"),
    }
}

/// Prints the request of a call that changes data; without `--write`, this is an error.
fn announce(
    endpoint: &Endpoint,
    arguments: &Map<String, Value>,
    write: bool,
    console: Console,
) -> Result<()> {
    let shown = serde_json::to_string(&shown(endpoint, arguments)).map_err(CommandError::failed)?;
    let what = format!(
        "{} {}: {}\n  {shown}\n",
        endpoint.method, endpoint.path, endpoint.summary
    );
    if write {
        console.note(&format!("sending: {what}"));
        return Ok(());
    }
    console.note(&format!("this would send: {what}"));
    let error = anyhow!("`{}` changes data, so nothing was sent", endpoint.id);
    Err(CommandError::not_started(error).hint("pass `--write` to send it"))
}
