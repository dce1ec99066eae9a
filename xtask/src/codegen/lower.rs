//! Lowers schemas to Rust types.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::{
    at::At,
    description::{Form, Pins},
    names::{self, Words},
    notes::Notes,
    schema::{Property, Rest, Schema, Shape},
    types::{Body, Definition, Member, Side, Struct, Type},
};

/// The types of one description, which are collected while schemas are lowered.
pub(super) struct Lowering<'c> {
    words: &'c Words,
    is_secret: &'c dyn Fn(&str) -> bool,
    pins: &'c Pins,
    pub(super) notes: &'c Notes,
    pub(super) definitions: Vec<Definition>,
    pub(super) by_place: BTreeMap<String, usize>,
    /// The names of schemas that become the type of an operation with the same name.
    pub(super) claims: BTreeMap<String, String>,
    pub(super) taken: BTreeSet<String>,
    /// The names of the constants of endpoints.
    pub(super) constants: BTreeSet<String>,
    /// The lists and maps that are currently being read, to detect recursion.
    open: Vec<String>,
}

/// The maximum depth of lists and maps within each other. The formatter of the generated code recurses once for each
/// level, so a deeper type could overflow its stack.
const MAX_NESTING: usize = 24;

impl<'c> Lowering<'c> {
    /// Starts without types. Only the reserved names are taken.
    pub(super) fn new(
        words: &'c Words,
        is_secret: &'c dyn Fn(&str) -> bool,
        pins: &'c Pins,
        notes: &'c Notes,
    ) -> Self {
        Self {
            words,
            is_secret,
            pins,
            notes,
            definitions: Vec::new(),
            by_place: BTreeMap::new(),
            claims: BTreeMap::new(),
            taken: names::RESERVED
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            // The module with the endpoints has a constant of this name itself.
            constants: BTreeSet::from(["API".to_owned()]),
            open: Vec::new(),
        }
    }

    /// Reserves the names that `tables.toml` sets.
    ///
    /// The operations already have their names, and `tables.toml` may give one of them to a request
    /// or a response. `roots` are their places and names.
    ///
    /// # Errors
    ///
    /// Fails if an operation has the name for something else.
    pub(super) fn claim_pins(&mut self, roots: &BTreeSet<(String, String)>) -> Result<()> {
        for (place, name) in &self.pins.names {
            if !self.taken.insert(name.clone()) && !roots.contains(&(place.clone(), name.clone())) {
                bail!(
                    "`tables.toml`: type `{name}`: an operation, or its request or response, has \
                     this name already; choose another one"
                );
            }
            self.claims.insert(place.clone(), name.clone());
        }
        Ok(())
    }

    /// Returns the place of the schema that defines the type of an equal schema.
    pub(super) fn defining(&self, place: &str) -> String {
        let first = self.pins.copies.get(place);
        first.map_or(place, String::as_str).to_owned()
    }

