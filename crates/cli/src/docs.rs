//! Tests that the documentation and the program agree: every command, flag, configuration key, option of a sink, key of
//! a scenario, exit code and metric is documented, and everything that is documented exists.
//!
//! `docs/commands.md`, `docs/tables.md` and `docs/sinks/options.md` are generated:
//! `FORTILAKE_WRITE_DOCS=1 cargo test -p fortilake docs` writes them. Other pages are written by people, and these tests read the names in their tables.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use clap::{Arg, CommandFactory as _, Parser as _};
use fortilake_simulator::Scenario;
use fortilake_sink::registry;
use serde_json::Value;
use tracing::{
    Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use crate::{args::Cli, commands::tables, config, console::Console, exit::Code, metrics, traces};

/// The sinks of the default build. Others need a feature, and have a page of their own.
const SINKS: [&str; 8] = [
    "csv", "delta", "ducklake", "exec", "ndjson", "parquet", "webhook", "xlsx",
];

/// The lines of a screen, each of 100 columns.
const SCREEN: usize = 52;

fn page(name: &str) -> PathBuf {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    PathBuf::from(docs).join(name)
}

#[track_caller]
fn read(name: &str) -> String {
    fs::read_to_string(page(name)).unwrap_or_else(|error| panic!("docs/{name}: {error}"))
}

/// Compares a generated page with its file, or writes the file.
#[track_caller]
fn check_page(name: &str, text: &str) {
    if std::env::var_os("FORTILAKE_WRITE_DOCS").is_some() {
        fs::write(page(name), text).unwrap_or_else(|error| panic!("docs/{name}: {error}"));
    }
    assert!(
        read(name) == text,
        "docs/{name} is out of date; run `FORTILAKE_WRITE_DOCS=1 cargo test -p fortilake docs`"
    );
}

/// The names in the first column of the tables in a part of a page.
fn names_in_tables(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_start_matches("| ").split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

/// A section of a page with its subsections, from its heading to the next one of the same level.
#[track_caller]
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let begin = text.find(heading).unwrap_or_else(|| panic!("no {heading}"));
    let rest = &text[begin + heading.len()..];
    let level = heading.split(' ').next().unwrap_or_default();
    let end = rest.find(&format!("\n{level} ")).unwrap_or(rest.len());
    &rest[..end]
}

#[test]
#[cfg(feature = "history")]
fn every_command_and_flag_is_documented() {
    let mut text = "<!-- Generated from the program; see crates/cli/src/docs.rs. -->\n\n\
                    # Commands\n\n\
                    `fortilake COMMAND --help` prints the same text, and `fortilake man COMMAND` prints a manual \
                    page.\n\n\
                    ## Flags of every command\n\n"
        .to_owned();
    let mut root = Cli::command();
    root.build();
    let of_all = root.get_arguments().filter(|arg| arg.is_global_set());
    flags(of_all, &mut text);
    commands(&root, "fortilake", &mut text);
    check_page("commands.md", &text);
}

fn commands(command: &clap::Command, path: &str, text: &mut String) {
    for command in command.get_subcommands() {
        if command.get_name() == "help" {
            continue;
        }
        let path = format!("{path} {}", command.get_name());
        let about = command.get_long_about().or(command.get_about());
        let about = about.map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "\n## `{path}`\n\n{}", sentence(&about));
        let example = command.get_after_help().map(ToString::to_string);
        if let Some(example) = example
            .as_deref()
            .and_then(|text| text.strip_prefix("Example: "))
            && !command.has_subcommands()
        {
            let _ = writeln!(text, "\n```sh\n{example}\n```");
        }
        let own = command.get_arguments().filter(|arg| !arg.is_global_set());
        let mut table = String::new();
        flags(own, &mut table);
        // A flag that the subcommands share is listed where it is defined.
        let shared = command.get_arguments().filter(|arg| {
            arg.is_global_set()
                && !Cli::command()
                    .get_arguments()
                    .any(|top| top.get_id() == arg.get_id())
        });
        if path.matches(' ').count() == 1 {
            flags(shared, &mut table);
        }
        if !table.is_empty() {
            let _ = write!(text, "\n{table}");
        }
        commands(command, &path, text);
    }
}

