//! `fortilake simulate`: serves a simulator of the APIs on a port.

mod paths;

use std::{fs, net::SocketAddr, path::Path};

use anyhow::Context as _;
use fortilake_simulator::{Scenario, Simulator};
use tokio::net::TcpListener;

use crate::{
    args::SimulateArgs,
    config,
    console::Console,
    exit::{Code, CommandError, Result},
};

/// Serves until it is interrupted.
///
/// Standard output is a `.env` file that points fortilake at the simulator, so that
/// `fortilake simulate > .env` is all the setup a trial takes.
pub(crate) fn run(args: &SimulateArgs, console: Console) -> Result {
    let mut scenario = match &args.scenario {
        None => Scenario::production(),
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("the scenario `{}` cannot be read", path.display()))
                .map_err(CommandError::not_started)?;
            Scenario::from_toml(&text)
                .map_err(anyhow::Error::from)
                .and_then(|scenario| paths::check(&scenario).map(|()| scenario))
                .with_context(|| format!("the scenario `{}` cannot be used", path.display()))
                .map_err(CommandError::not_started)?
        }
    };
    scenario.day = args.day.unwrap_or(scenario.day);
    match &args.log {
        Some(path) => log(path, scenario, console),
        None => super::block_on(&super::runtime()?, serve(args.listen, scenario, console)),
    }
}

/// Writes what happened until the scenario's day, as one JSON object per line.
fn log(path: &Path, scenario: Scenario, console: Console) -> Result {
    let simulator = Simulator::new(scenario);
    let mut lines = String::new();
    for change in simulator.changes() {
        lines.push_str(&serde_json::to_string(change).map_err(CommandError::failed)?);
        lines.push('\n');
    }
    if path.as_os_str() == "-" {
        console.data(&lines).map_err(CommandError::failed)?;
    } else {
        fs::write(path, lines)
            .with_context(|| format!("cannot write `{}`", path.display()))
            .map_err(CommandError::not_started)?;
    }
    Ok(Code::Complete)
}

async fn serve(address: SocketAddr, scenario: Scenario, console: Console) -> Result {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on `{address}`"))
        .map_err(|error| {
            CommandError::not_started(error).hint("use `--listen 127.0.0.1:0` to pick a free port")
        })?;
    let address = listener.local_addr().map_err(CommandError::failed)?;
    let variables = format!(
        "FORTICLOUD_AUTH_URL=http://{address}/api/v1/oauth/token/\n\
         FORTICLOUD_API_URL=http://{address}\n\
         FORTICLOUD_USERNAME={}\n\
         FORTICLOUD_PASSWORD={}\n",
        config::quoted(&scenario.credentials.username),
        config::quoted(&scenario.credentials.password),
    );
    console.data(&variables).map_err(CommandError::failed)?;
    console.note(&format!(
        "serving the simulator on http://{address}; press Ctrl-C to stop\n"
    ));
    let interrupted = async {
        // Where signals cannot be received, it serves until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Simulator::new(scenario)
        .serve(listener, interrupted)
        .await
        .map_err(CommandError::failed)?;
    Ok(Code::Complete)
}
