//! Names operations and lowers the types of their requests and responses.
//!
//! Answers are lowered before requests. A schema that is used in both becomes a response type, in
//! which nothing is required, so it can serve as both.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    at::At,
    lower::{Lowering, Members, component},
    names,
    notes::Notes,
    operations::Operation,
    print_types::constant,
    schema::{Property, Rest, Schema, Shape},
    types::{Argument, Body, Side, Struct, Type},
};

impl Lowering<'_> {
    /// Lowers the types of all operations. Returns the operations with their type names.
    ///
    /// `ids` are the names of the operations, unique over all descriptions.
    pub(super) fn operations(
        &mut self,
        operations: &[Operation<'_>],
        ids: &[String],
    ) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for operation in operations {
            // The names of Rust types only have to be unique within this description.
            let same = operations.iter().filter(|other| other.id == operation.id);
            let id = if same.count() == 1 {
                &operation.id
            } else {
                &operation.long_id
            };
            names.push(self.name_operation(operation, id)?);
        }
        let mut roots = BTreeSet::new();
        for (operation, name) in operations.iter().zip(&names) {
            for (ending, root) in sides(operation) {
                if let Some(root) = root {
                    let schema = Schema::read(root, self.notes)?;
                    let place = self.defining(schema.at.pointer());
                    roots.insert((place, format!("{name}{ending}")));
                }
            }
        }
        self.claim_pins(&roots)?;
        for ((operation, name), id) in operations.iter().zip(&names).zip(ids) {
            let doc = format!("The response of `{id}`.");
            self.response(operation, &format!("{name}Response"), doc)?;
        }
        for ((operation, name), id) in operations.iter().zip(&names).zip(ids) {
            let doc = format!("The arguments of `{id}`.");
            self.request(operation, &format!("{name}Request"), doc)?;
        }
        Ok(names)
    }

    /// Reserves the three type names of an operation before any schema can take them.
    ///
    /// The names are derived from the path instead of `operationId`, so that another edition of the
    /// description results in the same names.
    fn name_operation(&mut self, operation: &Operation<'_>, id: &str) -> Result<String> {
        // Names of types may differ only in case, those of constants can't.
        let is_free = |name: &str| {
            let mut types = ["", "Request", "Response"].iter();
            types.all(|ending| !self.taken.contains(&format!("{name}{ending}")))
                && !self.constants.contains(&constant(name))
        };
        let plain = names::pascal(id);
        let mut name = plain.clone();
        let mut number = 2;
        while !is_free(&name) {
            name = format!("{plain}{number}");
            number += 1;
        }
        self.constants.insert(constant(&name));
        for (ending, root) in sides(operation) {
            let name = format!("{name}{ending}");
            if let Some(root) = root {
                let schema = Schema::read(root, self.notes)?;
                let place = schema.at.pointer();
                let same = component(place).is_some_and(|own| names::pascal(&own) == name);
                if same && !schema.properties().is_empty() {
                    self.claims
                        .entry(place.to_owned())
                        .or_insert_with(|| name.clone());
                }
            }
            self.taken.insert(name);
        }
        self.taken.insert(name.clone());
        Ok(name)
    }

    fn response(&mut self, operation: &Operation<'_>, name: &str, doc: String) -> Result<()> {
        if let Some(at) = &operation.response {
            return self.root(at, name, &doc, Side::Response);
        }
        self.define(name.to_owned(), doc, Body::Alias(Type::Json));
        Ok(())
    }

    fn request(&mut self, operation: &Operation<'_>, name: &str, doc: String) -> Result<()> {
        let body = match &operation.body {
            Some(body) => Some((body, Schema::read(&body.at, self.notes)?)),
            None => None,
        };
        let members = body.as_ref().map(|(_, schema)| schema.properties());
        let named = members.is_some_and(|members| !members.is_empty());
        if let (true, true, Some(body)) = (named, operation.parameters.is_empty(), &operation.body)
        {
            return self.root(&body.at, name, &doc, Side::Request);
        }
        let mut properties: Vec<Property<'_>> = operation
            .parameters
            .iter()
            .map(|parameter| Property {
                name: parameter.name.clone(),
                at: parameter.at.clone(),
                required: parameter.required,
                nullable: None,
                doc: parameter.doc.clone(),
            })
            .collect();
        let mut rest = None;
        match body {
            Some((_, schema)) if named => {
                properties.extend(schema.properties().iter().cloned());
                rest = self.rest(&schema, name, Side::Request)?;
            }
            Some((body, schema)) if !is_empty_object(&schema) => properties.push(Property {
                name: "body".to_owned(),
                at: body.at.clone(),
                required: body.required,
                nullable: None,
                doc: body.doc.clone(),
            }),
            _ => {}
        }
        let mut members = Members::default();
        for property in &properties {
            self.member(&mut members, property, name, Side::Request)?;
        }
        let body = if members.list.is_empty() {
            Body::NoArguments
        } else {
            Body::Struct(Struct {
                side: Side::Request,
                members: members.list,
                rest,
            })
        };
        self.define(name.to_owned(), doc, body);
        Ok(())
    }

    /// The type of a complete request or response. It is named after the operation.
    fn root(&mut self, at: &At<'_>, name: &str, doc: &str, side: Side) -> Result<()> {
        let schema = Schema::read(at, self.notes)?;
        let place = self.defining(schema.at.pointer());
        if self.claims.get(&place).is_some_and(|claim| claim == name) {
            // The schema has the same name as the operation, and another schema may have requested
            // it already.
            self.named(&schema, name, side)?;
            return Ok(());
        }
        let own = !schema.properties().is_empty()
            && component(&place).is_none()
            && !self.by_place.contains_key(&place)
            && !self.claims.contains_key(&place);
        if own {
            let position = self.define(name.to_owned(), doc.to_owned(), Body::NoArguments);
            self.by_place.insert(place, position);
            self.definitions[position].body = self.structure(&schema, name, side)?;
            if !schema.doc.is_empty() {
                schema.doc.clone_into(&mut self.definitions[position].doc);
            }
        } else {
            let ty = self.ty(at, &format!("{name}Value"), side)?;
            self.define(name.to_owned(), doc.to_owned(), Body::Alias(ty));
        }
        Ok(())
    }
}

