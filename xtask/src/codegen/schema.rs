//! Reads a schema of any dialect into the few shapes that the rest of the generator knows.
//!
//! For the purposes here, the dialects 2.0, 3.0 and 3.1 mostly differ in how they declare null, so
//! one reader is enough.
//!
//! It reads one level at a time. Properties and items are only read when they are needed, so
//! schemas that contain themselves need no special treatment.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    at::At,
    description::Form,
    keywords::{is_null, items, types, values},
    node::Node,
    notes::Notes,
};

/// The maximum nesting of `allOf` and similar keywords.
const MAX_DEPTH: usize = 32;

/// A schema.
#[derive(Debug, Clone)]
pub(super) struct Schema<'a> {
    /// The location after all references. Two uses of one schema have the same location.
    pub(super) at: At<'a>,
    /// The description's text.
    pub(super) doc: String,
    /// Whether null is allowed.
    pub(super) nullable: bool,
    /// Whether its values are secret, because they are texts in the format `password` or because
    /// `tables.toml` says so.
    secret: bool,
    /// The kind of its values.
    pub(super) shape: Shape<'a>,
}

/// The kind of a schema's values.
#[derive(Debug, Clone)]
pub(super) enum Shape<'a> {
    /// Any value, or one that this generator has no type for.
    Any,
    /// True or false.
    Bool,
    /// An integer.
    Integer,
    /// A number that may have a fraction.
    Number,
    /// Text.
    Text,
    /// Text in the format `date-time`.
    DateTime,
    /// One of these texts, or another one that the description does not list.
    Enum(Vec<String>),
    /// A list. The items have this schema; `None` if any value is allowed.
    List(Option<At<'a>>),
    /// An object.
    Object {
        /// The members that the description lists, in its order.
        properties: Vec<Property<'a>>,
        /// What other members may contain.
        rest: Rest<'a>,
    },
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(super) struct Property<'a> {
    /// The API's spelling.
    pub(super) name: String,
    /// Its schema.
    pub(super) at: At<'a>,
    /// Whether the member is required.
    pub(super) required: bool,
    /// Whether null is allowed, if hand-written code decides that instead of its schema.
    pub(super) nullable: Option<bool>,
    /// Its text outside of its schema; may be empty.
    pub(super) doc: String,
}

/// What members that the description does not list may contain.
#[derive(Debug, Clone)]
pub(super) enum Rest<'a> {
    /// The description does not say.
    Unsaid,
    /// Any value.
    Any,
    /// Values of this schema.
    Of(At<'a>),
}

impl<'a> Schema<'a> {
    /// Reads the schema at this location.
    pub(super) fn read(at: &At<'a>, notes: &Notes) -> Result<Self> {
        Self::read_within(at, notes, 0)
    }

    fn read_within(site: &At<'a>, notes: &Notes, depth: usize) -> Result<Self> {
        // References are resolved level by level, so only a schema that consists of itself gets
        // this deep.
        if depth > MAX_DEPTH {
            return Err(site.error("the schema is defined by itself"));
        }
        let at = site.follow()?;
        // JSON Schema allows `true` and `false` as schemas. Neither says anything about the shape.
        if let Node::Bool(_) = at.node() {
            return Ok(Self::plain(at, Shape::Any));
        }
        let mut schema = if at.get("allOf")?.is_some() {
            Self::merged(&at, notes, depth)?
        } else if let Some(schema) = Self::one_of_several(&at, notes, depth)? {
            schema
        } else {
            Self::simple(at.clone(), notes)?
        };
        // Text next to a reference is about this use of the schema.
        for place in [&at, site] {
            let doc = place.text_of("description")?;
            if !doc.trim().is_empty() {
                doc.trim().clone_into(&mut schema.doc);
            }
            schema.nullable |= place.flag("nullable")? || place.flag("x-nullable")?;
        }
        schema.secret |= site.is_secret();
        if let Some(form) = schema.at.form() {
            schema.shape.conform(form);
        }
        Ok(schema)
    }

    fn plain(at: At<'a>, shape: Shape<'a>) -> Self {
        Self {
            at,
            doc: String::new(),
            nullable: false,
            secret: false,
            shape,
        }
    }

