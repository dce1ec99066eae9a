//! Descriptions with something wrong at random: an error or an output, never a panic.

use std::{fs, path::Path};

use serde_json::{Value, json};
use xtask::codegen::Output;

/// A small generator of numbers; the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap() % limit
    }
}

#[test]
fn mutated_descriptions_do_not_panic() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let seeds = [
        root.join("foreign/petstore/petstore.json"),
        root.join("foreign/fleet/fleet.json"),
        root.join("golden/nested_tables/api.json"),
        root.join("golden/all_of/api.json"),
        root.join("golden/recursion/api.json"),
    ];
    let seeds = seeds.map(|file| fs::read_to_string(file).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let tables = fs::read_to_string(root.join("golden/nested_tables/tables.toml")).unwrap();
    let mut numbers = Numbers(20_261_122);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..400 {
        let seed = round % seeds.len();
        let mut description: Value = serde_json::from_str(&seeds[seed]).unwrap();
        for _ in 0..=numbers.below(3) {
            mutate(&mut description, &mut numbers);
        }
        let mut text = description.to_string();
        if numbers.below(20) == 0 {
            let end = (0..=numbers.below(text.len())).rev();
            let end = end.into_iter().find(|&end| text.is_char_boundary(end));
            text.truncate(end.unwrap_or_default());
        }
        fs::write(folder.path().join("api.json"), text).unwrap();
        let config = folder.path().join("tables.toml");
        if seed == 2 {
            fs::write(&config, &tables).unwrap();
        } else if config.exists() {
            fs::remove_file(&config).unwrap();
        }
        match Output::generate(folder.path()) {
            Ok(_) => accepted += 1,
            Err(error) => {
                let text = format!("{error:#}");
                assert!(
                    text.contains("api.json") || text.contains("tables.toml"),
                    "{text}"
                );
                assert!(!text.contains("wrote no Rust"), "{text}");
                refused += 1;
            }
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} {refused}");
}

/// Replaces, removes or renames one value somewhere.
fn mutate(value: &mut Value, numbers: &mut Numbers) {
    let deeper = numbers.below(8) > 0;
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let position = numbers.below(members.len());
            let name = members.keys().nth(position).unwrap().clone();
            match numbers.below(12) {
                0 => {
                    members.remove(&name);
                }
                1 => {
                    let value = members.remove(&name).unwrap();
                    members.insert(odd_text(numbers), value);
                }
                _ => mutate(&mut members[&name], numbers),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let position = numbers.below(items.len());
            mutate(&mut items[position], numbers);
        }
        _ => {
            *value = match numbers.below(12) {
                0 => Value::Null,
                1 => json!(true),
                2 => json!(-1),
                3 => json!([]),
                4 => json!({}),
                5 => json!({"$ref": "#"}),
                6 => json!({"$ref": "#/components/schemas/Node"}),
                7 => json!({"allOf": [{"$ref": "#/definitions/Pet"}, {"type": "string"}]}),
                8 => {
                    json!({"type": ["object", "null"], "additionalProperties": {"enum": ["a", "A", "\u{202e}"]}})
                }
                9 => json!(["object"]),
                _ => Value::String(odd_text(numbers)),
            };
        }
    }
}

fn odd_text(numbers: &mut Numbers) -> String {
    const TEXTS: &[&str] = &[
        "",
        " ",
        "type",
        "self",
        "Self",
        "_",
        "0",
        "a/b",
        "a.b",
        "~1",
        "#/",
        "%",
        "ö",
        "\u{202e}x",
        "{id}",
        "\"#",
        "\\",
        "*/",
        "```",
        "array",
        "object",
        "null",
        "$ref",
        "properties",
        "string",
        "x-",
        "2XX",
        "get",
        "\r\n",
        "\u{0}",
        "Option",
        "r#type",
        "crate",
        "👍",
        "a b-c",
        "_source",
    ];
    TEXTS[numbers.below(TEXTS.len())].to_owned()
}
