//! `[types]`: the types that hand-written code uses.
//!
//! Hand-written code refers to types and fields by name, and constructs requests. But the names of
//! schemas, required fields and nullable fields differ between editions of a description. So for
//! these types, `tables.toml` says where they are and what the code relies on.

use anyhow::{Context, Result, bail};

use super::{
    at::At,
    check,
    config::{Config, TypeSpec},
    description::Description,
    names,
    node::Node,
    notes::Notes,
    place::{Named, Place},
    schema::{Schema, Shape},
    sources,
};

/// The changes to one schema.
struct Pin<'c> {
    name: &'c str,
    spec: &'c TypeSpec,
    file: String,
    pointer: String,
    /// The pointers of the properties.
    properties: Vec<(String, String)>,
}

/// Finds all types in the file, and changes their schemas to the form that the code relies on.
pub(super) fn pin(descriptions: &mut [Description], config: &Config) -> Result<()> {
    if config.types.is_empty() {
        return Ok(());
    }
    let mut pins = Vec::new();
    let sources = check::sources(descriptions, config)?;
    let named: Vec<_> = sources.iter().flat_map(sources::Source::named).collect();
    for (name, spec) in &config.types {
        for place in &spec.at.0 {
            let found = find(&named, name, spec, place)
                .with_context(|| format!("`tables.toml`: type `{name}`"))?;
            pins.extend(found);
        }
    }
    drop(named);
    drop(sources);
    for pin in pins {
        let description = descriptions.iter_mut().find(|known| known.file == pin.file);
        if let Some(description) = description {
            pin.apply(description);
        }
    }
    Ok(())
}

fn find<'c>(
    named: &[Named<'_, '_>],
    name: &'c str,
    spec: &'c TypeSpec,
    place: &str,
) -> Result<Vec<Pin<'c>>> {
    let place = Place::parse(place)?;
    let notes = Notes::default();
    let schemas = place.schemas(named, &notes)?;
    let mut pins: Vec<Pin<'c>> = Vec::new();
    for schema in schemas {
        if let Shape::Enum(known) = &schema.shape {
            check_values(&spec.values, known)?;
        }
        let fits = match &schema.shape {
            Shape::Object { properties, .. } => !properties.is_empty() && spec.values.is_empty(),
            Shape::Enum(_) => true,
            Shape::Text => !spec.values.is_empty(),
            _ => false,
        };
        let pointer = schema.at.pointer();
        let known = |pin: &Pin<'_>| pin.file == schema.at.file() && pin.pointer == pointer;
        // Several operations may refer to the same schema.
        if pins.iter().any(known) {
            continue;
        }
        if fits {
            pins.push(Pin {
                name,
                spec,
                file: schema.at.file().to_owned(),
                pointer: pointer.to_owned(),
                properties: properties(&schema, spec)?,
            });
        } else if !place.is_everywhere() {
            bail!(
                "`{}` is neither an object nor a list of values but {}",
                place.text(),
                schema.json_type()
            );
        }
    }
    if pins.is_empty() {
        bail!("`{}` is not an object in any description", place.text());
    }
    Ok(pins)
}

/// Checks values against the ones in the description. An unknown value may just be undocumented,
/// but if it differs from a known one by a single letter, it is most likely misspelled.
fn check_values(values: &[String], known: &[String]) -> Result<()> {
    for value in values.iter().filter(|value| !known.contains(value)) {
        let free = known.iter().filter(|known| !values.contains(known));
        if let Some(near) = names::similar(value, free.map(String::as_str)) {
            bail!("values: the description has no `{value}`; nearest: `{near}`");
        }
    }
    Ok(())
}

/// Returns the properties of a schema. All fields that the code uses must be among them.
fn properties(schema: &Schema<'_>, spec: &TypeSpec) -> Result<Vec<(String, String)>> {
    let listed = [
        Some(&spec.fields),
        spec.required.as_ref(),
        spec.nullable.as_ref(),
    ];
    for field in listed.into_iter().flatten().flatten() {
        if schema.property(field).is_none() {
            let known = schema.properties().iter();
            let nearest = names::nearest(field, known.map(|property| property.name.as_str()));
            bail!("hand-written code needs the field `{field}`; {nearest}");
        }
    }
    let place = |at: &At<'_>| at.pointer().to_owned();
    let properties = schema.properties().iter();
    Ok(properties
        .map(|property| (property.name.clone(), place(&property.at)))
        .collect())
}

