//! `fortilake product register`: registers the units of a file, a few per call, and none twice.

use std::{fmt::Write as _, time::Duration};

use anyhow::anyhow;
use fortilake_auth::quotable;
use fortilake_client::Kind;
use fortilake_models::{
    Operation as _,
    generated::types::{ProductsRegister, RegistrationUnit},
};
use fortilake_operations::{LATE, Registration, Step, Unit, UnitState};
use serde::Serialize;

use super::{
    memory::{OutcomeStore, RegistrationLock},
    units::{self, Row},
};
use crate::{
    args::{RegisterArgs, RowFormat},
    commands::operation::{self, OperationTarget},
    config::Env,
    console::Console,
    exit::{Code, CommandError, Result},
};

/// The hint after an interruption.
const AGAIN: &str = "run the same command again to continue; no unit is sent twice";

/// The message in the row of a unit with an unknown outcome.
const NO_ANSWER: &str = "sent, but the result is unknown";

/// What to do about units with an unknown outcome.
const UNKNOWN: &str = "\
it is unknown whether these units were registered: they were sent, but neither a response nor a \
lookup confirmed the result. fortilake does not resend them on its own, because they could then be \
registered twice. Run the same command again later to look them up, or add `--resend-unknown` to \
resend those that were sent more than 10 minutes ago.\n";

/// Registers the unit on the command line or the units in the file.
pub(super) fn run(args: &RegisterArgs, console: Console) -> Result {
    let rows = match &args.file {
        Some(path) => units::read(path)?,
        None => vec![one(args)?],
    };
    let complaints: Vec<_> = rows.iter().map(|row| row.complaint.clone()).collect();
    let units = rows.into_iter().map(|row| row.unit);
    let account = args.account.account;
    let registration = if args.check.unchecked {
        Registration::unchecked(account, units)
    } else {
        Registration::new(account, units)
    };
    let mut registration = registration.batch(args.batch.into());
    for (position, complaint) in complaints.into_iter().enumerate() {
        if let Some(complaint) = complaint {
            registration.refuse(position, complaint);
        }
    }
    let target = OperationTarget::find(&args.target, ProductsRegister::ENDPOINT, console)?;
    let caller = target.connect()?;
    // Held until the end of this function; see `RegistrationLock`.
    let _turn = RegistrationLock::take(caller.state()?)?;
    let memory = OutcomeStore::of(caller.state()?, caller.client.user())?;
    if args.fresh {
        registration.forget(&memory).map_err(operation::failure)?;
    }
    registration.recall(&memory).map_err(operation::failure)?;
    let recalled = Counts::of(&registration).registered;
    if let Some(after) = &args.resend_unknown {
        let now = jiff::Timestamp::now().as_microsecond();
        registration.resend_unknown(now, resend_age(after)?);
    }
    let ended = if registration.next_step() == Step::Done {
        Ok(())
    } else {
        announce(target.name(), args, &registration, console);
        operation::confirm(args.yes, console)?;
        caller.run(async |caller| {
            let seen = |registration: &Registration| progress(registration, console);
            let ended = registration.run(&caller.client, &memory, seen).await;
            ended.map_err(|error| interrupted(error, &registration))
        })
    };
    // The result is printed before an error is returned: units may have been registered before it
    // happened.
    let table = render(&registration, args.format)?;
    console.data(&table).map_err(CommandError::failed)?;
    let counts = Counts::of(&registration);
    console.note(&counts.summary());
    if recalled > 0 {
        console.note(&format!(
            "{} registered by an earlier run and not sent again; `--fresh` ignores earlier runs\n",
            match recalled {
                1 => "1 of them was".to_owned(),
                recalled => format!("{recalled} of them were"),
            }
        ));
    }
    ended?;
    if counts.sent > 0 {
        console.problem(UNKNOWN);
    }
    Ok(counts.code())
}

/// The unit that the command line describes.
fn one(args: &RegisterArgs) -> Result<Row> {
    let unit = &args.unit;
    let kept = operation::kept(unit.cloud_key_env.as_ref(), unit.cloud_key_file.as_ref());
    let what = "the FortiCloud key";
    let cloud_key = match kept {
        None => None,
        kept => Some(operation::secret(
            what,
            "cloud-key",
            kept.as_ref(),
            &Env::read()?,
        )?),
    };
    let unit = RegistrationUnit {
        serial_number: args.serial.clone().unwrap_or_default(),
        contract_number: unit.contract.clone(),
        description: unit.description.clone(),
        asset_group_ids: Some(unit.group.clone()).filter(|groups| !groups.is_empty()),
        replaced_serial_number: unit.replaces.clone(),
        additional_info: unit.additional_info.clone(),
        cloud_key,
        is_government: unit.government.then_some(true),
        folder_id: unit.folder,
        location: None,
    };
    let location = args.location.location();
    Ok(Row {
        unit: Unit { unit, location },
        complaint: None,
    })
}

