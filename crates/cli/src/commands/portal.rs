//! `fortilake portal`: signs in to or out of a FortiPortal.

use anyhow::anyhow;
use fortilake_auth::FORTIPORTAL;
use fortilake_models::Access;

use super::operation::{self, OperationClient, OperationTarget};
use crate::{
    args::{PortalAction, TargetArgs},
    console::Console,
    exit::{Code, CommandError, Result},
    time::Time,
};

/// Runs the subcommand.
pub(crate) fn run(action: &PortalAction, console: Console) -> Result {
    let said = match action {
        PortalAction::Login { target } => find(target, console)?.connect()?.run(login),
        PortalAction::Logout { target } => find(target, console)?.connect()?.run(logout),
        PortalAction::Status { target } => find(target, console)?
            .connect()?
            .run(async |caller| Ok(status(caller).await)),
    }?;
    console.data(&said).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn find(args: &TargetArgs, console: Console) -> Result<OperationTarget<'_>> {
    let target = OperationTarget::of(args, FORTIPORTAL, Access::Read, console)?;
    if target.source().api_key.is_some() {
        let error = anyhow!(
            "source `{}` uses an API key, so it has no token",
            target.source().name
        );
        return Err(CommandError::not_started(error)
            .hint("you don't need to sign in: every call is made with the key"));
    }
    Ok(target.keep_token())
}

async fn login(caller: &OperationClient) -> Result<String> {
    let signed_in = caller.client.sign_in(FORTIPORTAL).await;
    signed_in.map_err(operation::failure)?;
    Ok(status(caller).await)
}

async fn logout(caller: &OperationClient) -> Result<String> {
    let had = caller.portal_token().await.is_some();
    caller.client.sign_out().await.map_err(operation::failure)?;
    Ok(if had {
        "signed out\n".to_owned()
    } else {
        status(caller).await
    })
}

async fn status(caller: &OperationClient) -> String {
    match caller.portal_token().await {
        Some(token) => format!("signed in until {}\n", Time(token.expires_at)),
        None => "not signed in\n".to_owned(),
    }
}
