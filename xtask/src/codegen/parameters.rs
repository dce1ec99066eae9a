//! Reads parameters outside the body, and the members of forms.

use anyhow::Result;

use super::{at::At, content::content, node::Node, notes::Notes, schema::Schema};

/// A parameter outside the body, or a member of a form.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    /// The name as the API spells it.
    pub(super) name: String,
    /// Where the value goes, as a variant name of the runtime's `Location`.
    pub(super) location: &'static str,
    /// Whether it is required.
    pub(super) required: bool,
    /// The description's text.
    pub(super) doc: String,
    /// Its schema.
    pub(super) at: At<'a>,
}

/// Notes the style of a list or an object, if a call can't write it in that style.
///
/// Calls repeat the name for each element of a list in the query, and write everything else as
/// plain text.
fn note_style(at: &At<'_>, name: &str, location: &str, notes: &Notes) -> Result<()> {
    if location == "Body" {
        return Ok(());
    }
    let how = if location == "Query" {
        "sent as the name repeated"
    } else {
        "sent as plain text"
    };
    let own = at.get("schema")?.is_none() && at.get("content")?.is_none();
    let format = at.text_of("collectionFormat")?;
    if own && at.text_of("type")? == "array" && format != "multi" {
        let format = if format.is_empty() { "csv" } else { format };
        notes.add(
            at,
            format!("list `{name}` in the collection format `{format}`: {how}"),
        );
    }
    let style = at.text_of("style")?;
    let usual = if location == "Query" {
        "form"
    } else {
        "simple"
    };
    if !style.is_empty() && style != usual {
        notes.add(at, format!("`{name}` in the style `{style}`: {how}"));
    } else if let (Some(Node::Bool(false)), "Query") = (at.node().get("explode"), location) {
        notes.add(at, format!("`{name}` not exploded: {how}"));
    }
    Ok(())
}

impl<'a> Parameter<'a> {
    /// Reads a parameter that is not the body. Returns `None` if it should be left out.
    pub(super) fn read(at: At<'a>, notes: &Notes) -> Result<Option<Self>> {
        let name = at.text_of("name")?.to_owned();
        let found_in = at.text_of("in")?;
        let location = match found_in {
            "path" => "Path",
            "query" => "Query",
            "header" => "Header",
            "formData" => "Body",
            "cookie" => {
                notes.add(&at, format!("cookie parameter `{name}`: left out"));
                return Ok(None);
            }
            other => {
                return Err(at.error(format_args!(
                    "expected `in` to be path, query, header, cookie, body or formData, \
                     found `{other}`"
                )));
            }
        };
        if name.is_empty() {
            return Err(at.error("the parameter has no `name`"));
        }
        // The HTTP client sets these headers itself, and the specification says to ignore them
        // here.
        let own = ["authorization", "content-type", "accept"];
        if location == "Header" && own.contains(&name.to_ascii_lowercase().as_str()) {
            return Ok(None);
        }
        if found_in == "formData" {
            if at.text_of("type")? == "file" {
                notes.add(&at, format!("file upload `{name}`: left out"));
                return Ok(None);
            }
            notes.add(&at, format!("form field `{name}`: a member of a JSON body"));
        }
        note_style(&at, &name, location, notes)?;
        Ok(Some(Self {
            name,
            location,
            required: at.flag("required")? || location == "Path",
            doc: at.text_of("description")?.trim().to_owned(),
            // In Swagger 2.0, the members of the schema are next to the name.
            at: match at.get("schema")? {
                Some(schema) => schema,
                None => content(&at)?.map_or(at, |(_, schema)| schema),
            },
        }))
    }

    /// Returns its schema, with the parameter's own text if it has one.
    pub(super) fn schema(&self, notes: &Notes) -> Result<Schema<'_>> {
        let mut schema = Schema::read(&self.at, notes)?;
        if !self.doc.is_empty() {
            self.doc.clone_into(&mut schema.doc);
        }
        Ok(schema)
    }
}
