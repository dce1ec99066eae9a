//! Prints the endpoints, tables and layouts of one description.

use anyhow::Result;

use super::{
    print::{self, literal},
    print_types::constant,
    tables::{Column, Field, Layout, Origin, Rows, Table, Target},
    types::{Argument, Call},
};

/// Prints the module with the endpoints.
pub(super) fn endpoints(api: &str, calls: &[Call], layouts: &[Option<Layout>]) -> Result<String> {
    let mut body = format!("\nconst API: &str = {api:?};\n");
    for (call, layout) in calls.iter().zip(layouts) {
        body.push('\n');
        body.push_str(&print::format(&endpoint(call, layout.is_some()))?);
    }
    let names = [
        ("Access", "Access::"),
        ("Dialect", "Dialect::"),
        ("Endpoint", "Endpoint"),
        ("Location", "Location::"),
        ("Parameter", "Parameter {"),
    ];
    Ok(module(
        "endpoints",
        "The operations as constants.",
        &names,
        &body,
    ))
}

/// Prints the module with the tables and layouts, or nothing if there are none.
pub(super) fn tables(
    api: &str,
    calls: &[Call],
    tables: &[&Table],
    layouts: &[Option<Layout>],
) -> Result<String> {
    if tables.is_empty() {
        return Ok(String::new());
    }
    let mut body = String::new();
    for table in tables {
        body.push('\n');
        let code = print::format(&self::table(table, tables))?;
        let inherited = table
            .columns
            .iter()
            .filter_map(|column| match &column.origin {
                Origin::Root(name) => Some(name.as_str()),
                _ => None,
            });
        body.push_str(&with_names(&code, &["Origin::Root("], inherited));
    }
    for (call, layout) in calls.iter().zip(layouts) {
        let Some(layout) = layout else { continue };
        for rows in &layout.rows {
            body.push('\n');
            let code = print::format(&self::rows(rows, layout, tables))?;
            let mut names = Vec::new();
            columns(&rows.fields, &mut names);
            names.extend(rows.scalar.as_deref());
            let marks = ["Target::Column(", "scalar: Some("];
            body.push_str(&with_names(&code, &marks, names.into_iter()));
        }
        body.push('\n');
        body.push_str(&print::format(&self::layout(call, layout))?);
    }
    let names = [
        ("Column", "Column {"),
        ("Field", "Field {"),
        ("Kind", "Kind::"),
        ("Layout", "Layout {"),
        ("Origin", "Origin::"),
        ("ResponseShape", "ResponseShape::"),
        ("Rows", "Rows {"),
        ("Table", "Table {"),
        ("Target", "Target::"),
    ];
    let doc = format!("The tables that the responses of {api} fill.");
    Ok(module("tables", &doc, &names, &body))
}

/// Collects the columns that fields fill, in the order of the fields.
fn columns<'f>(fields: &'f [Field], names: &mut Vec<&'f str>) {
    for field in fields {
        match &field.target {
            Target::Column(name) => names.push(name),
            Target::Object(inner) => columns(inner, names),
            _ => {}
        }
    }
}

/// Writes the name of the column next to each number, so that diffs are readable.
///
/// The formatter removes comments, so they are added after formatting. It writes one number per
/// line.
fn with_names<'n>(code: &str, marks: &[&str], mut names: impl Iterator<Item = &'n str>) -> String {
    let mut text = String::with_capacity(code.len());
    for line in code.lines() {
        text.push_str(line);
        if marks.iter().any(|mark| line.contains(mark))
            && let Some(name) = names.next()
        {
            text.push_str(" // ");
            text.push_str(name);
        }
        text.push('\n');
    }
    text
}

/// Prints a module with the imports that it needs from the runtime.
fn module(name: &str, doc: &str, names: &[(&str, &str)], body: &str) -> String {
    let used: Vec<&str> = names
        .iter()
        .filter(|(_, sign)| body.contains(sign))
        .map(|(name, _)| *name)
        .collect();
    let body: String = body
        .lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("    {line}\n"),
        })
        .collect();
    let doc = print::doc("///", 0, doc, "");
    format!(
        "\n{doc}pub mod {name} {{\n    use fortilake_models::{{{}}};\n{body}}}\n",
        used.join(", ")
    )
}

