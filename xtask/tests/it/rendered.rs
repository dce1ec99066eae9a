//! Tests that the vendor's originals need no edits: our descriptions, rendered in another dialect
//! with other names and fewer details, must give the same tables, endpoints and types.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use xtask::codegen::Output;

use crate::{
    copy::{self, Copy},
    habits::Habit,
    swagger::{self, Edition},
};

fn descriptions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/apireference")
}

fn rendered(seed: u64, has_new_fields: bool) -> Output {
    let edition = Edition {
        seed,
        has_new_fields,
        habits: &[],
    };
    generated(edition).unwrap_or_else(|error| panic!("{error:#}"))
}

fn generated(edition: Edition) -> anyhow::Result<Output> {
    let folder = tempfile::tempdir().unwrap();
    swagger::render_folder(&descriptions(), folder.path(), edition);
    Output::generate(folder.path())
}

fn catalogue(output: &Output) -> Value {
    serde_json::from_str(output.file("generated/catalogue.json").unwrap()).unwrap()
}

/// A catalogue without texts and without everything that an edition may leave out.
fn bare(mut catalogue: Value) -> Value {
    for table in catalogue["tables"].as_array_mut().unwrap() {
        for column in table["columns"].as_array_mut().unwrap() {
            column["doc"] = Value::Null;
        }
    }
    for endpoint in catalogue["endpoints"].as_array_mut().unwrap() {
        endpoint["summary"] = Value::Null;
        endpoint["tables"]
            .as_array_mut()
            .unwrap()
            .sort_by_key(ToString::to_string);
        let parameters = endpoint["parameters"].as_array_mut().unwrap();
        for parameter in parameters.iter_mut() {
            parameter["doc"] = Value::Null;
            parameter["required"] = Value::Null;
        }
        parameters.sort_by_key(ToString::to_string);
    }
    catalogue
}

#[test]
fn tables_and_endpoints_are_the_same() {
    let ours = bare(catalogue(&Output::generate(&descriptions()).unwrap()));
    for seed in [1, 20_261_128] {
        let theirs = bare(catalogue(&rendered(seed, false)));
        assert_eq!(difference(&ours, &theirs), None);
    }
}

/// Returns the first table or endpoint that differs.
fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    ["tables", "endpoints"].into_iter().find_map(|part| {
        let (ours, theirs) = (ours[part].as_array()?, theirs[part].as_array()?);
        let differs = ours
            .iter()
            .zip(theirs)
            .find(|(ours, theirs)| ours != theirs);
        let differs = differs.map(|(ours, theirs)| format!("{part}: {ours}\nis now {theirs}"));
        let lengths = (ours.len(), theirs.len());
        differs.or_else(|| (lengths.0 != lengths.1).then(|| format!("{part}: {lengths:?}")))
    })
}

