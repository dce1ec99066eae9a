//! `fortilake product register`: registers the units of a file, a few per call, and none twice.

use std::fmt::Write as _;

use fortilake_crawler::client::{
    Kind,
    models::{
        Operation as _,
        generated::asset_management_v3_product::{ProductsRegister, RegistrationUnit},
    },
    operations::{Fate, Registration, Step, Unit},
};
use serde::Serialize;

use super::{
    memory::{Remembered, Turn},
    units::{self, Row},
};
use crate::{
    args::{RegisterArgs, RowFormat},
    commands::operation::{self, Target},
    config::Env,
    console::Console,
    exit::{Code, Failure, Result},
};

const AGAIN: &str = "the same command goes on from here, and sends nothing twice";

/// Registers what the command line or the file names.
pub(super) fn run(args: &RegisterArgs, console: Console) -> Result {
    let rows = match &args.file {
        Some(path) => units::read(path)?,
        None => vec![one(args)?],
    };
    let complaints: Vec<_> = rows.iter().map(|row| row.complaint.clone()).collect();
    let units = rows.into_iter().map(|row| row.unit);
    let mut registration = Registration::new(args.account.account, units).batch(args.batch.into());
    for (position, complaint) in complaints.into_iter().enumerate() {
        if let Some(complaint) = complaint {
            registration.refuse(position, complaint);
        }
    }
    let target = Target::find(&args.target, ProductsRegister::ENDPOINT, console)?;
    let desk = target.connect()?;
    let _turn = Turn::take(desk.state()?)?;
    let memory = Remembered::of(desk.state()?, desk.client.user())?;
    if args.fresh {
        registration.forget(&memory).map_err(operation::failure)?;
    }
    registration.recall(&memory).map_err(operation::failure)?;
    let ended = if registration.next_step() == Step::Done {
        Ok(())
    } else {
        announce(target.name(), args, &registration, console);
        operation::confirm(args.yes, console)?;
        desk.run(async |desk| {
            let seen = |registration: &Registration| progress(registration, console);
            let ended = registration.run(&desk.client, &memory, seen).await;
            ended.map_err(|error| interrupted(error, &registration))
        })
    };
    // The result is printed before an error is returned: units may have been registered before it
    // happened.
    let table = render(&registration, args.format)?;
    console.data(&table).map_err(Failure::failed)?;
    let counts = Counts::of(&registration);
    console.note(&counts.summary());
    ended?;
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
        "{source}: registers {} of {} units{account}, at most {} in a call\n",
        counts.waiting + counts.sent,
        registration.units().len(),
        args.batch
    );
    for (number, what) in [
        (counts.registered, "registered by an earlier run"),
        (
            counts.sent,
            "sent by an earlier run without an answer, and looked up first",
        ),
        (counts.refused, "refused, as their rows will say"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {number} {what}");
        }
    }
    console.note(&text);
}

/// Where somebody watches, how far it is.
fn progress(registration: &Registration, console: Console) {
    if console.interactive {
        console.note(&Counts::of(registration).summary());
    }
}

/// Why it cannot go on, and what is known of the units that were on their way.
fn interrupted(error: fortilake_crawler::client::Error, registration: &Registration) -> Failure {
    let paused = error.kind() == Kind::Paused;
    let failure = operation::failure(error);
    if Counts::of(registration).sent > 0 {
        return failure.hint(format!(
            "{AGAIN}; units without an answer are looked up first"
        ));
    }
    match failure.hint.clone() {
        Some(hint) if paused => failure.hint(format!("{hint}; {AGAIN}")),
        _ => failure.hint(AGAIN),
    }
}

/// How many units there are of each fate.
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
        for (_, fate) in registration.units() {
            *match fate {
                Fate::Waiting => &mut counts.waiting,
                Fate::Sent => &mut counts.sent,
                Fate::Registered { .. } => &mut counts.registered,
                Fate::Refused { .. } => &mut counts.refused,
            } += 1;
        }
        counts
    }

    fn summary(&self) -> String {
        let mut parts = vec![format!("{} registered", self.registered)];
        for (number, what) in [
            (self.refused, "refused"),
            (self.sent, "without an answer"),
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
struct Told<'a> {
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
        .map(|(position, (unit, fate))| {
            let (outcome, product_model, message) = match fate {
                Fate::Waiting => ("not_sent", None, None),
                Fate::Sent => ("unknown", None, Some("no answer is known")),
                Fate::Registered { product } => ("registered", product.as_deref(), None),
                Fate::Refused { reason } => ("refused", None, Some(reason.as_str())),
            };
            Told {
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
            let text = serde_json::to_string_pretty(&rows).map_err(Failure::failed)?;
            Ok(text + "\n")
        }
        RowFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in rows {
                writer.serialize(row).map_err(Failure::failed)?;
            }
            let bytes = writer.into_inner().map_err(Failure::failed)?;
            String::from_utf8(bytes).map_err(Failure::failed)
        }
    }
}