fn endpoint(call: &Call, has_layout: bool) -> String {
    let constant = constant(&call.name);
    let access = if call.reads { "Read" } else { "Write" };
    let arguments: String = call.arguments.iter().map(argument).collect();
    let layout = if has_layout {
        format!("Some(&super::tables::{})", layout_name(call))
    } else {
        "None".to_owned()
    };
    let secrets = match call.secrets.as_slice() {
        [] => String::new(),
        names => format!(".with_secrets(&{names:?})"),
    };
    let system = call
        .system
        .as_ref()
        .map(|(name, dialect)| format!(".of_system({name:?}, Dialect::{dialect:?})"));
    let doc = match call.summary.as_str() {
        "" => format!("The operation `{}`.", call.id),
        summary => format!("{summary}."),
    };
    let doc = print::doc("///", 0, &doc, "");
    format!(
        "{doc}pub static {constant}: Endpoint = Endpoint::new(\n\
         {id:?}, API, {method:?}, {path:?}, {client}, Access::{access}, {summary}, \
         &[{arguments}], {layout}){system}{secrets};\n",
        id = call.id,
        method = call.method,
        path = call.path,
        client = print::option(call.client_id.as_deref()),
        summary = literal(&call.summary),
        system = system.unwrap_or_default(),
    )
}

fn argument(argument: &Argument) -> String {
    format!(
        "Parameter {{ name: {:?}, location: Location::{}, required: {}, json_type: {:?}, \
         doc: {} }},",
        argument.name,
        argument.location,
        argument.required,
        argument.json_type,
        literal(&print::line(&argument.doc)),
    )
}

fn table(table: &Table, tables: &[&Table]) -> String {
    let columns: String = table
        .columns
        .iter()
        .map(|column| self::column(column, table, tables))
        .collect();
    let keys: Vec<String> = table.key.iter().map(|name| literal(name)).collect();
    format!(
        "{doc}pub static {constant}: Table = Table {{ name: {name:?}, summary: {summary}, \
         key: &[{key}], endpoint: Some({endpoint:?}), columns: &[{columns}] }};\n",
        doc = print::doc("///", 0, &table.summary, &format!("`{}`.", table.name)),
        constant = upper(&table.name),
        name = table.name,
        summary = literal(&print::line(&table.summary)),
        key = keys.join(", "),
        endpoint = table.endpoint,
    )
}

fn column(column: &Column, table: &Table, tables: &[&Table]) -> String {
    let origin = match &column.origin {
        // The position of the column in the outermost table.
        Origin::Root(name) => format!("Root({})", root_position(name, table, tables)),
        origin => format!("{origin:?}"),
    };
    format!(
        "Column {{ name: {:?}, kind: Kind::{:?}, origin: Origin::{origin}, doc: {} }},",
        column.name,
        column.kind,
        literal(&print::line(&column.doc)),
    )
}

fn root_position(name: &str, table: &Table, tables: &[&Table]) -> usize {
    let root = tables
        .iter()
        .find(|known| table.root.as_ref() == Some(&known.name));
    root.and_then(|root| root.position(name))
        .unwrap_or_default()
}

fn rows(rows: &Rows, layout: &Layout, tables: &[&Table]) -> String {
    let position = layout
        .rows
        .iter()
        .position(|known| known.table == rows.table)
        .unwrap_or_default();
    let table = tables.iter().find(|table| table.name == rows.table);
    let column = |name: &str| {
        table
            .and_then(|table| table.position(name))
            .unwrap_or_default()
    };
    let scalar = match &rows.scalar {
        Some(name) => format!("Some({})", column(name)),
        None => "None".to_owned(),
    };
    format!(
        "static {}_ROWS: Rows = Rows {{ table: {position}, fields: &[{}], scalar: {scalar} }};\n",
        upper(&rows.table),
        fields(&rows.fields, &column),
    )
}

fn layout(call: &Call, layout: &Layout) -> String {
    let tables: Vec<String> = layout
        .rows
        .iter()
        .map(|rows| format!("&{}", upper(&rows.table)))
        .collect();
    let shape = match &layout.whole {
        Some(table) => format!("Rows(&{}_ROWS)", upper(table)),
        None => format!("Object(&[{}])", fields(&layout.fields, &|_| 0)),
    };
    format!(
        "pub(super) static {}: Layout = Layout {{ tables: &[{}], \
         shape: ResponseShape::{shape}, enclosing: {} }};\n",
        layout_name(call),
        tables.join(", "),
        layout.enclosing,
    )
}

fn fields(list: &[Field], column: &dyn Fn(&str) -> usize) -> String {
    let fields = list.iter().map(|field| {
        let target = match &field.target {
            Target::Column(name) => format!("Column({})", column(name)),
            Target::Rows(table) => format!("Rows(&{}_ROWS)", upper(table)),
            Target::Object(inner) => format!("Object(&[{}])", fields(inner, column)),
            Target::Enclosing(slot) => format!("Enclosing({slot})"),
            Target::Ignored => "Ignored".to_owned(),
        };
        format!(
            "Field {{ name: {:?}, target: Target::{target} }},",
            field.name
        )
    });
    fields.collect()
}

/// Returns the name of the constant for the layout of an operation's response.
pub(super) fn layout_name(call: &Call) -> String {
    format!("{}_LAYOUT", constant(&call.name))
}

/// Returns the name of a table's constant.
pub(super) fn upper(table: &str) -> String {
    table.to_ascii_uppercase()
}
