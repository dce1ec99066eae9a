//! Prints the types of one description.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::Result;

use super::{
    print,
    types::{Body, Call, Definition, Member, Side, Struct, Type, contains, has_default},
};

/// Prints all operations, and the definitions that are not shared with another module.
pub(super) fn print(
    calls: &[Call],
    definitions: &[Definition],
    shared: &BTreeSet<String>,
) -> Result<String> {
    let mut code = String::new();
    for call in calls {
        for item in operation(call) {
            code.push('\n');
            code.push_str(&print::format(&item)?);
        }
    }
    for position in 0..definitions.len() {
        if shared.contains(&definitions[position].name) {
            continue;
        }
        code.push('\n');
        code.push_str(&definition(definitions, position)?);
    }
    Ok(code)
}

fn operation(call: &Call) -> [String; 2] {
    let Call { name, id, .. } = call;
    let fallback = format!("The operation `{id}`.");
    let summary = match call.summary.as_str() {
        "" => String::new(),
        summary => format!("{summary}: `{id}`."),
    };
    let doc = print::doc("///", 0, &summary, &fallback);
    let constant = constant(name);
    let marker = format!("{doc}#[derive(Debug, Clone, Copy)]\npub struct {name};\n");
    let operation = format!(
        "impl fortilake_models::Operation for {name} {{\n\
         const ENDPOINT: &'static fortilake_models::Endpoint = &endpoints::{constant};\n\
         type Request = {name}Request;\n\
         type Response = {name}Response;\n\
         }}\n"
    );
    [marker, operation]
}

/// Returns the name of an operation's constant, from the name of its type.
pub(super) fn constant(name: &str) -> String {
    super::names::Words::default()
        .snake(name)
        .to_ascii_uppercase()
}

/// Prints one definition.
pub(super) fn definition(definitions: &[Definition], position: usize) -> Result<String> {
    let Definition { name, doc, body } = &definitions[position];
    let doc = print::doc("///", 0, doc, &format!("`{name}` of the description."));
    match body {
        // The formatter does not format the inside of macro calls, so this is printed in its final
        // form.
        Body::Enum(variants) => Ok(open_enum(name, &doc, variants)),
        Body::Alias(ty) => {
            let ty = rust_type(definitions, ty);
            print::format(&format!("{doc}pub type {name} = {ty};\n"))
        }
        Body::NoArguments => print::format(&format!(
            "{doc}pub type {name} = fortilake_models::NoArguments;\n"
        )),
        Body::Struct(body) => print::format(&structure(definitions, position, body, &doc)),
    }
}

fn structure(definitions: &[Definition], position: usize, body: &Struct, doc: &str) -> String {
    let name = &definitions[position].name;
    let default = if has_default(definitions, position) {
        "Default, "
    } else {
        ""
    };
    let lenient = match body.side {
        Side::Response => "#[serde(default)]\n",
        Side::Request => "",
    };
    let members = body.members.iter();
    let fields: String = members
        .map(|member| field(definitions, position, body, member))
        .collect();
    let rest = body.rest.as_ref();
    let rest = rest.map_or(String::new(), |rest| rest_field(definitions, body, rest));
    format!(
        "{doc}#[derive(Debug, Clone, {default}PartialEq, Serialize, Deserialize)]\n\
         {lenient}pub struct {name} {{\n{fields}{rest}}}\n"
    )
}

fn open_enum(name: &str, doc: &str, variants: &[(String, String)]) -> String {
    let mut code = "fortilake_models::open_enum! {\n".to_owned();
    for line in doc.lines() {
        let _ = writeln!(code, "    {line}");
    }
    let _ = writeln!(code, "    pub enum {name} {{");
    for (variant, text) in variants {
        let doc = match text.as_str() {
            "" => "The empty text.".to_owned(),
            text => format!("`{}`", text.replace('`', "'")),
        };
        let doc = print::doc("///", 8, &doc, "");
        let _ = writeln!(code, "{doc}        {variant} = {text:?},");
    }
    code.push_str("    }\n}\n");
    code
}

/// How a member is printed: its type, and the attributes for serde.
struct Form {
    ty: String,
    attributes: Vec<String>,
}