fn flags<'a>(arguments: impl Iterator<Item = &'a Arg>, text: &mut String) {
    for arg in arguments {
        if matches!(arg.get_id().as_str(), "help" | "version") || arg.is_hide_set() {
            continue;
        }
        if !text.ends_with("|\n") {
            text.push_str("| argument | meaning |\n| --- | --- |\n");
        }
        let help = arg.get_long_help().or(arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let mut help = sentence(&help);
        let values = arg.get_possible_values();
        let takes_value = arg.get_action().takes_values();
        if takes_value && !values.is_empty() {
            let values: Vec<_> = values
                .iter()
                .map(|value| format!("`{}`", value.get_name()))
                .collect();
            let _ = write!(help, " One of {}.", values.join(", "));
        }
        let default: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy().into_owned())
            .collect();
        if takes_value && !default.is_empty() {
            let _ = write!(help, " Default: `{}`.", default.join(" "));
        }
        let _ = writeln!(text, "| {} | {} |", name(arg), cell(&help));
    }
}

/// The commands without subcommands, each with its words.
fn leaves(
    command: &clap::Command,
    words: &[String],
    found: &mut Vec<(Vec<String>, clap::Command)>,
) {
    for command in command.get_subcommands() {
        if command.get_name() == "help" {
            continue;
        }
        let words = [words, &[command.get_name().to_owned()]].concat();
        if command.has_subcommands() {
            leaves(command, &words, found);
        }
        found.push((words, command.clone()));
    }
}

