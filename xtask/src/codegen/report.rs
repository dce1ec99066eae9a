//! The committed report: what was patched, and what was left out.

use std::fmt::Write as _;

use super::{api::Api, print};

/// Creates the report about all descriptions, as Markdown.
pub(super) fn report(apis: &[Api<'_>]) -> String {
    let mut text = format!("# What the generator left out\n\n{}.\n", print::MARK);
    for api in apis {
        let _ = write!(text, "\n## `{}`\n\n", api.description.file);
        if let Some(reason) = &api.description.patched {
            let _ = write!(text, "Patched: {}\n\n", print::line(reason));
        }
        if api.notes.is_empty() {
            text.push_str("Nothing.\n");
        }
        for (place, note) in &api.notes {
            let _ = writeln!(text, "- `{place}`: {note}.");
        }
    }
    text
}