    /// Merges the parts of `allOf`. A single part is used as it is.
    fn merged(at: &At<'a>, notes: &Notes, depth: usize) -> Result<Self> {
        let parts = at.items_of("allOf")?;
        let own = at.get("properties")?.is_some() || at.get("required")?.is_some();
        if let [part] = parts.as_slice()
            && !own
        {
            return Self::read_within(part, notes, depth + 1);
        }
        let mut required: BTreeSet<&str> = names(at)?;
        let mut all: Vec<Property<'a>> = Vec::new();
        let mut rest = Rest::Unsaid;
        let mut other = None;
        for part in &parts {
            let schema = Self::read_within(part, notes, depth + 1)?;
            required.extend(names(&part.follow()?)?);
            match schema.shape {
                Shape::Object {
                    properties,
                    rest: more,
                } => {
                    extend(&mut all, properties);
                    rest = rest.or(more);
                }
                Shape::Any => {}
                shape => other = Some(shape),
            }
        }
        extend(&mut all, properties(at)?);
        rest = rest.or(Rest::read(at)?);
        for property in &mut all {
            // A part may require a member that another part defines, so this can only be set after
            // merging.
            property.required |= required.contains(property.name.as_str());
        }
        let shape = match other {
            Some(shape) if all.is_empty() => shape,
            Some(_) => {
                notes.add(
                    at,
                    "`allOf` of an object and something else: read as the object",
                );
                object(all, rest)
            }
            None => object(all, rest),
        };
        Ok(Self::plain(at.clone(), shape))
    }

    /// Reads `oneOf` and `anyOf`. A schema or null becomes that schema, nullable. Everything else
    /// becomes any JSON value.
    fn one_of_several(at: &At<'a>, notes: &Notes, depth: usize) -> Result<Option<Self>> {
        let mut choices = at.items_of("oneOf")?;
        choices.extend(at.items_of("anyOf")?);
        // Next to a plain type, the choices only restrict its values.
        let (types, _) = types(at)?;
        let plain = ["boolean", "integer", "number", "string"];
        if choices.is_empty() || matches!(types.as_slice(), [name] if plain.contains(name)) {
            return Ok(None);
        }
        if at.get("properties")?.is_some() {
            notes.add(
                at,
                "`oneOf` or `anyOf` beside properties: only the properties are read",
            );
            return Ok(None);
        }
        let mut others = Vec::new();
        for choice in &choices {
            if !is_null(choice)? {
                others.push(choice);
            }
        }
        let nullable = others.len() < choices.len();
        let mut schema = if let [choice] = others.as_slice() {
            Self::read_within(choice, notes, depth + 1)?
        } else {
            notes.add(at, "several schemas to choose from: any JSON value");
            Self::plain(at.clone(), Shape::Any)
        };
        schema.nullable |= nullable;
        Ok(Some(schema))
    }

    /// Reads a schema that is not a combination of others.
    fn simple(at: At<'a>, notes: &Notes) -> Result<Self> {
        let (types, nullable) = types(&at)?;
        let (values, null_value) = values(&at)?;
        // Many real descriptions omit `type`, although the rest of the schema implies it.
        let inferred = if at.get("properties")?.is_some() {
            "object"
        } else if at.get("items")?.is_some() {
            "array"
        } else if values.is_some() {
            "string"
        } else if at.get("additionalProperties")?.is_some() {
            "object"
        } else {
            ""
        };
        let name = match types.as_slice() {
            [] => inferred,
            [name] => name,
            _ => {
                notes.add(&at, "several types: any JSON value");
                ""
            }
        };
        let shape = match name {
            "boolean" => Shape::Bool,
            "integer" => Shape::Integer,
            // Some exporters write the type of an integer into its format only.
            "number" if ["int32", "int64"].contains(&at.text_of("format")?) => Shape::Integer,
            "number" => Shape::Number,
            "string" => match values {
                Some(values) => Shape::Enum(values),
                None if at.text_of("format")? == "date-time" => Shape::DateTime,
                None => Shape::Text,
            },
            "array" => Shape::List(items(&at, notes)?),
            "object" => object(properties(&at)?, Rest::read(&at)?),
            "" => Shape::Any,
            unknown => {
                notes.add(&at, format!("unknown type `{unknown}`: any JSON value"));
                Shape::Any
            }
        };
        let secret = name == "string" && at.text_of("format")? == "password";
        let mut schema = Self::plain(at, shape);
        schema.nullable = nullable || null_value;
        schema.secret = secret;
        Ok(schema)
    }