#[test]
fn other_habits_of_authors_make_no_difference() {
    const ALL: &[Habit] = &Habit::ALL;
    const SEVERAL: &[Habit] = &[
        Habit::Parts,
        Habit::Inline,
        Habit::Open,
        Habit::NoFormats,
        Habit::NoValues,
        Habit::NoTypes,
        Habit::Nullable,
        Habit::DefaultResponse,
        Habit::Shared,
        Habit::FullPaths,
    ];
    let ours = Output::generate(&descriptions()).unwrap();
    let used = types(&ours);
    let mut differing = Vec::new();
    for habits in ALL.chunks(1).chain([SEVERAL]) {
        let edition = Edition {
            seed: 11,
            has_new_fields: false,
            habits,
        };
        let theirs = match generated(edition) {
            Ok(theirs) => theirs,
            Err(error) => {
                differing.push(format!("{habits:?}: {error:#}"));
                continue;
            }
        };
        let (mut before, mut after) = (bare(catalogue(&ours)), bare(catalogue(&theirs)));
        if matches!(habits, [Habit::Capitals]) {
            ignore_case(&mut before);
            ignore_case(&mut after);
        }
        if matches!(habits, [Habit::Slashes]) {
            trim_paths(&mut before);
            trim_paths(&mut after);
        }
        if matches!(habits, [Habit::Numbers]) {
            read_numbers_as_integers(&mut before);
            read_numbers_as_integers(&mut after);
        }
        if matches!(habits, [Habit::Gateway]) {
            let endpoints = after["endpoints"].as_array_mut().unwrap();
            endpoints.retain(|endpoint| endpoint["method"] != "OPTIONS");
        }
        let table = difference(&before, &after);
        let types = types(&theirs);
        // Without its values, an enum is a text.
        let is_text = habits.iter().any(|habit| matches!(habit, Habit::NoValues));
        let code = used.iter().find_map(|(name, fields)| {
            let mut fields = fields.clone();
            if is_text {
                for field in &mut fields {
                    *field = field.replace("ProductsListRequestStatus", "String");
                }
            }
            let found = types.get(name);
            (found != Some(&fields)).then(|| format!("type {name}: {fields:?}\nis now {found:?}"))
        });
        differing.extend(table.or(code).map(|it| format!("{habits:?}: {it}")));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

/// Writes names and paths of endpoints without capitals. `tables.toml` does not name all of them,
/// and the others are spelled as in the description.
fn ignore_case(catalogue: &mut Value) {
    let endpoints = catalogue["endpoints"].as_array_mut().unwrap();
    for endpoint in endpoints.iter_mut() {
        for member in ["id", "path"] {
            endpoint[member] = json!(endpoint[member].as_str().unwrap().to_lowercase());
        }
    }
    endpoints.sort_by_key(|endpoint| endpoint["id"].to_string());
}

/// Removes the last slash of paths, which are sent as the description spells them.
fn trim_paths(catalogue: &mut Value) {
    for endpoint in catalogue["endpoints"].as_array_mut().unwrap() {
        endpoint["path"] = json!(endpoint["path"].as_str().unwrap().trim_end_matches('/'));
    }
}

/// Arguments have the type that the description says.
fn read_numbers_as_integers(catalogue: &mut Value) {
    for endpoint in catalogue["endpoints"].as_array_mut().unwrap() {
        let parameters = endpoint["parameters"].as_array_mut().unwrap();
        for parameter in parameters.iter_mut() {
            if parameter["json_type"] == "number" {
                parameter["json_type"] = json!("integer");
            }
        }
        parameters.sort_by_key(ToString::to_string);
    }
}

/// Returns the public fields of each type under `[types]` in `tables.toml`, by module.
fn types(output: &Output) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(descriptions().join("tables.toml")).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("[types.")?.strip_suffix(']'))
        .collect();
    let mut types = BTreeMap::new();
    for (path, code) in output.files() {
        for name in &names {
            let start = format!("pub struct {name} {{\n");
            if let Some((_, body)) = code.split_once(&start) {
                let body = body.split("\n}\n").next().unwrap();
                let fields = body.lines().filter(|line| line.starts_with("    pub "));
                let fields: Vec<String> = fields.map(str::to_owned).collect();
                // Answer types keep the order and the part names of the description, and may be
                // shared between modules in one edition but not in another. So they are not
                // compared.
                if code.contains(&format!("#[serde(default)]\n{start}")) {
                    types.insert((*name).to_owned(), Vec::new());
                } else {
                    types.insert(format!("{path} {name}"), fields);
                }
            }
        }
    }
    assert!(types.len() > 25, "{}", types.len());
    types
}

#[test]
fn the_types_of_hand_written_code_are_the_same() {
    let ours = types(&Output::generate(&descriptions()).unwrap());
    let theirs = types(&rendered(7, true));
    for (name, fields) in &ours {
        assert_eq!(Some(fields), theirs.get(name), "{name}");
    }
}

/// Returns the names and types of all fields with integers, in any type.
fn integers(output: &Output) -> BTreeSet<&str> {
    let lines = output.files().flat_map(|(_, code)| code.lines());
    let fields = lines.filter_map(|line| line.strip_prefix("    pub "));
    fields.filter(|field| field.contains("i64")).collect()
}

#[test]
fn ids_that_are_text_are_integers_in_all_types() {
    let ours = Output::generate(&descriptions()).unwrap();
    let theirs = rendered(4, false);
    assert!(integers(&ours).contains("service_provider: Option<i64>,"));
    assert_eq!(integers(&ours), integers(&theirs));
}

/// Returns the names in the module from which hand-written code imports.
fn imports(output: &Output) -> Vec<String> {
    let index = output.file("generated.rs").unwrap();
    let (_, module) = index.split_once("pub mod types {\n").unwrap();
    let lines = module.lines().take_while(|line| *line != "}");
    let names = lines.map(|line| line.rsplit("::").next().unwrap().to_owned());
    names.collect()
}

#[test]
fn files_may_have_other_names() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(descriptions()).unwrap() {
        let file = entry.unwrap();
        let name = file.file_name().into_string().unwrap();
        let name = name.replace("Asset Management V3 ", "registration-");
        fs::copy(file.path(), folder.path().join(name)).unwrap();
    }
    let ours = Output::generate(&descriptions()).unwrap();
    let theirs = Output::generate(folder.path()).unwrap();
    assert!(theirs.file("generated/registration_product.rs").is_some());
    assert!(imports(&ours).contains(&"ProductsFolderRequest;".to_owned()));
    assert_eq!(imports(&ours), imports(&theirs));
    assert_eq!(
        bare(catalogue(&ours))["tables"],
        bare(catalogue(&theirs))["tables"]
    );
}

