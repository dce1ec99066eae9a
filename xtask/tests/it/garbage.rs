//! Tests with randomly damaged descriptions, patches and `tables.toml`: they cause an error or an output, never a panic.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    panic,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
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

/// The descriptions, patches and `tables.toml` of a folder: text by name.
type Seed = BTreeMap<String, String>;

fn seed(folder: &str) -> Seed {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let inputs = files.filter(|file| is_json(file) || file.ends_with("tables.toml"));
    let named = inputs.map(|file| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(file).unwrap())
    });
    named.collect()
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "json")
}

/// Folders with small descriptions, which use all features of the generator.
const SMALL: [&str; 9] = [
    "tests/foreign/petstore",
    "tests/foreign/fleet",
    "tests/golden/nested_tables",
    "tests/golden/all_of",
    "tests/golden/recursion",
    "tests/golden/types",
    "tests/golden/published",
    "tests/golden/patch",
    "tests/golden/secret",
];

#[test]
fn mutated_descriptions_do_not_panic() {
    let seeds: Vec<Seed> = SMALL.iter().map(|folder| seed(folder)).collect();
    let counts = damage(&seeds, Numbers::new(20_261_122), |round| round < 540);
    assert!(counts.accepted > 50 && counts.refused > 50, "{counts:?}");
}

#[test]
fn lists_in_lists_are_read_up_to_a_depth() {
    let mut schema = json!({"type": "string"});
    for _ in 0..100 {
        schema = json!({"type": "array", "items": schema});
    }
    let row = json!({"type": "object", "properties": {"deep": schema}});
    let response = json!({"200": {"schema": {"type": "array", "items": row}}});
    let api = json!({"swagger": "2.0", "paths": {"/things": {"get": {"responses": response}}}});
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.json"), api.to_string()).unwrap();
    let output = Output::generate(folder.path()).unwrap();
    let report = output.file("generated/REPORT.md").unwrap();
    assert!(report.contains("lists within lists, too deep"), "{report}");
}

/// With other random numbers in every run, and with our own descriptions. Set `FUZZ_SECONDS` for
/// another time than ten minutes, and `FUZZ_SEED` to repeat a run.
#[test]
#[ignore = "takes ten minutes; run it by hand after a change of the generator"]
fn mutated_descriptions_do_not_panic_for_ten_minutes() {
    let seconds = std::env::var("FUZZ_SECONDS");
    let seconds = seconds.map_or(600, |text| text.parse().unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let start = std::env::var("FUZZ_SEED");
    let start = start.map_or(now.as_secs(), |text| text.parse().unwrap());
    // Before the first input, because a stack overflow ends the process.
    writeln!(io::stdout(), "FUZZ_SEED={start}").unwrap();
    let mut seeds: Vec<Seed> = SMALL.iter().map(|folder| seed(folder)).collect();
    seeds.push(seed("../fixtures/apireference"));
    let started = Instant::now();
    let counts = damage(&seeds, Numbers::new(start), |_| {
        started.elapsed() < Duration::from_secs(seconds)
    });
    let total = counts.accepted + counts.refused;
    writeln!(
        io::stdout(),
        "{total} inputs from the seed {start}: {counts:?}"
    )
    .unwrap();
}

/// How many damaged folders the generator accepted and refused.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
}

/// Generates from damaged copies of the folders, one after the other. An error has to name a file.
fn damage(seeds: &[Seed], mut numbers: Numbers, goes_on: impl Fn(usize) -> bool) -> Counts {
    let mut counts = Counts::default();
    for round in (0..).take_while(|round| goes_on(*round)) {
        let seed = &seeds[round % seeds.len()];
        let folder = tempfile::tempdir().unwrap();
        write(seed, &mut numbers, folder.path());
        let Ok(result) = panic::catch_unwind(|| Output::generate(folder.path())) else {
            // The panic is in the output of the test already, and the folder is its cause.
            panic!("see `{}`", folder.keep().display());
        };
        match result {
            Ok(_) => counts.accepted += 1,
            Err(error) => {
                let text = format!("{error:#}");
                let mut files = seed.keys();
                assert!(files.any(|file| text.contains(file.as_str())), "{text}");
                assert!(!text.contains("wrote no Rust"), "{text}");
                counts.refused += 1;
            }
        }
    }
    counts
}

/// Writes a folder with a few random defects in one of its files.
fn write(seed: &Seed, numbers: &mut Numbers, folder: &Path) {
    let damaged = numbers.below(seed.len());
    for (number, (name, text)) in seed.iter().enumerate() {
        let mut text = text.clone();
        if number == damaged {
            let count = 1 + numbers.below(3);
            if is_json(name.as_ref()) {
                let mut value: Value = serde_json::from_str(&text).unwrap();
                (0..count).for_each(|_| mutate(&mut value, numbers));
                text = value.to_string();
            } else {
                (0..count).for_each(|_| mutate_lines(&mut text, numbers));
            }
            if numbers.below(20) == 0 {
                mutate_text(&mut text, numbers);
            }
        }
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Cuts a text off, or puts something in it.
fn mutate_text(text: &mut String, numbers: &mut Numbers) {
    let end = (0..=numbers.below(text.len() + 1)).rev();
    let end = end.into_iter().find(|&end| text.is_char_boundary(end));
    let end = end.unwrap_or_default();
    match numbers.below(3) {
        0 => text.truncate(end),
        1 => text.insert_str(end, "1e999"),
        _ => text.insert_str(end, &odd_text(numbers)),
    }
}

/// Removes, repeats or moves a line of a TOML file, or replaces a text in it.
fn mutate_lines(text: &mut String, numbers: &mut Numbers) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let (line, other) = (numbers.below(lines.len()), numbers.below(lines.len()));
    match numbers.below(6) {
        0 => _ = lines.remove(line),
        1 => lines.insert(other, lines[line].clone()),
        2 => lines.swap(line, other),
        3 => mutate_text(&mut lines[line], numbers),
        _ => {
            let parts: Vec<&str> = lines[line].split('"').collect();
            let mut parts: Vec<String> = parts.into_iter().map(str::to_owned).collect();
            let place = (2 * numbers.below(parts.len().div_ceil(2)) + 1).min(parts.len() - 1);
            parts[place] = odd_text(numbers).escape_debug().to_string();
            lines[line] = parts.join("\"");
        }
    }
    *text = lines.join("\n");
}

/// Replaces, removes or renames a random value.
fn mutate(value: &mut Value, numbers: &mut Numbers) {
    let deeper = numbers.below(8) > 0;
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let position = numbers.below(members.len());
            let name = members.keys().nth(position).unwrap().clone();
            match numbers.below(14) {
                0 => {
                    members.remove(&name);
                }
                2 => {
                    let other = numbers.below(members.len());
                    let other = members.values().nth(other).unwrap().clone();
                    members.insert(name, other);
                }
                3 => {
                    let copy = members[&name].clone();
                    members.insert(odd_text(numbers), copy);
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
            *value = match numbers.below(17) {
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
                10 => json!(u64::MAX),
                11 => json!(-1e308),
                12 => nested(value, "properties", 3 + numbers.below(50)),
                13 => nested(value, "items", 3 + numbers.below(100)),
                _ => Value::String(odd_text(numbers)),
            };
        }
    }
}

/// Puts a value deep into objects or lists.
fn nested(value: &Value, keyword: &str, depth: usize) -> Value {
    (0..depth).fold(value.clone(), |inner, _| match keyword {
        "properties" => json!({"properties": {"a": inner, "b": {"$ref": "#"}}}),
        _ => json!({"items": inner}),
    })
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