    /// Whether its values are secret: passwords, or lists of them.
    pub(super) fn is_secret(&self, notes: &Notes) -> Result<bool> {
        Ok(match &self.shape {
            Shape::List(Some(items)) if !self.secret => Self::read(items, notes)?.secret,
            _ => self.secret,
        })
    }

    /// Returns the properties of an object, or none for other shapes.
    pub(super) fn properties(&self) -> &[Property<'a>] {
        match &self.shape {
            Shape::Object { properties, .. } => properties,
            _ => &[],
        }
    }

    /// Returns the property with this name.
    pub(super) fn property(&self, name: &str) -> Option<&Property<'a>> {
        self.properties()
            .iter()
            .find(|property| property.name == name)
    }

    /// Returns the JSON type name of the shape, for the parameter lists of endpoints.
    pub(super) fn json_type(&self) -> &'static str {
        match self.shape {
            Shape::Any => "any",
            Shape::Bool => "boolean",
            Shape::Integer => "integer",
            Shape::Number => "number",
            Shape::Text | Shape::DateTime | Shape::Enum(_) => "string",
            Shape::List(_) => "array",
            Shape::Object { .. } => "object",
        }
    }
}

impl Shape<'_> {
    /// Changes the shape to what hand-written code relies on.
    fn conform(&mut self, form: &Form) {
        match (form, &mut *self) {
            (
                Form::Object {
                    fields,
                    required,
                    nullable,
                },
                Shape::Object { properties, rest },
            ) => {
                let rank = |name: &String| fields.iter().position(|field| field == name);
                properties.sort_by_key(|property| rank(&property.name).unwrap_or(fields.len()));
                for property in properties {
                    property.required = required.contains(&property.name);
                    property.nullable = Some(nullable.contains(&property.name));
                }
                // The code lists all fields in a struct literal, so there can't be a field for
                // further members.
                *rest = Rest::Unsaid;
            }
            (Form::Values(values), Shape::Enum(known)) => *known = spelled(values, known),
            (Form::Values(values), Shape::Text) => *self = Shape::Enum(values.clone()),
            _ => {}
        }
    }
}

/// Returns the values that the code uses, then the others of the description. A value that the
/// description has in other capitals is spelled as there.
fn spelled(values: &[String], known: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for value in values {
        let exact = known.contains(value);
        let mut other = known.iter().filter(|_| !exact);
        let other = other.find(|known| known.eq_ignore_ascii_case(value));
        all.push(other.unwrap_or(value).clone());
    }
    let rest: Vec<_> = known.iter().filter(|known| !all.contains(known)).collect();
    all.extend(rest.into_iter().cloned());
    all
}

impl<'a> Rest<'a> {
    fn read(at: &At<'a>) -> Result<Self> {
        let Some(place) = at.get("additionalProperties")? else {
            return Ok(Self::Unsaid);
        };
        Ok(match place.node() {
            Node::Bool(false) => Self::Unsaid,
            Node::Bool(true) => Self::Any,
            Node::Object(members) if members.is_empty() => Self::Any,
            _ => Self::Of(place),
        })
    }

    fn or(self, other: Self) -> Self {
        match self {
            Self::Unsaid => other,
            said => said,
        }
    }
}

fn object<'a>(properties: Vec<Property<'a>>, rest: Rest<'a>) -> Shape<'a> {
    Shape::Object { properties, rest }
}

fn properties<'a>(at: &At<'a>) -> Result<Vec<Property<'a>>> {
    let required = names(at)?;
    let members = at.members_of("properties")?;
    let mut properties = Vec::with_capacity(members.len());
    for (name, at) in members {
        let property = Property {
            name: name.to_owned(),
            at,
            required: required.contains(name),
            nullable: None,
            doc: String::new(),
        };
        extend(&mut properties, vec![property]);
    }
    Ok(properties)
}

/// Adds properties. A property that already exists is replaced at its position.
fn extend<'a>(all: &mut Vec<Property<'a>>, more: Vec<Property<'a>>) {
    for mut property in more {
        match all.iter_mut().find(|known| known.name == property.name) {
            Some(known) => {
                property.required |= known.required;
                *known = property;
            }
            None => all.push(property),
        }
    }
}

/// Returns the names under `required`. Some descriptions have a lone `true` there, which names
/// nothing.
fn names<'a>(at: &At<'a>) -> Result<BTreeSet<&'a str>> {
    match at.node().get("required") {
        Some(Node::Bool(_)) => Ok(BTreeSet::new()),
        _ => at.items_of("required")?.iter().map(At::text).collect(),
    }
}
