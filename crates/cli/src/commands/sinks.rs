//! `fortilake sinks`: the sinks in this build and their options.

use std::fmt::Write as _;

use fortilake_sink::{Delivery, Descriptor, Options, registry};
use serde_json::Value;

use crate::{
    args::SinksArgs,
    console::Console,
    exit::{Code, CommandError, Result},
};

/// Lists all sinks, or describes one.
pub(crate) fn run(args: &SinksArgs, console: Console) -> Result {
    let text = match &args.name {
        Some(name) => describe(registry::find(name)?),
        None => list(&registry::all()?),
    };
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn list(sinks: &[&Descriptor]) -> String {
    let width = sinks.iter().map(|sink| sink.name.len()).max().unwrap_or(0);
    sinks.iter().fold(String::new(), |mut text, sink| {
        let _ = writeln!(text, "{:width$}  {}", sink.name, sink.summary);
        text
    })
}

fn describe(sink: &Descriptor) -> String {
    // The delivery can depend on the options. Shown is that of a sink with nothing but a target.
    let target = (sink.target, Value::from("TARGET"));
    let delivery = match (sink.delivery)(&Options::from_iter([target])) {
        Ok(Delivery::Atomic) => {
            "atomic: all tables become visible at the same time, when the crawl ends"
        }
        Ok(Delivery::AtomicPerTable) => {
            "atomic per table: each table becomes visible as a whole, when the crawl ends"
        }
        Ok(_) => "at least once: rows become visible as they arrive, and may arrive again",
        Err(_) => "depends on the options",
    };
    let mut text = format!(
        "{}: {}\n\nusage:     --sink {}:{}[?option=value&…]\ndelivery:  {delivery}\n\noptions:\n",
        sink.name,
        sink.summary,
        sink.name,
        sink.target.to_uppercase(),
    );
    let schema = (sink.options)();
    let options = schema
        .as_value()
        .get("properties")
        .and_then(Value::as_object);
    for (name, option) in options.into_iter().flatten() {
        let doc = option
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let default = option
            .get("default")
            .filter(|value| !value.is_null())
            .map(|value| format!(" (default: {value})"));
        let doc = doc.replace('\n', " ");
        let accepted = sink.accepts(name).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {name}: {accepted}\n      {doc}{}",
            default.unwrap_or_default()
        );
    }
    text.push_str(&example(sink));
    text
}

/// The sink in a configuration, with the options that it needs.
fn example(sink: &Descriptor) -> String {
    let mut text = format!("\nexample:\n  [[sink]]\n  type = \"{}\"\n", sink.name);
    let mut needed = sink.required();
    if !needed.iter().any(|option| option == sink.target) {
        needed.insert(0, sink.target.to_owned());
    }
    for option in needed {
        let _ = writeln!(text, "  {option} = \"{}\"", option.to_uppercase());
    }
    text
}
