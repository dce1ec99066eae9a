//! `fortilake call`: any described endpoint, checked before it is sent.

mod arguments;
mod catalogue;

use anyhow::anyhow;
use clap::CommandFactory as _;
use fortilake_crawler::{
    client::{
        Client,
        models::{self, Access, Endpoint},
    },
    sink::nearest,
};
use serde_json::{Map, Value};

use super::crawl;
use crate::{
    args::{CallArgs, Cli},
    config::Env,
    connect::{self, Terms},
    console::Console,
    exit::{Code, Failure, Result},
    session,
};

/// Calls it, or explains what there is to call.
pub(crate) fn run(args: &CallArgs, console: Console) -> Result {
    let text = match &args.endpoint {
        None if args.list => catalogue::list(),
        None if args.help => help(),
        None => {
            let error = anyhow!("no endpoint is named");
            return Err(Failure::not_started(error).hint("`fortilake call --list` lists them"));
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
    console.data(&text).map_err(Failure::failed)?;
    Ok(Code::Complete)
}

fn find(name: &str) -> Result<&'static Endpoint> {
    models::endpoint(name).ok_or_else(|| {
        let failure = Failure::not_started(anyhow!("there is no endpoint `{name}`"));
        match nearest(
            name,
            models::generated::ENDPOINTS
                .iter()
                .map(|endpoint| endpoint.id),
        ) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint("`fortilake call --list` lists them"),
        }
    })
}

fn help() -> String {
    let mut command = Cli::command();
    command.build();
    command
        .find_subcommand_mut("call")
        .map(|command| command.render_long_help().to_string())
        .unwrap_or_default()
}

fn call(args: &CallArgs, endpoint: &'static Endpoint, console: Console) -> Result {
    let Some(client_id) = endpoint.client_id else {
        let error = anyhow!("`{}` is called by signing in, not by itself", endpoint.id);
        return Err(Failure::not_started(error).hint("`fortilake check` signs in"));
    };
    let arguments = arguments::read(endpoint, args.data.as_deref(), &args.arguments)?;
    if endpoint.access == Access::Write {
        announce(endpoint, &arguments, args.write, console)?;
    }
    super::runtime()?.block_on(async {
        let client = connect(args, client_id, console)?;
        let page = client.fetch(endpoint, &arguments).await;
        let page = page.map_err(super::call_failure)?;
        let body = page.body.trim_end();
        console
            .data(&format!("{body}\n"))
            .map_err(Failure::failed)?;
        Ok(Code::Complete)
    })
}

/// Says what a call will change, and refuses to change it unless that was asked for.
fn announce(
    endpoint: &Endpoint,
    arguments: &Map<String, Value>,
    write: bool,
    console: Console,
) -> Result<()> {
    let shown = serde_json::to_string(&arguments::shown(arguments)).map_err(Failure::failed)?;
    let what = format!(
        "{} {}: {}\n  {shown}\n",
        endpoint.method, endpoint.path, endpoint.summary
    );
    if write {
        console.note(&format!("sending, once: {what}"));
        return Ok(());
    }
    console.note(&format!("this would send: {what}"));
    let error = anyhow!("`{}` changes something on the other side", endpoint.id);
    Err(Failure::not_started(error).hint("add `--write` to send it"))
}

/// A client of the first source that has the endpoint's system.
fn connect(args: &CallArgs, client_id: &str, console: Console) -> Result<Client> {
    if args.simulate {
        return connect::simulated(&Terms::new(None, console));
    }
    let env = Env::read()?;
    let config = crawl::of_args(&args.sources, &env)?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    let terms = Terms::new(Some(state), console);
    let source = config
        .sources
        .iter()
        .find(|source| source.kind.has(client_id));
    match source {
        Some(source) => connect::client(source, &env, &terms),
        None => Err(Failure::not_started(anyhow!(
            "no configured source is a system that has this endpoint"
        ))
        .hint("add a `[[source]]` of that type, or name another with `--source`")),
    }
}
