//! `fortilake portal`: signs in to or out of a FortiPortal.

use anyhow::anyhow;
use fortilake_crawler::client::{auth::FORTIPORTAL, models::Access};

use super::operation::{self, Desk, Target};
use crate::{
    args::{PortalAction, TargetArgs},
    connect::Time,
    console::Console,
    exit::{Code, Failure, Result},
};

/// Runs the subcommand.
pub(crate) fn run(action: &PortalAction, console: Console) -> Result {
    let said = match action {
        PortalAction::Login { target } => find(target, console)?.connect()?.run(login),
        PortalAction::Logout { target } => find(target, console)?.connect()?.run(logout),
        PortalAction::Status { target } => find(target, console)?
            .connect()?
            .run(async |desk| Ok(status(desk))),
    }?;
    console.data(&said).map_err(Failure::failed)?;
    Ok(Code::Complete)
}

fn find(args: &TargetArgs, console: Console) -> Result<Target<'_>> {
    let target = Target::of(args, FORTIPORTAL, Access::Read, console)?;
    if target.source().api_key.is_some() {
        let error = anyhow!("source `{}` has an API key", target.source().name);
        return Err(Failure::not_started(error).hint("with a key nobody signs in or out"));
    }
    Ok(target.keep_token())
}

async fn login(desk: &Desk) -> Result<String> {
    let signed_in = desk.client.sign_in(FORTIPORTAL).await;
    signed_in.map_err(operation::failure)?;
    Ok(status(desk))
}

async fn logout(desk: &Desk) -> Result<String> {
    let had = desk.portal_token().is_some();
    desk.client.sign_out().await.map_err(operation::failure)?;
    Ok(if had {
        "signed out\n".to_owned()
    } else {
        status(desk)
    })
}

fn status(desk: &Desk) -> String {
    match desk.portal_token() {
        Some(token) => format!("signed in until {}\n", Time(token.expires_at)),
        None => "not signed in\n".to_owned(),
    }
}
