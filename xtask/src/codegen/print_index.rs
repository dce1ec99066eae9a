//! Prints the parent of the generated modules.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use anyhow::{Result, bail};

use super::{
    api::Api, config::Config, print, print_tables::upper, print_types::constant, share::Shared,
    tables::Table,
};

/// Prints the parent module: the child modules, and lists of all their items.
pub(super) fn index(
    apis: &[Api<'_>],
    shared: &Shared,
    tables: &[(&Api<'_>, &Table)],
    config: &Config,
) -> Result<String> {
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
        config.secret_names().map(|name| print::literal(name)),
    );
    code.push_str(
        "\n/// The endpoints and tables as JSON, for programs.\n\
         pub static CATALOGUE: &str = include_str!(\"generated/catalogue.json\");\n",
    );
    if !config.types.is_empty() {
        types(&mut code, apis, shared, config)?;
    }
    Ok(code)
}

/// Prints a module with everything that hand-written code uses.
///
/// The other modules are named after the files of the descriptions, and a vendor may describe the
/// same operations in other files.
fn types(code: &mut String, apis: &[Api<'_>], shared: &Shared, config: &Config) -> Result<()> {
    let mut modules: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (number, api) in apis.iter().enumerate() {
        let operations = api.calls.iter().flat_map(|call| {
            let name = &call.name;
            [
                name.clone(),
                format!("{name}Request"),
                format!("{name}Response"),
            ]
        });
        let listed = api.description.pins.names.values();
        for name in operations.chain(listed.cloned()) {
            let module = if shared.of(number).contains(&name) {
                &shared.module
            } else {
                &api.description.module
            };
            modules.entry(name).or_default().insert(module);
        }
    }
    let mut module = "types".to_owned();
    while apis.iter().any(|api| api.description.module == module) {
        module.push('_');
    }
    let _ = write!(
        code,
        "\n/// All operations, the types of their requests and responses, and the types that `tables.toml`\n\
         /// lists. A name that means something else in another module is left out.\n\
         #[rustfmt::skip]\npub mod {module} {{\n"
    );
    for (name, modules) in modules {
        let modules: Vec<&str> = modules.into_iter().collect();
        if let [module] = modules.as_slice() {
            let _ = writeln!(code, "    pub use super::{module}::{name};");
        } else if config.types.contains_key(&name) {
            bail!(
                "`tables.toml`: type `{name}`: it differs between the modules `{}`; \
                 list only places with equal schemas",
                modules.join("`, `")
            );
        }
    }
    code.push_str("}\n");
    Ok(())
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