/// Returns the schemas of an operation's response and body, with the endings of their types' names.
fn sides<'o, 'a>(operation: &'o Operation<'a>) -> [(&'static str, Option<&'o At<'a>>); 2] {
    [
        ("Response", operation.response.as_ref()),
        ("Request", operation.body.as_ref().map(|body| &body.at)),
    ]
}

/// Returns the arguments of an operation, including the members of the body.
pub(super) fn arguments(operation: &Operation<'_>, notes: &Notes) -> Result<Vec<Argument>> {
    let mut arguments = Vec::new();
    for parameter in &operation.parameters {
        let schema = parameter.schema(notes)?;
        arguments.push(Argument {
            name: parameter.name.clone(),
            location: parameter.location,
            required: parameter.required,
            json_type: schema.json_type(),
            doc: schema.doc,
        });
    }
    let Some(body) = &operation.body else {
        return Ok(arguments);
    };
    let schema = Schema::read(&body.at, notes)?;
    for property in schema.properties() {
        let schema = Schema::read(&property.at, notes)?;
        arguments.push(Argument {
            name: property.name.clone(),
            location: "Body",
            required: property.required,
            json_type: schema.json_type(),
            doc: schema.doc,
        });
    }
    if schema.properties().is_empty() && !is_empty_object(&schema) {
        arguments.push(Argument {
            name: "body".to_owned(),
            location: "WholeBody",
            required: body.required,
            json_type: schema.json_type(),
            doc: body.doc.clone(),
        });
    }
    Ok(arguments)
}

/// Whether the schema is an object without members, such as the body `{}` of a list without
/// filters.
fn is_empty_object(schema: &Schema<'_>) -> bool {
    matches!(&schema.shape, Shape::Object { properties, rest: Rest::Unsaid } if properties.is_empty())
}