    /// Returns the definitions sorted by name, with the positions inside them adjusted.
    pub(super) fn finish(self) -> Vec<Definition> {
        let mut order: Vec<usize> = (0..self.definitions.len()).collect();
        order.sort_by(|&one, &other| {
            self.definitions[one]
                .name
                .cmp(&self.definitions[other].name)
        });
        let mut position = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            position[old] = new;
        }
        let mut definitions = self.definitions;
        definitions.sort_by(|one, other| one.name.cmp(&other.name));
        for definition in &mut definitions {
            match &mut definition.body {
                Body::Struct(body) => {
                    for member in &mut body.members {
                        renumber(&mut member.ty, &position);
                    }
                    body.rest.iter_mut().for_each(|ty| renumber(ty, &position));
                }
                Body::Alias(ty) => renumber(ty, &position),
                Body::Enum(_) | Body::NoArguments => {}
            }
        }
        definitions
    }

    /// Returns the type of the schema at this place. An unnamed schema is named after `hint`.
    pub(super) fn ty(&mut self, at: &At<'_>, hint: &str, side: Side) -> Result<Type> {
        let schema = Schema::read(at, self.notes)?;
        let place = schema.at.pointer().to_owned();
        let nested = matches!(schema.shape, Shape::List(_) | Shape::Object { .. });
        // A list of itself has no Rust type, so the recursion is cut with a JSON value.
        if nested && self.open.contains(&place) {
            self.notes.add(at, "a list of itself: any JSON value");
            return Ok(Type::Json);
        }
        if nested && self.open.len() == MAX_NESTING {
            self.notes
                .add(at, "lists within lists, too deep: any JSON value");
            return Ok(Type::Json);
        }
        Ok(match &schema.shape {
            Shape::Any => Type::Json,
            Shape::List(None) => Type::List(Box::new(Type::Json)),
            Shape::Bool => Type::Bool,
            Shape::Integer => Type::Integer,
            Shape::Number => Type::Float,
            Shape::Text | Shape::DateTime => Type::Text,
            Shape::List(Some(items)) => {
                self.open.push(place);
                let item = self.ty(items, &format!("{hint}Item"), side)?;
                self.open.pop();
                Type::List(Box::new(item))
            }
            Shape::Object { properties, rest } if properties.is_empty() => match rest {
                Rest::Of(values) => {
                    self.open.push(place);
                    let value = self.ty(values, &format!("{hint}Value"), side)?;
                    self.open.pop();
                    Type::Map(Box::new(value))
                }
                Rest::Any => Type::Map(Box::new(Type::Json)),
                Rest::Unsaid => Type::Json,
            },
            Shape::Enum(_) | Shape::Object { .. } => self.named(&schema, hint, side)?,
        })
    }

    /// Returns a type with its own name. It is created when it is first requested.
    pub(super) fn named(&mut self, schema: &Schema<'_>, hint: &str, side: Side) -> Result<Type> {
        let place = self.defining(schema.at.pointer());
        if let Some(&position) = self.by_place.get(&place) {
            return Ok(Type::Named(position));
        }
        let name = match (self.claims.get(&place), component(&place)) {
            (Some(claim), _) => claim.clone(),
            (None, Some(own)) => names::unique(&names::pascal(&own), "", &mut self.taken),
            (None, None) => names::unique(hint, "", &mut self.taken),
        };
        // Use the text of the schema itself, not of this use of it.
        let own = schema.at.text_of("description")?.trim();
        let doc = match own {
            "" if component(&place).is_none() => schema.doc.clone(),
            own => own.to_owned(),
        };
        // Defined before its members are read, because a schema may contain itself.
        let position = self.define(name.clone(), doc, Body::NoArguments);
        self.by_place.insert(place, position);
        self.definitions[position].body = match &schema.shape {
            Shape::Enum(values) => Body::Enum(variants(values)),
            _ => self.structure(schema, &name, side)?,
        };
        Ok(Type::Named(position))
    }

    pub(super) fn structure(
        &mut self,
        schema: &Schema<'_>,
        name: &str,
        side: Side,
    ) -> Result<Body> {
        let mut members = Members::default();
        let only = match schema.at.form() {
            Some(Form::Object { fields, .. }) if !fields.is_empty() => Some(fields),
            _ => None,
        };
        for property in schema.properties() {
            if only.is_some_and(|only| !only.contains(&property.name)) {
                let text = format!("the type `{name}` has it when `tables.toml` lists it there");
                self.notes.add(&property.at, text);
                continue;
            }
            self.member(&mut members, property, name, side)?;
        }
        let rest = self.rest(schema, name, side)?;
        Ok(Body::Struct(Struct {
            side,
            members: members.list,
            rest,
        }))
    }

    pub(super) fn rest(
        &mut self,
        schema: &Schema<'_>,
        name: &str,
        side: Side,
    ) -> Result<Option<Type>> {
        let Shape::Object { rest, .. } = &schema.shape else {
            return Ok(None);
        };
        Ok(match rest {
            Rest::Unsaid => None,
            Rest::Any => Some(Type::Json),
            Rest::Of(values) => Some(self.ty(values, &format!("{name}Value"), side)?),
        })
    }

    pub(super) fn member(
        &mut self,
        members: &mut Members,
        property: &Property<'_>,
        owner: &str,
        side: Side,
    ) -> Result<()> {
        let Property {
            name,
            at,
            required,
            nullable,
            doc,
        } = property;
        if members.list.iter().any(|known| known.wire == *name) {
            self.notes.add(
                at,
                format!("`{name}` is a parameter as well: one argument for both"),
            );
            return Ok(());
        }
        let schema = Schema::read(at, self.notes)?;
        let ty = if (self.is_secret)(name) || schema.is_secret(self.notes)? {
            let Some(ty) = secret(&schema, self.notes)? else {
                let text = format!("secret `{name}` is no text: left out");
                self.notes.add(at, text);
                return Ok(());
            };
            ty
        } else {
            self.ty(at, &format!("{owner}{}", names::pascal(name)), side)?
        };
        let free = names::unique(&self.words.snake(name), "_", &mut members.taken);
        let ident = names::ident(&free);
        let doc = if doc.is_empty() { &schema.doc } else { doc };
        members.list.push(Member {
            ident,
            wire: name.clone(),
            doc: doc.clone(),
            ty,
            required: *required,
            nullable: nullable.unwrap_or(schema.nullable),
        });
        Ok(())
    }

    pub(super) fn define(&mut self, name: String, doc: String, body: Body) -> usize {
        self.definitions.push(Definition { name, doc, body });
        self.definitions.len() - 1
    }
}

/// The members of a struct that is being built.
#[derive(Default)]
pub(super) struct Members {
    /// The members so far.
    pub(super) list: Vec<Member>,
    taken: BTreeSet<String>,
}

fn secret(schema: &Schema<'_>, notes: &Notes) -> Result<Option<Type>> {
    Ok(match &schema.shape {
        Shape::Text => Some(Type::Secret),
        Shape::List(Some(items)) => match Schema::read(items, notes)?.shape {
            Shape::Text => Some(Type::List(Box::new(Type::Secret))),
            _ => None,
        },
        _ => None,
    })
}

/// Returns the variant names for the texts of an enum.
fn variants(values: &[String]) -> Vec<(String, String)> {
    // `Other` is the variant for unknown texts.
    let mut taken = BTreeSet::from(["Other".to_owned(), "Self".to_owned()]);
    let variants = values.iter().map(|value| {
        let name = match value.as_str() {
            "" => "Empty".to_owned(),
            value => names::pascal(value),
        };
        (names::unique(&name, "", &mut taken), value.clone())
    });
    variants.collect()
}

/// Returns the name of the schema, if it is one of the named schemas of the description.
pub(super) fn component(pointer: &str) -> Option<String> {
    ["#/components/schemas/", "#/definitions/"]
        .iter()
        .find_map(|folder| pointer.strip_prefix(folder))
        .filter(|name| !name.contains('/'))
        .map(|name| name.replace("~1", "/").replace("~0", "~"))
}

fn renumber(ty: &mut Type, position: &[usize]) {
    match ty {
        Type::Named(old) => *old = position[*old],
        Type::List(inner) | Type::Map(inner) => renumber(inner, position),
        _ => {}
    }
}