fn field(definitions: &[Definition], position: usize, body: &Struct, member: &Member) -> String {
    let mut ty = rust_type(definitions, &member.ty);
    if contains(definitions, &member.ty, position) {
        ty = format!("Box<{ty}>");
    }
    let form = match body.side {
        Side::Response => answered(definitions, member, ty),
        Side::Request => sent(member, ty),
    };
    let mut attributes = form.attributes;
    if is_secret(&member.ty) {
        // `Secret` does not serialize. A request has to be sent; nothing needs the text of a response again.
        match body.side {
            Side::Request => attributes.push(SERIALIZE_SECRET.to_owned()),
            Side::Response => "skip_serializing".clone_into(&mut attributes[0]),
        }
    }
    if member.ident.trim_start_matches("r#") != member.wire {
        attributes.insert(0, format!("rename = {:?}", member.wire));
    }
    let attributes = if attributes.is_empty() {
        String::new()
    } else {
        format!("    #[serde({})]\n", attributes.join(", "))
    };
    let fallback = format!("`{}` of the API.", member.wire.replace('`', "'"));
    let doc = print::doc("///", 4, &member.doc, &fallback);
    format!("{doc}{attributes}    pub {}: {},\n", member.ident, form.ty)
}

/// The attribute of a secret in a request.
const SERIALIZE_SECRET: &str = "serialize_with = \"fortilake_models::serialize_secret\"";

fn is_secret(ty: &Type) -> bool {
    match ty {
        Type::Secret => true,
        Type::List(item) => is_secret(item),
        _ => false,
    }
}

/// The form of a member of a response: everything may be missing or null. The first attribute says
/// when it is not serialized.
fn answered(definitions: &[Definition], member: &Member, ty: String) -> Form {
    if let Type::List(_) = member.ty {
        let attributes = vec![skip("Vec::is_empty"), read("list")];
        return Form { ty, attributes };
    }
    let reader = match member.ty {
        Type::Text => Some("text"),
        Type::Integer => Some("integer"),
        Type::Float => Some("float"),
        Type::Bool => Some("boolean"),
        Type::Named(position) => match &definitions[position].body {
            Body::Struct(body) if tells(body) => Some("message"),
            _ => None,
        },
        _ => None,
    };
    let mut attributes = vec![skip("Option::is_none")];
    attributes.extend(reader.map(read));
    Form {
        ty: format!("Option<{ty}>"),
        attributes,
    }
}

/// Whether an object is a message with details, in whose place an API may send a plain text.
fn tells(body: &Struct) -> bool {
    let mut members = body.members.iter();
    body.side == Side::Response
        && members.any(|member| member.wire == "message" && member.ty == Type::Text)
}

/// The form of a member of a request: the type says whether it is required.
fn sent(member: &Member, ty: String) -> Form {
    let (ty, attributes) = match (member.required, member.nullable) {
        (true, false) => (ty, vec![]),
        (true, true) => (format!("Option<{ty}>"), vec![]),
        (false, false) => (format!("Option<{ty}>"), vec![skip("Option::is_none")]),
        (false, true) => (
            format!("fortilake_models::Nullable<{ty}>"),
            vec![
                "default".to_owned(),
                skip("fortilake_models::Nullable::is_absent"),
            ],
        ),
    };
    Form { ty, attributes }
}

fn skip(condition: &str) -> String {
    format!("skip_serializing_if = {condition:?}")
}

fn read(reader: &str) -> String {
    format!("deserialize_with = \"fortilake_models::lenient::{reader}\"")
}

fn rest_field(definitions: &[Definition], body: &Struct, rest: &Type) -> String {
    let taken = |name: &str| body.members.iter().any(|member| member.ident == name);
    let mut name = "rest".to_owned();
    while taken(&name) {
        name.push('_');
    }
    let ty = rust_type(definitions, rest);
    format!(
        "    /// The members that the description does not name.\n    #[serde(flatten)]\n    \
         pub {name}: std::collections::BTreeMap<String, {ty}>,\n"
    )
}

fn rust_type(definitions: &[Definition], ty: &Type) -> String {
    match ty {
        Type::Json => "serde_json::Value".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Integer => "i64".to_owned(),
        Type::Float => "f64".to_owned(),
        Type::Text => "String".to_owned(),
        Type::Secret => "fortilake_models::Secret".to_owned(),
        Type::List(item) => format!("Vec<{}>", rust_type(definitions, item)),
        Type::Map(value) => format!(
            "std::collections::BTreeMap<String, {}>",
            rust_type(definitions, value)
        ),
        Type::Named(position) => definitions[*position].name.clone(),
    }
}
