//! Tests of descriptions whose names are no Rust names: the generated code is valid all the same,
//! and no two items in it have the same name.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use serde_json::{Map, Value, json};
use syn::{Item, visit::Visit};
use xtask::codegen::Output;

use crate::{copy::Copy, garbage::Numbers};

/// Parts of names: what means something in Rust, in its comments, in JSON pointers or in the
/// generated code, and letters that identifiers cannot have.
const PARTS: [&str; 64] = [
    "", " ", "-", "_", ".", "/", "~1", "~", "%", "#", "$", ":", "'", "`", "\"", "\\", "{}", "{",
    "}", "{id}", "/*", "*/", "//", "]", "<b>", "\n", "\r", "\u{0}", "\u{2028}", "\u{202e}", "é",
    "ß", "名", "👍", "0", "1", "2", "9a", "a", "A", "b", "aB", "AB", "ab", "thing", "Thing",
    "type", "self", "Self", "super", "crate", "async", "gen", "API", "Other", "rest", "Rows",
    "_layout", "Request", "Response", "String", "Option", "From", "serde",
];

struct Names(Numbers);

impl Names {
    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.0.below(texts.len())]
    }

    /// Returns a name of up to three parts. Many are equal, or become equal in Rust.
    fn name(&mut self) -> String {
        let count = 1 + self.0.below(3);
        (0..count).map(|_| self.one_of(&PARTS)).collect()
    }

    fn names(&mut self) -> BTreeSet<String> {
        let count = 2 + self.0.below(4);
        (0..count).map(|_| self.name()).collect()
    }

    /// Returns a schema that refers to the named ones.
    fn schema(&mut self, names: &[String], depth: usize) -> Value {
        let mut schema = match self.0.below(if depth == 0 { 4 } else { 8 }) {
            0 => json!({"type": "string"}),
            1 => json!({"type": "integer"}),
            2 => json!({"type": "string", "enum": self.names()}),
            3 => {
                let name = &names[self.0.below(names.len())];
                let name = name
                    .replace('~', "~0")
                    .replace('/', "~1")
                    .replace('%', "%25");
                return json!({"$ref": format!("#/definitions/{name}")});
            }
            4 => json!({"type": "array", "items": self.schema(names, depth - 1)}),
            5 => json!({"type": "object", "additionalProperties": self.schema(names, depth - 1)}),
            _ => {
                let mut object = self.object(names, depth - 1);
                if self.0.below(4) == 0 {
                    object["additionalProperties"] = self.schema(names, depth - 1);
                }
                object
            }
        };
        schema["description"] = json!(self.name());
        schema
    }

    fn object(&mut self, names: &[String], depth: usize) -> Value {
        let properties = self.names().into_iter();
        let properties: Map<String, Value> = properties
            .map(|name| (name, self.schema(names, depth)))
            .collect();
        let required: Vec<&String> = properties.keys().take(self.0.below(3)).collect();
        json!({"type": "object", "required": required, "properties": properties})
    }

    fn operation(&mut self, names: &[String]) -> Value {
        let mut parameters = Map::new();
        for name in self.names() {
            let place = self.one_of(&["query", "header", "path", "formData"]);
            let kind = self.one_of(&["string", "integer", "array"]);
            let parameter = json!({"name": name, "in": place, "type": kind,
                "description": self.name()});
            if !name.is_empty() {
                parameters.insert(name, parameter);
            }
        }
        if self.0.below(2) == 0 {
            let body = json!({"name": self.name(), "in": "body", "schema": self.schema(names, 2)});
            parameters.insert("the body".to_owned(), body);
        }
        let parameters: Vec<Value> = parameters.into_iter().map(|(_, value)| value).collect();
        json!({
            "operationId": self.name(),
            "tags": [self.name()],
            "summary": self.name(),
            "description": self.name(),
            "parameters": parameters,
            "responses": {"200": {"description": self.name(), "schema": self.schema(names, 2)}},
        })
    }

    fn description(&mut self) -> Value {
        let names: Vec<String> = self.names().into_iter().collect();
        let definitions: Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), self.object(&names, 2)))
            .collect();
        let mut paths = Map::new();
        for _ in 0..3 {
            let segments = 1 + self.0.below(2);
            let segments: Vec<String> = (0..segments).map(|_| self.name()).collect();
            paths.insert(
                format!("/{}", segments.join("/")),
                json!({"get": self.operation(&names), "post": self.operation(&names)}),
            );
        }
        json!({
            "swagger": "2.0",
            "info": {"title": self.name(), "version": self.name()},
            "basePath": format!("/{}", self.name().replace(['?', '#'], "")),
            "paths": paths,
            "definitions": definitions,
        })
    }

    /// Writes one or two descriptions.
    fn write(&mut self, folder: &Path) {
        for _ in 0..=self.0.below(3) / 2 {
            // Zero bytes and slashes cannot be in names of files.
            let name = self.name().replace(['/', '\0'], "");
            let file = folder.join(format!("api{name}.json"));
            fs::write(file, self.description().to_string()).unwrap();
        }
    }
}

