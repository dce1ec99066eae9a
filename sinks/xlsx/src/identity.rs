//! What a workbook says about itself, in its custom properties.
//!
//! A property holds at most 255 characters in Office's own programs, so the JSON is divided into pieces of less.

use std::io::{Read, Seek};

use fortilake_sink::Selection;
use serde::{Deserialize, Serialize};
use zip::ZipArchive;

use crate::cell::{append, escape};

#[cfg(test)]
mod tests;

/// The path of the properties in the workbook.
pub(crate) const PATH: &str = "docProps/custom.xml";

/// The number of characters of one piece.
const PIECE: usize = 200;

/// The name of a property is this and the number of the piece.
const NAME: &str = "fortilake_";

/// The largest properties that are read. A workbook with 80,000 failed scopes has less.
const LARGEST: u64 = 64 << 20;

/// Which crawl a workbook has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The name of the snapshot, by which workbooks are ordered.
    pub(crate) snapshot: String,
    /// The crawl's id.
    pub(crate) crawl: String,
    /// Whether the crawl is complete.
    pub(crate) complete: bool,
    /// What the crawl was limited to.
    pub(crate) selection: Selection,
    /// The scopes that failed.
    pub(crate) failed: Vec<String>,
}

impl Identity {
    /// The properties as XML.
    pub(crate) fn to_xml(&self) -> String {
        const SCHEMAS: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
        // The fields of the struct are text, numbers and lists, so they have a JSON form.
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut xml = format!(
            "{}<Properties xmlns=\"{SCHEMAS}/custom-properties\" xmlns:vt=\"{SCHEMAS}/docPropsVTypes\">",
            crate::xml::DECLARATION
        );
        let chars: Vec<_> = json.chars().collect();
        for (number, piece) in chars.chunks(PIECE).enumerate() {
            // Ids of properties begin at 2.
            append(
                &mut xml,
                format_args!(
                    "<property fmtid=\"{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}\" pid=\"{}\" name=\"{NAME}{number}\"><vt:lpwstr>",
                    number + 2
                ),
            );
            escape(&mut xml, &piece.iter().collect::<String>());
            xml.push_str("</vt:lpwstr></property>");
        }
        xml.push_str("</Properties>");
        xml
    }

    /// The identity of a workbook; `None` if it has none, so that somebody else made it.
    pub(crate) fn read(workbook: impl Read + Seek) -> Option<Self> {
        let mut archive = ZipArchive::new(workbook).ok()?;
        let mut xml = String::new();
        let file = archive.by_name(PATH).ok()?;
        file.take(LARGEST).read_to_string(&mut xml).ok()?;
        let json: Option<String> = (0..)
            .map_while(|number| piece(&xml, number))
            .reduce(|a, b| a + &b);
        serde_json::from_str(&json?).ok()
    }
}

/// The text of a property; `None` if there is no such property.
fn piece(xml: &str, number: usize) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("name=\"{NAME}{number}\""))?;
    let (_, rest) = rest.split_once("<vt:lpwstr>")?;
    let (text, _) = rest.split_once("</vt:lpwstr>")?;
    // JSON has no control characters, so these are all that `escape` and Excel write.
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    Some(text.replace("_x005F_", "_").replace("&amp;", "&"))
}