/// All tests have to compile, and those run that read answers or compare rows with what the
/// simulator sent. The others depend on descriptions only through these.
#[test]
#[ignore = "takes ten minutes; run it by hand after a change of the generator"]
fn the_rendered_workspace_passes_its_tests_and_publishes_the_same_tables() {
    let copy = Copy::take();
    let edition = Edition {
        seed: 3,
        has_new_fields: true,
        habits: &[],
    };
    let fixtures = copy.path().join("fixtures/apireference");
    swagger::render_folder(&descriptions(), &fixtures, edition);
    let output = Output::generate(&fixtures).unwrap();
    output
        .write(&copy.path().join("crates/models/src"))
        .unwrap();
    // The whole workspace, because other packages would need dependencies with other features, and
    // cargo would build them again.
    let filters = ["--", "decode::", "truth::"];
    copy.cargo(&[&["test", "--workspace", "--tests"], &filters[..]].concat());

    // `cargo test` has built both programs.
    let ours = tables(&copy::programs());
    let theirs = tables(&copy.target().join("debug"));
    assert!(ours["products.csv"].lines().count() > 500);
    assert_eq!(ours, theirs);
}

/// Crawls the simulator with the program in this folder, and returns the published CSV files by name,
/// without the columns that differ in every crawl.
fn tables(programs: &Path) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let program = programs.join(format!("fortilake{}", std::env::consts::EXE_SUFFIX));
    let status = Command::new(&program)
        .args(["crawl", "--simulate", "--sink"])
        .arg(format!("csv:{}?meta=false&layout=latest", out.display()))
        .status()
        .unwrap();
    assert!(status.success(), "{}", program.display());
    let entries = fs::read_dir(&out).unwrap();
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "csv"));
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    files.map(named).collect()
}

#[test]
fn a_rendering_is_not_what_we_wrote() {
    let api = json!({
        "servers": [{"url": "https://host.example/ES/api/v1"}],
        "components": {"schemas": {"Thing": {
            "type": "object",
            "description": "A thing.",
            "required": ["id"],
            "properties": {"id": {"type": "integer", "format": "int64"}},
        }}},
        "paths": {},
    });
    let edition = Edition {
        seed: 5,
        has_new_fields: false,
        habits: &[],
    };
    let rendered: Value = serde_json::from_str(&swagger::render(&api, edition)).unwrap();
    assert_eq!(rendered["basePath"], "/es/api/v1");
    assert_eq!(
        rendered["definitions"],
        json!({"Dto5Of0": {"type": "object", "properties": {"id": {"type": "string"}}}})
    );
}

/// A vendor may describe all services in one file.
#[test]
fn one_file_may_describe_all_services() {
    let ours = Output::generate(&descriptions()).unwrap();
    let edition = Edition {
        seed: 8,
        has_new_fields: false,
        habits: &[],
    };
    let folder = tempfile::tempdir().unwrap();
    swagger::render_together(&descriptions(), folder.path(), edition);
    let theirs = Output::generate(folder.path()).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(theirs.file("generated/all.rs").is_some());
    // The catalogue says which file describes an endpoint.
    let without_files = |output| {
        let mut catalogue = bare(catalogue(output));
        for endpoint in catalogue["endpoints"].as_array_mut().unwrap() {
            endpoint["api"] = Value::Null;
        }
        catalogue
    };
    assert_eq!(
        difference(&without_files(&ours), &without_files(&theirs)),
        None
    );
    assert_eq!(imports(&ours), imports(&theirs));
}

/// The descriptions in the repository may be the vendor's originals.
#[test]
fn a_rendering_of_a_rendering_is_the_same() {
    const SHARED: &[Habit] = &[Habit::OddNames, Habit::Shared];
    let ours = bare(catalogue(&Output::generate(&descriptions()).unwrap()));
    let edition = |habits| Edition {
        seed: 2,
        has_new_fields: false,
        habits,
    };
    let once = tempfile::tempdir().unwrap();
    swagger::render_folder(&descriptions(), once.path(), edition(SHARED));
    let twice = tempfile::tempdir().unwrap();
    swagger::render_folder(once.path(), twice.path(), edition(&[]));
    let theirs = Output::generate(twice.path()).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(difference(&ours, &bare(catalogue(&theirs))), None);
}
