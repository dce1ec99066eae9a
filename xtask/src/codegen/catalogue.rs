//! The catalogue: all endpoints and tables as JSON.

use anyhow::Result;
use serde::Serialize;

use super::{
    api::Api,
    print,
    tables::{Kind, Layout, Origin, Table},
    types::Call,
};

#[derive(Serialize)]
struct Catalogue<'a> {
    endpoints: Vec<Endpoint<'a>>,
    tables: Vec<TableEntry<'a>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    id: &'a str,
    api: &'a str,
    method: &'a str,
    path: &'a str,
    client_id: Option<&'a str>,
    access: &'static str,
    summary: &'a str,
    parameters: Vec<Parameter<'a>>,
    /// Fields that are secret only in this endpoint.
    secrets: &'a [String],
    tables: Vec<&'a str>,
}

#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    location: String,
    required: bool,
    json_type: &'a str,
    doc: String,
}

#[derive(Serialize)]
struct TableEntry<'a> {
    name: &'a str,
    summary: &'a str,
    endpoint: &'a str,
    key: &'a [String],
    /// What a configuration must include to get the table. Null if the table is always included.
    include: Option<&'a str>,
    columns: Vec<ColumnEntry<'a>>,
}

#[derive(Serialize)]
struct ColumnEntry<'a> {
    name: &'a str,
    kind: String,
    nullable: bool,
    doc: String,
}

/// Creates the catalogue of all descriptions.
pub(super) fn catalogue(apis: &[Api<'_>], tables: &[(&Api<'_>, &Table)]) -> Result<String> {
    let mut endpoints: Vec<Endpoint<'_>> = apis
        .iter()
        .flat_map(|api| {
            let calls = api.calls.iter().zip(&api.layouts);
            calls.map(|(call, layout)| endpoint(&api.description.api, call, layout.as_ref()))
        })
        .collect();
    endpoints.sort_by_key(|endpoint| endpoint.id);
    let tables = tables.iter().map(|(_, table)| self::table(table)).collect();
    let text = serde_json::to_string_pretty(&Catalogue { endpoints, tables })?;
    Ok(text + "\n")
}

fn endpoint<'a>(api: &'a str, call: &'a Call, layout: Option<&'a Layout>) -> Endpoint<'a> {
    let parameters = call.arguments.iter().map(|argument| Parameter {
        name: &argument.name,
        location: lower(argument.location),
        required: argument.required,
        json_type: argument.json_type,
        doc: print::line(&argument.doc),
    });
    let rows = layout.iter().flat_map(|layout| &layout.rows);
    Endpoint {
        id: &call.id,
        api,
        method: &call.method,
        path: &call.path,
        client_id: call.client_id.as_deref(),
        access: if call.reads { "read" } else { "write" },
        summary: &call.summary,
        parameters: parameters.collect(),
        secrets: &call.secrets,
        tables: rows.map(|rows| rows.table.as_str()).collect(),
    }
}

fn table(table: &Table) -> TableEntry<'_> {
    let columns = table.columns.iter().map(|column| ColumnEntry {
        name: &column.name,
        kind: kind(column.kind),
        nullable: !matches!(
            column.origin,
            Origin::Source
                | Origin::CrawlId
                | Origin::ObservedAt
                | Origin::Index
                | Origin::ParentIndex(_)
        ),
        doc: print::line(&column.doc),
    });
    TableEntry {
        name: &table.name,
        summary: &table.summary,
        endpoint: &table.endpoint,
        key: &table.key,
        include: table.include.as_deref(),
        columns: columns.collect(),
    }
}

fn kind(kind: Kind) -> String {
    lower(&format!("{kind:?}"))
}

/// Converts a name such as `WholeBody` to `whole_body`.
fn lower(name: &str) -> String {
    super::names::Words::default().snake(name)
}
