//! `fortilake check`: signs in to each service, makes one call to it, and reports what works.

use std::{fmt::Write as _, sync::Arc};

use fortilake_crawler::{
    Facts, Ids,
    client::{self, Client},
    one_line,
};
use serde_json::{Value, json};

use super::crawl;
use crate::{
    args::CheckArgs,
    config::{Env, SourceKind},
    connect::{self, Terms},
    console::Console,
    exit::{Code, Failure, Result},
    session,
};

/// Checks the configured sources.
pub(crate) fn run(args: &CheckArgs, console: Console) -> Result {
    let env = Env::read()?;
    let config = crawl::of_args(&args.sources, &env)?;
    let state = session::open_state(args.state.state.as_deref(), &env)?;
    let terms = Terms::new(Some(state), console);
    super::runtime()?.block_on(async {
        let mut code = Code::Complete;
        for source in &config.sources {
            let client = Arc::new(connect::client(source, &env, &terms)?);
            let (text, usable) = match source.kind {
                SourceKind::FortiCloud => {
                    let findings = check(&client).await;
                    (table(&source.name, &findings), findings.usable())
                }
                kind => neighbor(kind, &source.name, &client).await,
            };
            connect::sign_out(&[client], console).await;
            console.data(&text).map_err(Failure::failed)?;
            if !usable {
                code = Code::NotStarted;
            }
        }
        Ok(code)
    })
}

/// Asks a system that is signed in to once for the first thing that a crawl would ask.
async fn neighbor(kind: SourceKind, source: &str, client: &Client) -> (String, bool) {
    let (service, endpoint, what) = match kind {
        SourceKind::FortiAuthenticator => ("FortiAuthenticator", "authenticator/systeminfo", ""),
        _ => (
            "FortiPortal",
            "portal/account/organizations",
            " organizations",
        ),
    };
    let found = ask(client, endpoint, json!({})).await;
    let usable = found.is_ok();
    let said = found.map(|facts| said(&facts) + what);
    (format!("{source}\n{}", line(service, Some(&said))), usable)
}

/// What one call to each service came to; nothing of those that were not asked.
struct Findings {
    organization: client::Result<String>,
    iam: Option<client::Result<String>>,
    products: Option<client::Result<String>>,
}

impl Findings {
    /// A user without an organization can still read its own account.
    fn usable(&self) -> bool {
        let works = |found: &Option<client::Result<String>>| {
            found.as_ref().is_none_or(client::Result::is_ok)
        };
        works(&self.iam) && works(&self.products) && !self.locked_out()
    }

    /// Whether the user cannot sign in, so that no other service is worth an error.
    fn locked_out(&self) -> bool {
        let error = self.organization.as_ref().err();
        error.is_some_and(|error| error.kind() == client::Kind::Credentials)
    }
}

async fn check(client: &Client) -> Findings {
    let units = ask(client, "units/list", json!({})).await;
    let organization = match &units {
        Ok(Facts::Units {
            organization,
            units,
        }) => organization.or(units.known.first().copied()),
        _ => None,
    };
    let mut findings = Findings {
        organization: units.map(|facts| said(&facts)),
        iam: None,
        products: None,
    };
    if findings.locked_out() {
        return findings;
    }
    let mut arguments = json!({ "serialNumber": "%", "status": "Registered" });
    if let Some(ou) = organization {
        let accounts = ask(client, "accounts/list", json!({ "parentId": ou })).await;
        let account = match &accounts {
            Ok(Facts::Accounts(accounts)) => accounts.known.first().copied(),
            _ => None,
        };
        findings.iam = Some(accounts.map(|facts| said(&facts)));
        // The root may have no account of its own; the organization then stands in for one,
        // and what the API says of that tells whether this user may ask at all.
        arguments["accountId"] = account.unwrap_or(ou).into();
    }
    let products = ask(client, "products/list", arguments).await;
    findings.products = Some(products.map(|facts| said(&facts)));
    findings
}

/// What an answer says; one that cannot be read says nothing, and yet that the call may be made.
async fn ask(client: &Client, endpoint: &str, arguments: Value) -> client::Result<Facts> {
    let facts = super::ask(client, endpoint, arguments).await?;
    Ok(facts.unwrap_or(Facts::Accounts(Ids::default())))
}

fn said(facts: &Facts) -> String {
    match facts {
        Facts::Units { units, .. } => format!("{} units", units.known.len()),
        Facts::Accounts(accounts) => format!("{} accounts in the first unit", accounts.known.len()),
        Facts::List(list) => match list.total {
            Some(total) if total > 1 => {
                format!(
                    "{} products on the first of {total} pages",
                    list.serials.len()
                )
            }
            _ => format!("{} products in the first account", list.serials.len()),
        },
        Facts::Counted(list) => list.total.unwrap_or(list.ids.len() as u64).to_string(),
        Facts::Unit(unit) => {
            let unit = unit.iter().filter_map(|(_, value)| value.as_str());
            unit.collect::<Vec<_>>().join(", ")
        }
    }
}

fn table(source: &str, findings: &Findings) -> String {
    let mut text = format!("{source}\n");
    text.push_str(&line("Organization", Some(&findings.organization)));
    text.push_str(&line("IAM", findings.iam.as_ref()));
    text.push_str(&line("Asset Management", findings.products.as_ref()));
    if findings.organization.is_err() && findings.usable() {
        let _ = writeln!(text, "  A crawl reads this user's own account alone.");
    }
    text
}

fn line(service: &str, found: Option<&client::Result<String>>) -> String {
    let said = match found {
        Some(Ok(said)) => format!("ok      {said}"),
        Some(Err(error)) if error.kind() == client::Kind::Refused => {
            format!(
                "lacks   the user's permission profile does not allow it: {}",
                one_line(error)
            )
        }
        Some(Err(error)) => format!("failed  {}", one_line(error)),
        None => "-       not asked".to_owned(),
    };
    format!("  {service:16}  {said}\n")
}
