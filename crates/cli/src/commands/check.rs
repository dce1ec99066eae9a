//! `fortilake check`: signs in to each service, makes one call to it, probes the sinks, and reports
//! what works.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use fortilake_client as client;
use fortilake_crawler::{Check, one_line};
use fortilake_sink::registry;
use serde_json::{Value, json};

use super::crawl;
use crate::{
    args::CheckArgs,
    config::{Env, SinkConfig, SourceConfig},
    connect::{self, ClientContext},
    console::Console,
    exit::{CREDENTIALS_HINT, Code, CommandError, Result},
    session,
};

/// The portal without which only the user's own account is read.
const ORGANIZATION: &str = "Organization";

/// Checks the configured sources and sinks.
pub(crate) fn run(args: &CheckArgs, console: Console) -> Result {
    let env = Env::read()?;
    let config = crawl::load_sources(&args.sources, &args.sink, &env)?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    // A stored token of an earlier run would still work and hide a password that is now wrong.
    let context = ClientContext {
        sign_in_anew: true,
        ..ClientContext::new(Some(state), console)
    };
    super::block_on(&super::runtime()?, async {
        let mut code = Code::Complete;
        let mut list = Vec::new();
        let mut refused = false;
        let mut denied = BTreeSet::new();
        for source in config.sources.iter().flat_map(SourceConfig::by_user) {
            let source = &source;
            let client = Arc::new(connect::client(source, &env, &context)?);
            let check = source.system.check(&client).await;
            let found = code_of(&check);
            refused |= is_refused(&check);
            denied.extend(denied_portals(&check));
            connect::sign_out(&[client], console).await;
            if args.json {
                list.push(object(&source.name, &check));
            } else {
                let text = table(&source.name, &check);
                console.data(&text).map_err(CommandError::failed)?;
            }
            // If one source needs a correction and another only has to wait, the exit code asks
            // for the correction: waiting would not fix it.
            if code != Code::NotStarted && found != Code::Complete {
                code = found;
            }
        }
        let mut lines = String::new();
        for sink in &config.sinks {
            let found = probe(sink, &env).await;
            if args.json {
                list.push(sink_object(&sink.label, &found));
            } else {
                lines.push_str(&sink_line(&sink.label, &found));
            }
            if let Err(failure) = found
                && code != Code::NotStarted
            {
                code = failure.code;
            }
        }
        if !lines.is_empty() {
            let text = format!("sinks\n{lines}");
            console.data(&text).map_err(CommandError::failed)?;
        }
        if refused {
            console.problem(&format!("\nhint: {CREDENTIALS_HINT}\n"));
        }
        if !denied.is_empty() {
            let scope = if denied.contains(ORGANIZATION) {
                ", and give the user the organization scope"
            } else {
                ""
            };
            let portals = denied.into_iter().collect::<Vec<_>>().join(" and ");
            console.problem(&format!(
                "\nhint: in the IAM portal of FortiCloud, allow {portals} in the permission profile of the API \
                 user{scope}\n"
            ));
        }
        if args.json {
            let text = format!("{:#}\n", Value::from(list));
            console.data(&text).map_err(CommandError::failed)?;
        }
        Ok(code)
    })
}

/// Checks that a crawl could publish to the sink, and leaves nothing behind.
async fn probe(sink: &SinkConfig, env: &Env) -> Result<()> {
    let options = env.resolve(&sink.spec).await?;
    (registry::find(&sink.spec.sink)?.probe)(options).await?;
    Ok(())
}

fn sink_line(label: &str, found: &Result<()>) -> String {
    match found {
        Ok(()) => format!("  {label:16}  ok      can be written\n"),
        Err(failure) => format!("  {label:16}  failed  {:#}\n", failure.error),
    }
}

/// What was found at a sink, as JSON. Its members are a documented interface.
fn sink_object(label: &str, found: &Result<()>) -> Value {
    let (result, message, code) = match found {
        Ok(()) => ("ok", None, Code::Complete),
        Err(failure) => ("failed", Some(format!("{:#}", failure.error)), failure.code),
    };
    json!({ "sink": label, "result": result, "message": message, "exit_code": code as u8 })
}

/// What was found at a source, as JSON. Its members are a documented interface.
fn object(source: &str, check: &Check) -> Value {
    let services = check.services.iter().map(|(service, found)| {
        let (result, message) = match found {
            Some(Ok(said)) => ("ok", Some(said.clone())),
            Some(Err(error)) if error.kind() == client::Kind::Refused => {
                ("denied", Some(one_line(error)))
            }
            Some(Err(error)) => ("failed", Some(one_line(error))),
            None => ("not_called", None),
        };
        json!({ "service": service, "result": result, "message": message })
    });
    json!({
        "source": source,
        "usable": check.usable,
        "services": services.collect::<Vec<_>>(),
        "note": check.note,
        "exit_code": code_of(check) as u8,
    })
}

/// Whether the system does not accept the user or the password.
fn is_refused(check: &Check) -> bool {
    let mut found = check
        .services
        .iter()
        .filter_map(|(_, found)| found.as_ref());
    found.any(|found| {
        let error = found.as_ref().err();
        error.is_some_and(|error| error.kind() == client::Kind::Credentials)
    })
}

/// The portals of FortiCloud that the user has no permission for.
fn denied_portals(check: &Check) -> impl Iterator<Item = &'static str> {
    let denied = check.services.iter().filter(|(_, found)| {
        let error = found.as_ref().and_then(|found| found.as_ref().err());
        error.is_some_and(|error| error.kind() == client::Kind::Refused)
    });
    let names = denied.map(|(service, _)| *service);
    names.filter(|name| [ORGANIZATION, "IAM", "Asset Management"].contains(name))
}

/// The exit code for these findings.
fn code_of(check: &Check) -> Code {
    let found = check
        .services
        .iter()
        .filter_map(|(_, found)| found.as_ref());
    let mut errors = found.filter_map(|found| found.as_ref().err());
    if errors.any(|error| error.kind() == client::Kind::Paused) {
        Code::Paused
    } else if check.usable {
        Code::Complete
    } else {
        Code::NotStarted
    }
}

fn table(source: &str, check: &Check) -> String {
    let mut text = format!("{source}\n");
    for (service, found) in &check.services {
        text.push_str(&line(service, found.as_ref()));
    }
    if let Some(note) = check.note {
        let _ = writeln!(text, "  {note}");
    }
    text
}

fn line(service: &str, found: Option<&client::Result<String>>) -> String {
    let said = match found {
        Some(Ok(said)) => format!("ok      {said}"),
        Some(Err(error)) if error.kind() == client::Kind::Refused => {
            format!(
                "denied  the user's permission profile does not allow it: {}",
                one_line(error)
            )
        }
        Some(Err(error)) => format!("failed  {}", one_line(error)),
        None => "-       not called".to_owned(),
    };
    format!("  {service:16}  {said}\n")
}