/// Prints how many units will be registered, and how many will not and why.
fn announce(source: &str, args: &RegisterArgs, registration: &Registration, console: Console) {
    let counts = Counts::of(registration);
    let account = args.account.account;
    let account = account.map_or(String::new(), |account| format!(" in account {account}"));
    let mut text = format!(
        "{source}: will register {} of {}{account}, at most {} per call\n",
        counts.waiting + counts.sent,
        counted(registration.units().len(), "unit"),
        args.batch
    );
    for (number, what) in [
        (counts.registered, "registered by an earlier run"),
        (
            counts.sent,
            "sent by an earlier run without a response, to be looked up first",
        ),
        (counts.refused, "refused; the result says why"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {number} {what}");
        }
    }
    console.ask(&text);
}

/// Parses the age from which on units with an unknown outcome are sent again; `0s` means all.
fn resend_age(text: &str) -> Result<Duration> {
    let age = text.parse::<jiff::SignedDuration>().ok();
    age.and_then(|age| age.try_into().ok()).ok_or_else(|| {
        CommandError::not_started(anyhow!(
            "`--resend-unknown` is `{}`; it must be a duration such as `10m` or `1h`",
            quotable(text, &[])
        ))
    })
}

/// Prints progress on a terminal, and the reason for a longer wait in any case.
fn progress(registration: &Registration, console: Console) {
    if registration.next_step() == Step::Wait {
        let sent = Counts::of(registration).sent;
        let (units, wait) = (counted(sent, "unit"), LATE.as_secs());
        console.note(&format!(
            "{units} not found yet; looking again in {wait} s, because registration may take a while\n"
        ));
    }
    if console.interactive {
        console.note(&Counts::of(registration).summary());
    }
}

/// Converts the error that ended the run, with a hint on how to continue.
fn interrupted(error: fortilake_client::Error, registration: &Registration) -> CommandError {
    let paused = error.kind() == Kind::Paused;
    let failure = operation::failure(error);
    if Counts::of(registration).sent > 0 {
        return failure.hint(format!(
            "{AGAIN}, and units without a response are looked up first"
        ));
    }
    match failure.hint.clone() {
        Some(hint) if paused => failure.hint(format!("{hint}; {AGAIN}")),
        _ => failure.hint(AGAIN),
    }
}

/// A number with its noun, such as `1 unit` or `2 units`.
fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The number of units with each outcome.
#[derive(Default)]
struct Counts {
    waiting: usize,
    sent: usize,
    registered: usize,
    refused: usize,
}

impl Counts {
    fn of(registration: &Registration) -> Self {
        let mut counts = Self::default();
        for (_, state) in registration.units() {
            *match state {
                UnitState::Waiting => &mut counts.waiting,
                UnitState::Sent { .. } => &mut counts.sent,
                UnitState::Registered { .. } => &mut counts.registered,
                UnitState::Refused { .. } => &mut counts.refused,
            } += 1;
        }
        counts
    }

    fn summary(&self) -> String {
        let mut parts = vec![format!("{} registered", self.registered)];
        for (number, what) in [
            (self.refused, "refused"),
            (self.sent, "unknown"),
            (self.waiting, "not sent"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        format!("{}\n", parts.join(", "))
    }

    fn code(&self) -> Code {
        match (self.sent, self.refused) {
            (0, 0) => Code::Complete,
            _ => Code::Partial,
        }
    }
}

/// One row of the result.
#[derive(Serialize)]
struct ResultRow<'a> {
    row: usize,
    serial_number: &'a str,
    contract_number: Option<&'a str>,
    outcome: &'static str,
    product_model: Option<&'a str>,
    message: Option<&'a str>,
}

fn render(registration: &Registration, format: RowFormat) -> Result<String> {
    let rows = registration
        .units()
        .enumerate()
        .map(|(position, (unit, state))| {
            let (outcome, product_model, message) = match state {
                UnitState::Waiting => ("not_sent", None, None),
                UnitState::Sent { .. } => ("unknown", None, Some(NO_ANSWER)),
                UnitState::Registered { product } => ("registered", product.as_deref(), None),
                UnitState::Refused { reason } => ("refused", None, Some(reason.as_str())),
            };
            ResultRow {
                row: position + 1,
                serial_number: &unit.unit.serial_number,
                contract_number: unit.unit.contract_number.as_deref(),
                outcome,
                product_model,
                message,
            }
        });
    match format {
        RowFormat::Json => {
            let rows: Vec<_> = rows.collect();
            let text = serde_json::to_string_pretty(&rows).map_err(CommandError::failed)?;
            Ok(text + "\n")
        }
        RowFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in rows {
                writer.serialize(row).map_err(CommandError::failed)?;
            }
            let bytes = writer.into_inner().map_err(CommandError::failed)?;
            String::from_utf8(bytes).map_err(CommandError::failed)
        }
    }
}