/// Generates code from a number of random folders. Hands over each output with the number of its
/// folder.
fn generate(seed: u64, count: usize, mut use_output: impl FnMut(usize, &Output)) {
    let mut names = Names(Numbers::new(seed));
    let mut refused = Vec::new();
    for number in 0..count {
        let folder = tempfile::tempdir().unwrap();
        names.write(folder.path());
        match Output::generate(folder.path()) {
            Ok(output) => use_output(number, &output),
            Err(error) => {
                let error = format!("{error:#}");
                assert!(error.contains("` at `#/"), "{error}");
                refused.push(error);
            }
        }
    }
    // An alias of itself has no end in any language.
    assert!(refused.len() * 10 < count, "{}", refused.join("\n"));
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension() == Some("rs".as_ref())
}

/// Collects names that two items, fields or variants have in common.
#[derive(Default)]
struct Clashes(Vec<String>);

impl Clashes {
    fn add(&mut self, names: impl IntoIterator<Item = String>) {
        let mut known = BTreeSet::new();
        for name in names {
            if !known.insert(name.clone()) {
                self.0.push(name);
            }
        }
    }

    fn items(&mut self, items: &[Item]) {
        let (mut types, mut values) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Struct(item) => {
                    if item.fields.is_empty() {
                        values.push(item.ident.to_string());
                    }
                    types.push(item.ident.to_string());
                }
                Item::Type(item) => types.push(item.ident.to_string()),
                Item::Mod(item) => types.push(item.ident.to_string()),
                Item::Static(item) => values.push(item.ident.to_string()),
                Item::Const(item) => values.push(item.ident.to_string()),
                _ => {}
            }
        }
        self.add(types);
        self.add(values);
    }

    /// Enums are calls of a macro, whose arguments are in their final form.
    fn enums(&mut self, code: &str) {
        let calls = code.split("\nfortilake_models::open_enum! {\n").skip(1);
        for call in calls {
            let (call, _) = call.split_once("\n}\n").unwrap();
            let variants = call.lines().filter_map(|line| {
                let (name, _) = line.strip_prefix("        ")?.split_once(" = \"")?;
                (!name.starts_with("///")).then(|| name.to_owned())
            });
            self.add(variants);
        }
    }

    /// Names of types include those of enums.
    fn types(&mut self, code: &str) {
        let starts = ["pub struct ", "pub type ", "    pub enum "];
        let types = code.lines().filter_map(|line| {
            let rest = starts.iter().find_map(|start| line.strip_prefix(start))?;
            rest.split(|char: char| !char.is_ascii_alphanumeric())
                .next()
                .map(str::to_owned)
        });
        self.add(types);
    }
}

impl<'ast> Visit<'ast> for Clashes {
    fn visit_file(&mut self, file: &'ast syn::File) {
        self.items(&file.items);
        syn::visit::visit_file(self, file);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if let Some((_, items)) = &module.content {
            self.items(items);
        }
        syn::visit::visit_item_mod(self, module);
    }

    fn visit_fields_named(&mut self, fields: &'ast syn::FieldsNamed) {
        let names = fields.named.iter().filter_map(|field| field.ident.as_ref());
        self.add(names.map(ToString::to_string));
        syn::visit::visit_fields_named(self, fields);
    }
}

#[test]
fn odd_names_become_valid_code() {
    generate(20_261_130, 40, |number, output| {
        for (path, code) in output.files().filter(|(path, _)| is_rust(path)) {
            let file = syn::parse_file(code).unwrap_or_else(|error| panic!("{error}:\n{code}"));
            let mut clashes = Clashes::default();
            clashes.visit_file(&file);
            clashes.enums(code);
            clashes.types(code);
            assert!(
                clashes.0.is_empty(),
                "{number} {path}: {:?}\n{code}",
                clashes.0
            );
        }
    });
}

#[test]
#[ignore = "slow; `cargo xtask soak` runs it"]
fn odd_names_become_code_that_compiles() {
    let copy = Copy::take();
    let tests = copy.path().join("crates/models/tests/odd_names");
    let mut main =
        "//! Code that was generated from odd names.\n\n#![allow(dead_code)]\n".to_owned();
    generate(20_261_201, 20, |number, output| {
        writeln!(main, "mod case{number} {{\n    pub mod generated;\n}}").unwrap();
        output.write(&tests.join(format!("case{number}"))).unwrap();
    });
    fs::write(tests.join("main.rs"), main).unwrap();
    copy.cargo(&["test", "--workspace", "--test", "odd_names", "--no-run"]);
}
