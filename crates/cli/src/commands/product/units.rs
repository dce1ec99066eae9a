//! Reads the units to register from a CSV, JSON or TOML file with the API's field names.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow};
use fortilake_models::generated::types::{LocationInput, RegistrationUnit};
use fortilake_operations::Unit;
use fortilake_sink::nearest;
use serde_json::{Map, Value};

use crate::{
    exit::{CommandError, Result},
    text_file,
};

#[cfg(test)]
mod tests;

/// The fields that a row can have. Those after `location` are parts of the location.
const NAMES: [&str; 19] = [
    "serialNumber",
    "contractNumber",
    "description",
    "assetGroupIds",
    "replacedSerialNumber",
    "additionalInfo",
    "cloudKey",
    "isGovernment",
    "folderId",
    "location",
    "company",
    "address",
    "city",
    "stateOrProvince",
    "countryCode",
    "postalCode",
    "email",
    "phone",
    "fax",
];

/// A unit, with the fields of its row that could be read.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The unit; only complete without a complaint.
    pub(super) unit: Unit,
    /// Why the unit cannot be registered as the row has it.
    pub(super) complaint: Option<String>,
}

/// Reads a file in the format that its extension names.
///
/// An unknown field name is an error for the whole file, because it probably affects every row. A
/// bad value is a complaint about its own row, so the other units are still registered.
pub(super) fn read(path: &Path) -> Result<Vec<Row>> {
    let shown = path.display();
    let bytes = fs::read(path)
        .with_context(|| format!("the units in `{shown}` cannot be read"))
        .map_err(CommandError::not_started)?;
    let text = text_file::decode(&bytes, &shown.to_string())?;
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    parse(&text, &ending.to_ascii_lowercase())
        .map_err(|failure| failure.context(format!("the units in `{shown}` cannot be used")))
}

fn parse(text: &str, ending: &str) -> Result<Vec<Row>> {
    // Excel writes a byte order mark at the start of a CSV file in UTF-8.
    let text = text.trim_start_matches('\u{feff}');
    let rows = match ending {
        "csv" => csv_rows(text)?,
        "json" => {
            let value = serde_json::from_str(text).context("the file is not JSON");
            listed(value.map_err(CommandError::not_started)?)?
        }
        "toml" => listed(toml_value(text)?)?,
        _ => {
            let error = anyhow!("unknown file type");
            return Err(CommandError::not_started(error).hint("use a .csv, .json or .toml file"));
        }
    };
    if rows.is_empty() {
        return Err(CommandError::not_started(anyhow!("the file has no units")));
    }
    rows.iter()
        .flat_map(Map::keys)
        .try_for_each(|name| known(name).map(drop))?;
    rows.iter().map(row).collect()
}

fn csv_rows(text: &str) -> Result<Vec<Map<String, Value>>> {
    let head = text.lines().next().unwrap_or_default();
    // In countries where the comma is the decimal separator, spreadsheets write `;` between cells.
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .find(|delimiter| head.as_bytes().contains(delimiter));
    let delimiter = delimiter.unwrap_or(b',');
    check_quotes(text, delimiter)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(CommandError::not_started)?.clone();
    let rows = reader.into_records().map(|record| {
        let record = record.map_err(CommandError::not_started)?;
        let cells = names.iter().zip(&record);
        let cells = cells.filter(|(_, cell)| !cell.is_empty());
        Ok(cells
            .map(|(name, cell)| (name.to_owned(), Value::from(cell)))
            .collect())
    });
    let rows: Vec<Map<String, Value>> = rows.collect::<Result<_>>()?;
    // Rows have no entries for empty cells, so an unknown column that is empty in all rows would
    // go unnoticed later.
    names.iter().try_for_each(|name| known(name).map(drop))?;
    // Spreadsheets often end a file with empty rows.
    Ok(rows.into_iter().filter(|row| !row.is_empty()).collect())
}

/// Refuses quotes that do not enclose a whole cell.
///
/// The parser accepts them, and a quote that is never closed swallows the rows after it: their units
/// would not be registered, and nothing would say so.
fn check_quotes(text: &str, delimiter: u8) -> Result<()> {
    let wrong = |line: usize, what: &str| {
        let error = anyhow!("line {line}: {what}");
        let hint = "put quotes around the whole cell, and write each quote inside it twice";
        Err(CommandError::not_started(error).hint(hint))
    };
    let (mut line, mut opened, mut at_start) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, opened) {
            (b'"', None) if at_start => opened = Some(line),
            // Two quotes in a quoted cell are one quote of its text.
            (b'"', Some(_)) if bytes.peek() == Some(&b'"') => drop(bytes.next()),
            (b'"', Some(_)) => {
                opened = None;
                let rest = bytes.clone();
                let next = rest.into_iter().find(|next| *next != b' ');
                if next.is_some_and(|next| next != delimiter && !b"\r\n".contains(&next)) {
                    return wrong(line, "text follows a closing quote");
                }
            }
            _ => {}
        }
        line += usize::from(byte == b'\n');
        at_start = opened.is_none() && (byte == delimiter || b"\r\n".contains(&byte));
    }
    match opened {
        Some(line) => wrong(line, "a quote is opened and never closed"),
        None => Ok(()),
    }
}