#[test]
fn the_help_of_every_command_fits_a_screen_and_has_an_example() {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    leaves(&root, &[], &mut found);
    for (words, mut command) in found {
        let name = words.join(" ");
        let help = command.render_help().to_string();
        let lines = help.lines().count();
        assert!(lines <= SCREEN, "{name}: {lines} lines\n{help}");
        let example = help.lines().last().unwrap_or_default();
        let example = example
            .strip_prefix("Example: ")
            .unwrap_or_else(|| panic!("{name}: {example}"));
        // No example has a space between quotes but the description of a product.
        let example = example.replace("\"Berlin, rack 4\"", "Berlin,rack4");
        let arguments: Vec<&str> = example.split(' ').collect();
        assert!(
            arguments[1..].starts_with(&words.iter().map(String::as_str).collect::<Vec<_>>()),
            "{name}: {example}"
        );
        Cli::try_parse_from(arguments).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

/// How an argument is written, such as `-v`, `--verbose` or `--sink <SINK>`.
fn name(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default();
    let value = match values.first() {
        Some(value) if arg.get_action().takes_values() => format!(" <{value}>"),
        _ => String::new(),
    };
    let long = arg.get_long().map(|long| format!("`--{long}{value}`"));
    let short = arg.get_short().map(|short| format!("`-{short}`"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let text = match names.as_slice() {
        [] => format!("`{}`", value.trim()),
        names => names.join(", "),
    };
    text.replace('|', "\\|")
}

/// Help text on one line with its full stop, which clap cuts off.
fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.chars().last() {
        None | Some('.') => text,
        Some(_) => text + ".",
    }
}

fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

#[test]
fn every_option_of_a_sink_is_documented() {
    let mut text = "<!-- Generated from the program; see crates/cli/src/docs.rs. -->\n\n\
                    # Options of the sinks\n\n\
                    `fortilake sinks NAME` prints the same for the sinks of your build.\n\
                    On the command line, an option is `?option=value` after the target.\n"
        .to_owned();
    for name in SINKS {
        let Ok(sink) = registry::find(name) else {
            // A build without this sink cannot check its options.
            return;
        };
        let _ = writeln!(text, "\n## `{name}`\n\n{}\n", sink.summary);
        text.push_str("| option | default | meaning |\n| --- | --- | --- |\n");
        let schema = (sink.options)();
        let options = schema.as_value().get("properties");
        for (option, schema) in options.and_then(Value::as_object).into_iter().flatten() {
            let meaning = schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert!(
                !meaning.is_empty(),
                "option `{option}` of `{name}` has no description"
            );
            let default = schema.get("default").filter(|value| !value.is_null());
            let default = default.map_or_else(String::new, |value| format!("`{value}`"));
            let _ = writeln!(
                text,
                "| `{option}` | {} | {} |",
                cell(&default),
                cell(meaning)
            );
        }
    }
    check_page("sinks/options.md", &text);
}

#[test]
fn every_table_and_column_is_documented() {
    let mut text = "<!-- Generated from the program; see crates/cli/src/docs.rs. -->\n\n\
                    # Tables\n\n\
                    `fortilake tables NAME` prints the same, and `fortilake tables --format sql` or `--format dbt` \
                    writes it for a database.\n\
                    Tables whose source you don't read, or whose name is not in `include`, are not published.\n\
                    In the layout `snapshots`, every table also has the column `snapshot`.\n\n\
                    | table | a row is |\n| --- | --- |\n"
        .to_owned();
    for table in fortilake_models::tables() {
        let (name, summary) = (table.name, cell(table.summary));
        let _ = writeln!(text, "| [`{name}`](#{name}) | {summary} |");
    }
    for table in fortilake_models::tables() {
        let key = table.key.iter().map(|name| format!("`{name}`"));
        let key = key.collect::<Vec<_>>().join(", ");
        let endpoint = table
            .endpoint
            .map(|endpoint| format!(" Read from `{endpoint}`."));
        let endpoint = endpoint.unwrap_or_default();
        let _ = write!(
            text,
            "\n## `{}`\n\n{} Key: {key}.{endpoint}\n\n| column | type | meaning |\n| --- | --- | --- |\n",
            table.name, table.summary
        );
        for column in table.columns {
            let (kind, doc) = (tables::type_name(column.kind), cell(column.doc));
            let _ = writeln!(text, "| `{}` | {kind} | {doc} |", column.name);
        }
    }
    check_page("tables.md", &text);
}

#[test]
fn every_configuration_key_is_documented() {
    let schema = config::schema().unwrap_or_else(|failure| panic!("{:#}", failure.error));
    let page = read("configuration.md");
    let keys = |schema: &Value| -> BTreeSet<String> {
        let properties = schema["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect()
    };
    let resolve = |part: &Value| -> Value {
        let target = part["$ref"]
            .as_str()
            .and_then(|target| target.strip_prefix('#'));
        let found = target.and_then(|target| schema.pointer(target));
        found.unwrap_or(part).clone()
    };
    let source = resolve(&schema["properties"]["source"]["items"]);
    let mut documented = names_in_tables(section(&page, "\n## `[[source]]`"));
    let quota = keys(&resolve(&source["properties"]["quota"]));
    let mut expected = keys(&source);
    // The quota has a section of its own, with an example instead of a table.
    assert!(expected.remove("quota"));
    documented.remove("quota");
    assert_eq!(documented, expected, "keys of `[[source]]`");
    let example = section(&page, "### `[source.quota]`");
    for key in quota {
        assert!(
            example.contains(&format!("\n{key} = ")),
            "`quota.{key}` has no example"
        );
    }
    let example = section(&page, "\n## The whole file");
    let mut general = keys(&schema);
    assert!(general.remove("source") && general.remove("sink"));
    for key in general {
        let section = resolve(&schema["properties"][&key]);
        let inner = keys(&section);
        let line = if inner.is_empty() {
            format!("\n{key} = ")
        } else {
            format!("\n[{key}]")
        };
        assert!(example.contains(&line), "`{key}` has no example");
        for key in inner {
            assert!(
                example.contains(&format!("\n{key} = ")),
                "`{key}` has no example"
            );
        }
    }
}

/// The names that a scenario could have in place of `nonsense`.
#[track_caller]
fn known_to_scenarios(text: &str) -> BTreeSet<String> {
    let error = Scenario::from_toml(text).expect_err(text);
    let error = anyhow::Error::from(error);
    let message = format!("{error:#}");
    let (_, known) = message.split_once("expected ").expect(&message);
    let names = known.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn every_key_of_a_scenario_is_documented() {
    let page = read("simulator.md");
    let sections = [
        "credentials",
        "organization",
        "quota",
        "quirks",
        "flex",
        "portal",
        "authenticator",
    ];
    let mut general = known_to_scenarios("nonsense = 1");
    for name in sections {
        assert!(general.remove(name), "{name}");
        let keys = known_to_scenarios(&format!("[{name}]\nnonsense = 1"));
        let documented = names_in_tables(section(&page, &format!("\n## `[{name}]`")));
        assert_eq!(documented, keys, "keys of `[{name}]`");
    }
    assert!(general.remove("fault"));
    let documented = names_in_tables(section(&page, "\n## General settings"));
    assert_eq!(documented, general, "general keys");
    let faults = section(&page, "\n## `[[fault]]`");
    let (keys, actions) = faults.split_once("\n### Actions").expect("actions");
    let known = known_to_scenarios("[[fault]]\nnonsense = 1");
    assert_eq!(names_in_tables(keys), known, "keys of `[[fault]]`");
    let kinds = known_to_scenarios("[[fault]]\naction = { kind = 'nonsense' }");
    assert_eq!(names_in_tables(actions), kinds, "actions");
    // Of each action, the keys in the second column are those that it takes.
    for row in actions.lines().filter(|line| line.starts_with("| `")) {
        let mut columns = row.split('|').skip(1).map(|cell| -> BTreeSet<_> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        });
        let kind = columns
            .next()
            .and_then(|kind| kind.first().cloned())
            .expect(row);
        let action = format!("[[fault]]\naction = {{ kind = '{kind}', nonsense = 1 }}");
        let documented = columns.next().unwrap_or_default();
        if !documented.is_empty() {
            assert_eq!(documented, known_to_scenarios(&action), "keys of `{kind}`");
        }
    }
}

#[test]
fn every_exit_code_is_documented() {
    let page = read("exit-codes.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let numbers = rows.filter_map(|row| row.split(' ').next()?.parse().ok());
    let documented: BTreeSet<u8> = numbers.collect();
    let codes = Code::ALL.map(|code| code as u8);
    assert_eq!(documented, BTreeSet::from(codes));
}

/// The names of the spans that are created, each with its attributes.
#[derive(Clone, Default)]
struct SpanNames(Arc<Mutex<BTreeSet<(String, String)>>>);

impl<S: Subscriber> Layer<S> for SpanNames {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let metadata = span.metadata();
        if !traces::is_span(metadata) {
            return;
        }
        let fields = metadata.fields().iter().map(|field| field.name());
        // These become the name, the kind and the status of the exported span.
        let attributes = fields.filter(|name| !name.starts_with("otel."));
        let pairs = attributes.map(|name| (metadata.name().to_owned(), name.to_owned()));
        self.0.lock().expect("no test has failed").extend(pairs);
    }
}

#[test]
fn every_span_and_attribute_is_documented() {
    let page = read("production.md");
    let section = section(&page, "### Traces");
    let mut documented = BTreeSet::new();
    let (spans, attributes) = section
        .split_once("\n| attribute | spans |")
        .expect("a table of attributes");
    for row in attributes.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let attribute = cells[0].trim_start_matches("| ").trim_matches('`');
        for span in cells[1].split('`').skip(1).step_by(2) {
            documented.insert((span.to_owned(), attribute.to_owned()));
        }
    }
    let (_, spans) = spans.split_once("\n| span |").expect("a table of spans");
    let described = names_in_tables(spans);
    let described: BTreeSet<_> = described
        .iter()
        .filter(|name| !name.contains('_'))
        .collect();

    // Only this test sets a subscriber. It has to be global, because a crawl uses several threads.
    let created = SpanNames::default();
    let subscriber = tracing_subscriber::registry().with(created.clone());
    tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    let folder = tempfile::tempdir().expect("a folder");
    let sink = format!("csv:{}", folder.path().display());
    let line = ["fortilake", "crawl", "--simulate", "-q", "--sink", &sink];
    let cli = Cli::try_parse_from(line).expect("arguments");
    let console = Console::new(cli.log_format, cli.quiet);
    let span = traces::command("crawl");
    let result = span.in_scope(|| crate::run(cli.command, console));
    assert!(matches!(result, Ok(Code::Complete)), "{result:?}");
    let created = created.0.lock().expect("no test has failed");
    assert_eq!(documented, *created);
    for (span, _) in &*created {
        assert!(described.contains(span), "{span} is not in {described:?}");
    }
}

#[test]
fn every_metric_is_documented() {
    let page = read("production.md");
    let documented = names_in_tables(section(&page, "### Prometheus"));
    let documented: BTreeSet<_> = documented
        .iter()
        .filter(|name| name.starts_with("fortilake_"))
        .map(String::as_str)
        .collect();
    let written: BTreeSet<_> = metrics::METRICS.iter().map(|(name, _)| *name).collect();
    assert_eq!(documented, written);
}
