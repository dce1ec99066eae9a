//! Tests with randomly damaged descriptions: they cause an error or an output, never a panic.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use xtask::codegen::Output;

/// A small random number generator, with the same numbers in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    /// Starts the sequence that belongs to this seed.
    pub(crate) fn new(seed: u64) -> Self {
        // The generator cannot leave zero.
        Self(seed | 1)
    }

    /// Returns a number below this limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap() % limit
    }
}

/// The texts of a folder of descriptions.
struct Seed {
    description: Value,
    tables: Option<String>,
    patch: Option<Value>,
}

impl Seed {
    fn read(path: &str, description: &str) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let read = |name: &str| fs::read_to_string(tests.join(path).join(name)).ok();
        let json = |text: String| serde_json::from_str(&text).unwrap();
        Self {
            description: json(read(description).unwrap()),
            tables: read("tables.toml"),
            patch: read("api.patch.json").map(json),
        }
    }
}

/// Set `FUZZ_SECONDS` to run longer than the fixed number of rounds, with other random numbers.
#[test]
fn mutated_descriptions_do_not_panic() {
    let seeds = [
        Seed::read("foreign/petstore", "petstore.json"),
        Seed::read("foreign/fleet", "fleet.json"),
        Seed::read("golden/nested_tables", "api.json"),
        Seed::read("golden/all_of", "api.json"),
        Seed::read("golden/recursion", "api.json"),
        Seed::read("golden/types", "api.json"),
        Seed::read("golden/published", "api.json"),
        Seed::read("golden/patch", "api.json"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let seconds = std::env::var("FUZZ_SECONDS")
        .ok()
        .map(|text| text.parse().unwrap());
    let started = Instant::now();
    let goes_on = |round: usize| match seconds {
        Some(seconds) => started.elapsed() < Duration::from_secs(seconds),
        None => round < 480,
    };
    let mut numbers = Numbers::new(match seconds {
        Some(_) => u64::from(std::process::id()) << 20,
        None => 20_261_122,
    });
    let (mut accepted, mut refused) = (0, 0);
    let mut round = 0;
    while goes_on(round) {
        write(&seeds[round % seeds.len()], &mut numbers, folder.path());
        round += 1;
        match Output::generate(folder.path()) {
            Ok(_) => accepted += 1,
            Err(error) => {
                let text = format!("{error:#}");
                let files = ["api.json", "api.patch.json", "tables.toml"];
                assert!(files.iter().any(|file| text.contains(file)), "{text}");
                assert!(!text.contains("wrote no Rust"), "{text}");
                refused += 1;
            }
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} {refused}");
}

/// Writes a folder with a random defect.
fn write(seed: &Seed, numbers: &mut Numbers, folder: &Path) {
    let mut description = seed.description.clone();
    let mut patch = seed.patch.clone();
    for _ in 0..=numbers.below(3) {
        match &mut patch {
            Some(patch) if numbers.below(2) == 0 => mutate(patch, numbers),
            _ => mutate(&mut description, numbers),
        }
    }
    let mut text = description.to_string();
    if numbers.below(20) == 0 {
        let end = (0..=numbers.below(text.len())).rev();
        let end = end.into_iter().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or_default());
    }
    let file = |name: &str, content: Option<String>| {
        let file = folder.join(name);
        match content {
            Some(content) => fs::write(file, content).unwrap(),
            None if file.exists() => fs::remove_file(file).unwrap(),
            None => {}
        }
    };
    file("api.json", Some(text));
    file("tables.toml", seed.tables.clone());
    file("api.patch.json", patch.map(|patch| patch.to_string()));
}

/// Replaces, removes or renames a random value.
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
