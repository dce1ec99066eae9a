//! Reads single keywords of a schema.

use anyhow::Result;

use super::{at::At, node::Node, notes::Notes};

/// Returns the schema of a list's elements. Returns none if there is a separate schema for each
/// position.
pub(super) fn items<'a>(at: &At<'a>, notes: &Notes) -> Result<Option<At<'a>>> {
    let items = at.get("items")?;
    Ok(items.filter(|items| {
        let several = matches!(items.node(), Node::List(_));
        if several {
            notes.add(items, "a schema for each position: any JSON value");
        }
        !several
    }))
}

/// Returns the names under `type`, and whether null is one of them.
pub(super) fn types<'a>(at: &At<'a>) -> Result<(Vec<&'a str>, bool)> {
    let Some(place) = at.get("type")? else {
        return Ok((Vec::new(), false));
    };
    let mut names = match place.node() {
        Node::List(_) => {
            let items = place.items()?;
            items.iter().map(At::text).collect::<Result<Vec<_>>>()?
        }
        _ => vec![place.text()?],
    };
    let count = names.len();
    names.retain(|name| *name != "null");
    let nullable = names.len() < count;
    Ok((names, nullable))
}

/// Returns the texts under `enum`, `const` or `oneOf`, and whether null is one of the values.
/// Returns none if the values are not texts.
pub(super) fn values(at: &At<'_>) -> Result<(Option<Vec<String>>, bool)> {
    let mut places = at.items_of("enum")?;
    places.extend(at.get("const")?);
    for choice in at.items_of("oneOf")? {
        match choice.node().get("const") {
            Some(_) => places.extend(choice.get("const")?),
            None => return Ok((None, false)),
        }
    }
    let count = places.len();
    places.retain(|place| *place.node() != Node::Null);
    let nullable = places.len() < count;
    let mut texts: Vec<String> = Vec::new();
    for place in &places {
        match place.node() {
            Node::Text(text) if texts.contains(text) => {}
            Node::Text(text) => texts.push(text.clone()),
            _ => return Ok((None, nullable)),
        }
    }
    Ok(((!texts.is_empty()).then_some(texts), nullable))
}

/// Whether this choice is null. Some generators write null as an `enum` and refer to it.
pub(super) fn is_null(choice: &At<'_>) -> Result<bool> {
    let choice = choice.follow()?;
    Ok(is_null_node(choice.node()))
}

/// Whether this schema, which is no reference, is null.
pub(super) fn is_null_node(schema: &Node) -> bool {
    match (schema.get("type"), schema.get("enum")) {
        (Some(Node::Text(name)), _) => name == "null",
        (None, Some(Node::List(values))) => values.as_slice() == [Node::Null],
        _ => false,
    }
}
