//! `fortilake sinks`: the sinks in this build and their options.

use std::fmt::Write as _;

use fortilake_crawler::sink::{Delivery, Descriptor, registry};
use serde_json::Value;

use crate::{
    args::SinksArgs,
    console::Console,
    exit::{Code, Failure, Result},
};

/// Lists all sinks, or describes one.
pub(crate) fn run(args: &SinksArgs, console: Console) -> Result {
    let text = match &args.name {
        Some(name) => describe(registry::find(name)?),
        None => list(&registry::all()?),
    };
    console.data(&text).map_err(Failure::failed)?;
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
    let delivery = match sink.delivery {
        Delivery::Atomic => "atomic: everything becomes visible at once, at the end",
        _ => "at least once: rows are visible as they come, and may come again",
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
            .map(|value| format!(" (default: {value})"));
        let doc = doc.replace('\n', " ");
        let _ = writeln!(text, "  {name}\n      {doc}{}", default.unwrap_or_default());
    }
    text
}
