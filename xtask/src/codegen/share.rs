//! Shares types between descriptions.
//!
//! Every description repeats the schemas that it uses, so the same product would be a separate type
//! in each module. Equal types are moved into a shared module, and the other modules re-export
//! them, so that their paths stay the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::{
    api::Api,
    print, print_types,
    types::{Body, Definition, Side, Type},
};

/// The types that several modules share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The name of the module that contains them.
    pub(super) module: String,
    /// The names that each module re-exports, in the order of the APIs.
    names: Vec<BTreeSet<String>>,
    /// The definition of each type: its API, and the position in that API.
    types: BTreeMap<String, Use>,
}

/// The definition of a type: its API, and the position in that API.
type Use = (usize, usize);

/// A type and all types that it consists of: form by name.
type Closure = BTreeMap<String, String>;

impl Shared {
    /// Finds the types that the APIs share.
    ///
    /// If types of the same name differ, the variant that most modules use is shared.
    pub(super) fn find(apis: &[Api<'_>]) -> Self {
        let mut groups: BTreeMap<(String, Closure), Vec<Use>> = BTreeMap::new();
        for (number, api) in apis.iter().enumerate() {
            for position in 0..api.definitions.len() {
                let definition = &api.definitions[position];
                if matches!(definition.body, Body::Struct(_) | Body::Enum(_)) {
                    let mut closure = Closure::new();
                    close(&api.definitions, position, &mut closure);
                    let key = (definition.name.clone(), closure);
                    groups.entry(key).or_default().push((number, position));
                }
            }
        }
        let mut shared = Self {
            module: module(apis),
            names: vec![BTreeSet::new(); apis.len()],
            types: BTreeMap::new(),
        };
        let mut best: BTreeMap<&str, (&Closure, &[Use])> = BTreeMap::new();
        for ((name, closure), uses) in groups.iter().filter(|(_, uses)| uses.len() > 1) {
            let known = best.get(name.as_str());
            // On a tie, the first one stays, so that the result is the same in every run.
            if known.is_none_or(|(_, known)| known.len() < uses.len()) {
                best.insert(name, (closure, uses.as_slice()));
            }
        }
        // A type can't be shared if one of its parts differs from the shared type of that name.
        let fits = |closure: &Closure| {
            closure.iter().all(|(name, form)| {
                let known = best.get(name.as_str());
                known.is_some_and(|(known, _)| known.get(name) == Some(form))
            })
        };
        for (name, (_, uses)) in best.iter().filter(|(_, (closure, _))| fits(closure)) {
            shared.types.insert((*name).to_owned(), uses[0]);
            for (number, _) in *uses {
                shared.names[*number].insert((*name).to_owned());
            }
        }
        shared
    }

    /// Whether no types are shared.
    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Returns the names that the module of this API re-exports.
    pub(super) fn of(&self, number: usize) -> &BTreeSet<String> {
        &self.names[number]
    }

    /// Prints the module.
    pub(super) fn print(&self, apis: &[Api<'_>]) -> Result<String> {
        let mut code = format!(
            "//! {} from several descriptions; not for editing.\n\n\
             #![allow(clippy::doc_markdown, reason = \"the texts are those of the description\")]\n",
            print::MARK
        );
        let mut types = String::new();
        for (number, position) in self.types.values() {
            types.push('\n');
            types.push_str(&print_types::definition(
                &apis[*number].definitions,
                *position,
            )?);
        }
        if types.contains("Serialize, Deserialize)") {
            code.push_str("\nuse serde::{Deserialize, Serialize};\n");
        }
        Ok(code + &types)
    }
}

/// Returns a module name that no description uses.
fn module(apis: &[Api<'_>]) -> String {
    let mut name = "shared".to_owned();
    while apis.iter().any(|api| api.description.module == name) {
        name.push('_');
    }
    name
}

/// Collects the forms of a type and of all types that it consists of.
fn close(definitions: &[Definition], position: usize, closure: &mut Closure) {
    let definition = &definitions[position];
    if closure.contains_key(&definition.name) {
        return;
    }
    // Types are compared without documentation and without the location of their schemas.
    let form = match &definition.body {
        Body::Enum(variants) => format!("{variants:?}"),
        Body::Alias(ty) => form(definitions, ty),
        Body::NoArguments => String::new(),
        Body::Struct(body) => {
            let members = body.members.iter().map(|member| {
                let ty = form(definitions, &member.ty);
                // In a response, everything may be absent or null, whatever the description says.
                let sent = match body.side {
                    Side::Request => Some((member.required, member.nullable)),
                    Side::Response => None,
                };
                format!("{} {} {ty} {sent:?}", member.ident, member.wire)
            });
            // Sorted, because a description may list the properties in another order.
            let mut members: Vec<String> = members.collect();
            members.sort();
            let rest = body.rest.as_ref().map(|rest| form(definitions, rest));
            format!("{:?} {members:?} {rest:?}", body.side)
        }
    };
    closure.insert(definition.name.clone(), form);
    for ty in parts(&definition.body) {
        if let Some(inner) = named(ty) {
            close(definitions, inner, closure);
        }
    }
}

fn parts(body: &Body) -> Vec<&Type> {
    match body {
        Body::Struct(body) => {
            let members = body.members.iter().map(|member| &member.ty);
            members.chain(&body.rest).collect()
        }
        Body::Alias(ty) => vec![ty],
        Body::Enum(_) | Body::NoArguments => Vec::new(),
    }
}

fn named(ty: &Type) -> Option<usize> {
    match ty {
        Type::Named(position) => Some(*position),
        Type::List(inner) | Type::Map(inner) => named(inner),
        _ => None,
    }
}

fn form(definitions: &[Definition], ty: &Type) -> String {
    match ty {
        Type::Named(position) => definitions[*position].name.clone(),
        Type::List(inner) => format!("[{}]", form(definitions, inner)),
        Type::Map(inner) => format!("{{{}}}", form(definitions, inner)),
        plain => format!("{plain:?}"),
    }
}
