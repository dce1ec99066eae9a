//! `fortilake license`: redeem, download and list licenses.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use fortilake_models::{
    Operation as _,
    generated::types::{
        LicensesDownload, LicensesDownloadRequest, LicensesList, LicensesListRequest,
        LicensesListRequestStatus, LicensesRegister, LicensesRegisterRequest,
    },
};
use fortilake_operations::check_registration_code;

use super::{
    operation::{self, OperationTarget},
    view::View,
};
use crate::{
    args::{
        AboutArgs, AccountArgs, CodeArgs, LicenseAction, Status, TargetArgs, UncheckedArgs,
        WriteArgs,
    },
    config::Env,
    console::Console,
    exit::{Code, CommandError, Result},
};

/// The columns shown for a product that was just registered.
pub(super) const REGISTERED: View = View {
    rows: "/assetDetails",
    columns: &[
        "serialNumber",
        "productModel",
        "registrationDate",
        "description",
    ],
};

const LICENSES: View = View {
    rows: "/licenses",
    columns: &[
        "licenseNumber",
        "licenseSKU",
        "serialNumber",
        "status",
        "endDate",
    ],
};

/// Runs the subcommand.
pub(crate) fn run(action: &LicenseAction, console: Console) -> Result {
    match action {
        LicenseAction::List {
            account,
            number,
            sku,
            status,
            read,
        } => {
            let request = LicensesListRequest {
                account_id: account.account,
                license_number: number.clone(),
                license_sku: sku.clone(),
                status: status.map(|status| match status {
                    Status::Registered => LicensesListRequestStatus::Registered,
                    Status::Pending => LicensesListRequestStatus::Pending,
                }),
            };
            operation::read::<LicensesList>(&request, &LICENSES, read, console)
        }
        LicenseAction::Register {
            code,
            account,
            serial,
            about,
            check,
            write,
        } => register(
            code,
            account,
            serial.as_ref(),
            (about, *check),
            write,
            console,
        ),
        LicenseAction::Download {
            serial,
            output,
            force,
            target,
        } => download(serial, output, *force, target, console),
    }
}

fn register(
    code: &CodeArgs,
    account: &AccountArgs,
    serial: Option<&String>,
    (about, check): (&AboutArgs, UncheckedArgs),
    write: &WriteArgs,
    console: Console,
) -> Result {
    let kept = operation::kept(code.code_env.as_ref(), code.code_file.as_ref());
    let what = "the registration code";
    let code = operation::secret(what, "code", kept.as_ref(), &Env::read()?)?;
    operation::checked(check, || check_registration_code(&code))?;
    let request = LicensesRegisterRequest {
        account_id: account.account,
        license_registration_code: code,
        serial_number: serial.cloned(),
        description: about.description.clone(),
        additional_info: about.additional_info.clone(),
        is_government: about.is_government(),
        partner: None,
    };
    let what = match serial {
        Some(serial) => format!("will redeem a license for {serial}"),
        None => "will redeem a license for a new virtual product".to_owned(),
    };
    operation::write::<LicensesRegister>(&what, &request, &REGISTERED, write, console)
}

/// Downloads a license and saves it to a file.
///
/// The temporary file is created before the call is made, so that a bad path costs no call. It is
/// renamed once it is complete, so a reader never sees half a license.
fn download(
    serial: &str,
    output: &Path,
    force: bool,
    target: &TargetArgs,
    console: Console,
) -> Result {
    let shown = output.display();
    if !force && output.symlink_metadata().is_ok() {
        let error = anyhow!("`{shown}` already exists");
        return Err(CommandError::not_started(error).hint("pass `--force` to overwrite it"));
    }
    let target = OperationTarget::find(target, LicensesDownload::ENDPOINT, console)?;
    let mut draft = Draft::beside(output)?;
    let request = LicensesDownloadRequest {
        serial_number: serial.to_owned(),
    };
    let answer = target.connect()?.run(async |caller| {
        let answer = caller.client.call::<LicensesDownload>(&request).await;
        answer.map_err(operation::failure)
    })?;
    let license = answer.license_file;
    let license = license.filter(|license| !license.expose().trim().is_empty());
    let Some(license) = license else {
        let error = anyhow!("the API returned no license file for `{serial}`");
        return Err(CommandError::failed(error));
    };
    draft
        .write(license.expose().as_bytes())
        .and_then(|()| draft.keep(output, force))
        .with_context(|| format!("`{shown}` cannot be written"))
        .map_err(CommandError::failed)?;
    console.note(&format!("saved the license of {serial} in `{shown}`\n"));
    Ok(Code::Complete)
}

/// A temporary file that only its owner can read. It is deleted on drop unless it was renamed.
struct Draft {
    file: File,
    path: std::path::PathBuf,
}

impl Draft {
    fn beside(output: &Path) -> Result<Self> {
        let mut name = output.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = output.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .with_context(|| format!("`{}` cannot be written", output.display()))
            .map_err(CommandError::not_started)?;
        Ok(Self { file, path })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()
    }

    /// Renames the file to `output`; an existing file is overwritten only with `force`.
    ///
    /// A rename always overwrites. A hard link fails if the name is taken, so it also protects a
    /// file that another process has created since `output` was checked.
    fn keep(&self, output: &Path, force: bool) -> std::io::Result<()> {
        if force {
            return std::fs::rename(&self.path, output);
        }
        match std::fs::hard_link(&self.path, output) {
            // Some file systems have no hard links. There, the earlier check has to be enough.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                std::fs::rename(&self.path, output)
            }
            linked => linked,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename nothing has this name any more, so a failure here is expected.
        let _ = std::fs::remove_file(&self.path);
    }
}