impl Pin<'_> {
    fn apply(&self, description: &mut Description) {
        let root = &mut description.node;
        if let Some(required) = &self.spec.required {
            set_required(root, &self.pointer, required);
            let nullable = self.spec.nullable.as_deref().unwrap_or_default();
            for (name, pointer) in &self.properties {
                set_nullable(root, pointer, nullable.contains(name));
            }
            if let Some(schema) = root.at_mut(&self.pointer) {
                sort(schema, &self.spec.fields);
            }
            // A struct literal lists all fields, so an additional field would break the code that
            // constructs the type.
            let fields = self.spec.fields.clone();
            if !fields.is_empty() {
                description.pins.fields.insert(self.pointer.clone(), fields);
            }
        }
        if let Some(schema) = root.at_mut(&self.pointer) {
            extend_values(schema, &self.spec.values);
        }
        self.name(description);
    }

    /// Names the schema. An equal schema with the same name shares the type.
    fn name(&self, description: &mut Description) {
        let pins = &mut description.pins;
        let first = pins.names.iter().find(|(_, name)| *name == self.name);
        let Some(first) = first.map(|(pointer, _)| pointer.clone()) else {
            pins.names
                .insert(self.pointer.clone(), self.name.to_owned());
            return;
        };
        if first == self.pointer {
            return;
        }
        let own = description.node.at_mut(&self.pointer).cloned();
        // The type of the first schema is used for both only if they really are equal. Otherwise
        // the code would compile against fields that one of them doesn't have.
        if own.as_ref() == description.node.at_mut(&first).as_deref() {
            pins.copies.insert(self.pointer.clone(), first);
        } else {
            let text = format!(
                "not the same as `{first}`, which is the type `{}`",
                self.name
            );
            description.notes.push((self.pointer.clone(), text));
        }
    }
}

/// Sets which properties are required, in the schema and in its `allOf` parts.
fn set_required(root: &mut Node, pointer: &str, required: &[String]) {
    let Some(Node::Object(members)) = root.at_mut(pointer) else {
        return;
    };
    // `required` inside the parts would be merged with the one that is set here.
    for (name, value) in &mut *members {
        if let ("allOf", Node::List(parts)) = (name.as_str(), value) {
            for part in parts {
                if let Node::Object(members) = part {
                    members.retain(|(name, _)| name != "required");
                }
            }
        }
    }
    members.retain(|(name, _)| name != "required");
    let names = required.iter().cloned().map(Node::Text).collect();
    members.push(("required".to_owned(), Node::List(names)));
}

fn set_nullable(root: &mut Node, pointer: &str, nullable: bool) {
    let Some(Node::Object(members)) = root.at_mut(pointer) else {
        return;
    };
    members.retain(|(name, _)| !["nullable", "x-nullable"].contains(&name.as_str()));
    for (name, value) in &mut *members {
        if let ("type", Node::List(types)) = (name.as_str(), value) {
            types.retain(|name| *name != Node::Text("null".to_owned()));
        }
    }
    if nullable {
        members.push(("nullable".to_owned(), Node::Bool(true)));
    }
}

/// Moves the listed properties to the front, in the order of the list.
fn sort(schema: &mut Node, fields: &[String]) {
    let Some(Node::Object(properties)) = schema.at_mut("#/properties") else {
        return;
    };
    let rank = |name: &String| fields.iter().position(|field| field == name);
    properties.sort_by_key(|(name, _)| rank(name).unwrap_or(fields.len()));
}

/// Adds the values that the code sends or compares with.
fn extend_values(schema: &mut Node, values: &[String]) {
    let Node::Object(members) = schema else {
        return;
    };
    if values.is_empty() {
        return;
    }
    let mut known = match members.iter().find(|(name, _)| name == "enum") {
        Some((_, Node::List(known))) => known.clone(),
        _ => Vec::new(),
    };
    for value in values {
        let value = Node::Text(value.clone());
        if !known.contains(&value) {
            known.push(value);
        }
    }
    members.retain(|(name, _)| name != "enum");
    members.push(("enum".to_owned(), Node::List(known)));
}
