//! `fortilake ftm`: the FortiToken Mobile licenses of a FortiAuthenticator.

use fortilake_client::Kind;
use fortilake_models::{
    NoArguments, Operation as _,
    generated::types::{
        AuthenticatorFortitokenmobilelicenses, AuthenticatorFortitokenmobilelicensesPost,
        AuthenticatorSysteminfo, FtmLicenseRequest, SystemInfo,
    },
};
use fortilake_operations::check_token_license;
use serde_json::json;

use super::{
    operation::{self, OperationTarget},
    view::View,
};
use crate::{
    args::{FtmAction, ReadArgs, UncheckedArgs, WriteArgs},
    config::{Env, Secret},
    console::Console,
    exit::{Code, CommandError, Result},
};

const COUNTS: View = View {
    rows: "",
    columns: &["serial", "firmware", "total", "used", "available"],
};

const ACTIVATED: View = View {
    rows: "/messages",
    columns: &["success"],
};

/// Runs the subcommand.
pub(crate) fn run(action: &FtmAction, console: Console) -> Result {
    match action {
        FtmAction::Status { read } => status(read, console),
        FtmAction::Activate {
            license_env,
            license_file,
            check,
            write,
        } => {
            let kept = operation::kept(license_env.as_ref(), license_file.as_ref());
            activate(kept.as_ref(), *check, write, console)
        }
    }
}

/// Prints the token counts, with the unit's serial number and firmware if it reports them.
fn status(args: &ReadArgs, console: Console) -> Result {
    let target = OperationTarget::find(
        &args.target,
        AuthenticatorFortitokenmobilelicenses::ENDPOINT,
        console,
    )?;
    let row = target.connect()?.run(async |caller| {
        let client = &caller.client;
        let counts = client.call::<AuthenticatorFortitokenmobilelicenses>(&NoArguments {});
        let counts = counts.await.map_err(operation::failure)?;
        let info = match client
            .call::<AuthenticatorSysteminfo>(&NoArguments {})
            .await
        {
            Ok(info) => info,
            // Older releases do not have this endpoint, and some users may not call it. The
            // counts are worth printing without it.
            Err(error) if matches!(error.kind(), Kind::BadRequest | Kind::Refused) => {
                SystemInfo::default()
            }
            Err(error) => return Err(operation::failure(error)),
        };
        Ok(json!({
            "serial": info.sn,
            "firmware": info.firmware,
            "total": counts.total_ftm,
            "used": counts.used_ftm,
            "available": counts.available_ftm,
        }))
    })?;
    let text = COUNTS.render(&row.to_string(), args.format);
    console
        .data(&text.map_err(CommandError::failed)?)
        .map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn activate(
    kept: Option<&Secret>,
    check: UncheckedArgs,
    write: &WriteArgs,
    console: Console,
) -> Result {
    let license = operation::secret("the license", "license", kept, &Env::read()?)?;
    operation::checked(check, || check_token_license(&license))?;
    let what = "will activate a FortiToken Mobile license";
    let request = FtmLicenseRequest { license };
    operation::write::<AuthenticatorFortitokenmobilelicensesPost>(
        what, &request, &ACTIVATED, write, console,
    )
}
