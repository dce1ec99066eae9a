//! Reads parameters outside the body, and the members of forms.

use anyhow::Result;

use super::{
    at::At,
    content::content,
    node::Node,
    notes::Notes,
    schema::{Schema, Shape},
};

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

/// Notes a list or an object that a call can't send as the description says, or not at all.
///
/// In the query, calls repeat the name for each element of a list. Everything else is sent as plain
/// text, and a call with an argument that is not plain is rejected before it is sent.
fn note_form(
    at: &At<'_>,
    schema: &At<'_>,
    name: &str,
    found_in: &str,
    notes: &Notes,
) -> Result<()> {
    let (what, is_list) = match Schema::read(schema, notes)?.shape {
        Shape::Object { .. } => ("object", false),
        Shape::List(Some(items)) if has_members(&items, notes)? => ("list of objects", false),
        Shape::List(_) => ("list", true),
        _ => ("plain value", false),
    };
    if what != "plain value" && !(is_list && found_in == "query") {
        let text = format!("{what} `{name}` in the {found_in}: a call with it is rejected");
        notes.add(at, text);
        return Ok(());
    }
    let how = match found_in {
        "query" if is_list => "sent as the name repeated",
        _ => "sent as plain text",
    };
    let is_old = at.get("schema")?.is_none() && at.get("content")?.is_none();
    let format = at.text_of("collectionFormat")?;
    if is_old && is_list && format != "multi" {
        let format = if format.is_empty() { "csv" } else { format };
        let text = format!("list `{name}` in the collection format `{format}`: {how}");
        notes.add(at, text);
    }
    let style = at.text_of("style")?;
    let usual = match found_in {
        "query" => "form",
        _ => "simple",
    };
    if !style.is_empty() && style != usual {
        notes.add(at, format!("`{name}` in the style `{style}`: {how}"));
    } else if let (Some(Node::Bool(false)), true) = (at.node().get("explode"), is_list) {
        notes.add(at, format!("`{name}` not exploded: {how}"));
    }
    Ok(())
}

/// Whether values of this schema are objects or lists.
fn has_members(schema: &At<'_>, notes: &Notes) -> Result<bool> {
    let shape = Schema::read(schema, notes)?.shape;
    Ok(matches!(shape, Shape::Object { .. } | Shape::List(_)))
}

impl<'a> Parameter<'a> {
    /// Reads a parameter that is not the body. Returns `None` if it should be left out.
    pub(super) fn read(at: &At<'a>, notes: &Notes) -> Result<Option<Self>> {
        let name = at.text_of("name")?.to_owned();
        let found_in = at.text_of("in")?;
        let location = match found_in {
            "path" => "Path",
            "query" => "Query",
            "header" => "Header",
            "formData" => "Body",
            "cookie" => {
                notes.add(at, format!("cookie parameter `{name}`: left out"));
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
                notes.add(at, format!("file upload `{name}`: left out"));
                return Ok(None);
            }
            notes.add(at, format!("form field `{name}`: a member of a JSON body"));
        }
        // In Swagger 2.0, the members of the schema are next to the name.
        let schema = match at.get("schema")? {
            Some(schema) => schema,
            None => content(at)?.map_or_else(|| at.clone(), |(_, schema)| schema),
        };
        if location != "Body" {
            note_form(at, &schema, &name, found_in, notes)?;
        }
        Ok(Some(Self {
            name,
            location,
            required: at.flag("required")? || location == "Path",
            doc: at.text_of("description")?.trim().to_owned(),
            at: schema,
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
