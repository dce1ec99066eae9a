//! `fortilake config show`: every value and where it comes from.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::entries::{self, Entry};
use crate::{
    args::ConfigShowArgs,
    config::{Env, SettingOrigin},
    console::Console,
    exit::{Code, CommandError, Result},
    session,
};

/// The width of `key = value`, up to which the origins stand in one column.
const COLUMN: usize = 40;

/// Prints the configuration as TOML with comments, or as JSON.
pub(super) fn run(args: &ConfigShowArgs, console: Console) -> Result {
    let env = Env::read()?;
    let entries = entries::shown(args.config.as_deref(), &args.sink, &env)?;
    let (state, origin) = session::state_place(args.state.state.as_deref(), &env)?;
    let state = session::shown_place(&state);
    let text = if args.json {
        format!("{:#}\n", list(&entries, &state, &origin))
    } else {
        // The state is no key of the file, so it stands in a comment.
        format!("# state: {state} ({origin})\n\n{}", toml(&entries)?)
    };
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn list(entries: &[Entry], state: &str, origin: &SettingOrigin) -> Value {
    let object = |key: &str, value: &Value, origin: &SettingOrigin| {
        let mut object = json!({ "key": key, "value": value });
        if let (Value::Object(object), Value::Object(origin)) = (&mut object, origin.to_json()) {
            object.extend(origin);
        }
        object
    };
    let mut list = vec![object("state", &json!(state), origin)];
    list.extend(entries.iter().map(|entry| {
        let key = match entry.section {
            Some((name, position)) => format!("{name}[{position}].{}", entry.key),
            None => entry.key.clone(),
        };
        object(&key, &entry.value, &entry.origin)
    }));
    list.into()
}

/// The entries as a configuration file, with the origin of each in a comment.
fn toml(entries: &[Entry]) -> Result<String> {
    let mut text = String::new();
    let mut section = None;
    for entry in entries {
        if let Some((name, _)) = entry.section.filter(|_| entry.section != section) {
            let _ = writeln!(text, "\n[[{name}]]");
        }
        section = entry.section;
        let value = toml::Value::try_from(&entry.value)
            .with_context(|| format!("`{}` cannot be written", entry.key))
            .map_err(CommandError::failed)?;
        let line = format!("{} = {value}", entry.key);
        let _ = writeln!(text, "{line:COLUMN$}  # {}", entry.origin);
    }
    Ok(text)
}
