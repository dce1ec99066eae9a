//! Prints the parent of the generated modules.

use std::fmt::Write as _;

use super::{
    api::Api, print, print_tables::upper, print_types::constant, share::Shared, tables::Table,
};

/// Prints the parent module: the child modules, and lists of all their items.
pub(super) fn index(
    apis: &[Api<'_>],
    shared: &Shared,
    tables: &[(&Api<'_>, &Table)],
    secrets: &[String],
) -> String {
    let mut code = format!(
        "//! {} from the descriptions of all APIs; not for editing.\n\n",
        print::MARK
    );
    let mut modules: Vec<&str> = apis
        .iter()
        .map(|api| api.description.module.as_str())
        .collect();
    if !shared.is_empty() {
        modules.push(&shared.module);
    }
    for module in modules {
        let _ = writeln!(code, "#[rustfmt::skip]\npub mod {module};");
    }
    let mut endpoints: Vec<(&str, String)> = apis
        .iter()
        .flat_map(|api| {
            api.calls.iter().map(|call| {
                let module = &api.description.module;
                let path = format!("&{module}::endpoints::{}", constant(&call.name));
                (call.id.as_str(), path)
            })
        })
        .collect();
    endpoints.sort();
    let tables = tables.iter().map(|(api, table)| {
        let module = &api.description.module;
        format!("&{module}::tables::{}", upper(&table.name))
    });
    list(
        &mut code,
        "Every endpoint, sorted by its name.",
        "ENDPOINTS: &[&fortilake_models::Endpoint]",
        endpoints.into_iter().map(|(_, path)| path),
    );
    list(
        &mut code,
        "Every table, parents before their children.",
        "TABLES: &[&fortilake_models::Table]",
        tables,
    );
    list(
        &mut code,
        "The fields that must never be kept.",
        "SECRETS: &[&str]",
        secrets.iter().map(|name| print::literal(name)),
    );
    code.push_str(
        "\n/// The endpoints and tables as JSON, for programs.\n\
         pub static CATALOGUE: &str = include_str!(\"generated/catalogue.json\");\n",
    );
    code
}

fn list(code: &mut String, doc: &str, head: &str, items: impl Iterator<Item = String>) {
    let _ = write!(
        code,
        "\n/// {doc}\n#[rustfmt::skip]\npub static {head} = &[\n"
    );
    for item in items {
        let _ = writeln!(code, "    {item},");
    }
    code.push_str("];\n");
}