fn toml_value(text: &str) -> Result<Value> {
    toml::from_str(text).map_err(|error| {
        // The text of the line may hold a secret, so only its number is reported.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        CommandError::not_started(anyhow!("line {line}: {}", error.message()))
    })
}

/// The objects of a list. The list may be the only member of an object, as TOML requires.
fn listed(value: Value) -> Result<Vec<Map<String, Value>>> {
    let list = match value {
        Value::Array(items) => Some(items),
        Value::Object(members) => match members.into_iter().next() {
            Some((_, Value::Array(items))) => Some(items),
            _ => None,
        },
        _ => None,
    };
    let object = |item| match item {
        Value::Object(members) => Some(members),
        _ => None,
    };
    let objects = list.and_then(|items| items.into_iter().map(object).collect());
    objects.ok_or_else(|| CommandError::not_started(anyhow!("the file is not a list of objects")))
}

/// The API's spelling of a field name; `serial_number` and `Serial Number` are accepted, too.
fn known(name: &str) -> Result<&'static str> {
    let plain = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_ascii_lowercase()
    };
    let found = NAMES.into_iter().find(|known| plain(known) == plain(name));
    found.ok_or_else(|| {
        let failure = CommandError::not_started(anyhow!("a unit has no field `{name}`"));
        let longer = NAMES
            .into_iter()
            .find(|known| !name.is_empty() && plain(known).starts_with(&plain(name)));
        match longer.or_else(|| nearest(name, NAMES)) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint(format!("the fields are: {}", NAMES.join(", "))),
        }
    })
}

fn row(members: &Map<String, Value>) -> Result<Row> {
    let mut row = Row::default();
    let mut place = LocationInput::default();
    for (name, value) in members.iter().filter(|(_, value)| !is_blank(value)) {
        let name = known(name)?;
        let complaint = match (name, value) {
            ("location", Value::Object(members)) => {
                let mut members = members.iter().filter(|(_, value)| !is_blank(value));
                members.find_map(|(name, value)| set_place(&mut place, known(name).ok(), value))
            }
            _ => match set(&mut row.unit.unit, name, value) {
                Some(outcome) => outcome.err(),
                None => set_place(&mut place, Some(name), value),
            },
        };
        row.complaint = row.complaint.or(complaint);
    }
    row.unit.location = Some(place).filter(|place| *place != LocationInput::default());
    Ok(row)
}

/// Sets a field of a unit; `None` if the name is not a field of the unit itself.
fn set(
    unit: &mut RegistrationUnit,
    name: &'static str,
    value: &Value,
) -> Option<std::result::Result<(), String>> {
    let wrong = |wanted: &str| format!("`{name}` is not {wanted}");
    let text = || text_of(value).ok_or_else(|| wrong("a string"));
    let outcome = match name {
        "serialNumber" => text().map(|text| unit.serial_number = text),
        "contractNumber" => text().map(|text| unit.contract_number = Some(text)),
        "description" => text().map(|text| unit.description = Some(text)),
        "replacedSerialNumber" => text().map(|text| unit.replaced_serial_number = Some(text)),
        "additionalInfo" => text().map(|text| unit.additional_info = Some(text)),
        "cloudKey" => text().map(|text| unit.cloud_key = Some(text.into())),
        "assetGroupIds" => ids_of(value)
            .map(|ids| unit.asset_group_ids = Some(ids).filter(|ids| !ids.is_empty()))
            .ok_or_else(|| wrong("a list of whole numbers")),
        "folderId" => text_of(value)
            .and_then(|text| text.parse().ok())
            .map(|id| unit.folder_id = Some(id))
            .ok_or_else(|| wrong("a whole number")),
        "isGovernment" => text_of(value)
            .and_then(|text| truth(&text))
            .map(|truth| unit.is_government = Some(truth))
            .ok_or_else(|| wrong("true or false")),
        _ => return None,
    };
    Some(outcome)
}

/// Sets a part of an address, or returns the complaint.
fn set_place(place: &mut LocationInput, name: Option<&str>, value: &Value) -> Option<String> {
    let part = match name {
        Some("company") => &mut place.company,
        Some("address") => &mut place.address,
        Some("city") => &mut place.city,
        Some("stateOrProvince") => &mut place.state_or_province,
        Some("countryCode") => &mut place.country_code,
        Some("postalCode") => &mut place.postal_code,
        Some("email") => &mut place.email,
        Some("phone") => &mut place.phone,
        Some("fax") => &mut place.fax,
        _ => return Some("`location` is not an address".to_owned()),
    };
    match text_of(value) {
        Some(text) => *part = Some(text),
        None => return Some("a part of the address is not a string".to_owned()),
    }
    None
}

/// Whether a value is null or blank text, which counts as a missing field.
fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A string, number or boolean as a string: a JSON or TOML file may have ids without quotes.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The integers of a list, or of a string in which `;`, `,` or blanks separate them.
fn ids_of(value: &Value) -> Option<Vec<i64>> {
    match value {
        Value::Array(items) => items.iter().map(Value::as_i64).collect(),
        value => {
            let text = text_of(value)?;
            let parts = text.split([';', ',', ' ']).filter(|part| !part.is_empty());
            parts.map(|part| part.parse().ok()).collect()
        }
    }
}
