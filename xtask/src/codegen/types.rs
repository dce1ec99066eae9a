//! The Rust types of one description as data. `lower` builds them, and `print_types` prints them.

/// A Rust type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// Any JSON value.
    Json,
    /// `bool`.
    Bool,
    /// `i64`.
    Integer,
    /// `f64`.
    Float,
    /// `String`.
    Text,
    /// `Secret`, a text that never appears in output.
    Secret,
    /// A list.
    List(Box<Type>),
    /// A map with text keys.
    Map(Box<Type>),
    /// One of the definitions, by position.
    Named(usize),
}

/// A named type.
#[derive(Debug)]
pub(super) struct Definition {
    /// Its name.
    pub(super) name: String,
    /// Its documentation.
    pub(super) doc: String,
    /// The definition itself.
    pub(super) body: Body,
}

/// The kind of a named type.
#[derive(Debug)]
pub(super) enum Body {
    /// An object.
    Struct(Struct),
    /// An open set of texts: variant name and text.
    Enum(Vec<(String, String)>),
    /// An alias of another type.
    Alias(Type),
    /// A request without arguments.
    NoArguments,
}

/// An object.
#[derive(Debug)]
pub(super) struct Struct {
    /// Who creates values of the type.
    pub(super) side: Side,
    /// Its members.
    pub(super) members: Vec<Member>,
    /// The type of members that the description does not list, if they are kept.
    pub(super) rest: Option<Type>,
}

/// Who creates values of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The client, so the type says what is required.
    Request,
    /// The API, so nothing is guaranteed.
    Response,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    /// The name in Rust.
    pub(super) ident: String,
    /// The name as the API spells it.
    pub(super) wire: String,
    /// The description's text.
    pub(super) doc: String,
    /// Its type.
    pub(super) ty: Type,
    /// Whether the member is required.
    pub(super) required: bool,
    /// Whether null is allowed.
    pub(super) nullable: bool,
}

/// An operation with the names of its types.
#[derive(Debug)]
pub(super) struct Call {
    /// The name of the marker type. The names of request and answer end in `Request` and
    /// `Response`.
    pub(super) name: String,
    /// The operation's name, unique over all descriptions.
    pub(super) id: String,
    /// The HTTP method in upper case.
    pub(super) method: String,
    /// The path after the host.
    pub(super) path: String,
    /// The system that it belongs to, and where that system's responses say whether a call
    /// succeeded.
    pub(super) system: Option<(String, super::config::Dialect)>,
    /// The credentials that it needs.
    pub(super) client_id: Option<String>,
    /// Whether it only reads.
    pub(super) reads: bool,
    /// One line about it.
    pub(super) summary: String,
    /// The arguments.
    pub(super) arguments: Vec<Argument>,
    /// The fields that are secret only in this operation.
    pub(super) secrets: Vec<String>,
}

/// An argument of an operation.
#[derive(Debug)]
pub(super) struct Argument {
    /// The name as the API spells it.
    pub(super) name: String,
    /// Where the value goes, as a variant name of the runtime's `Location`.
    pub(super) location: &'static str,
    /// Whether it is required.
    pub(super) required: bool,
    /// The name of its JSON type.
    pub(super) json_type: &'static str,
    /// The description's text.
    pub(super) doc: String,
}

/// Whether a type contains the definition directly, not inside a list or map.
pub(super) fn contains(definitions: &[Definition], outer: &Type, inner: usize) -> bool {
    let mut seen = vec![false; definitions.len()];
    let mut open = vec![outer];
    while let Some(ty) = open.pop() {
        let Type::Named(position) = ty else { continue };
        if *position == inner {
            return true;
        }
        if std::mem::replace(&mut seen[*position], true) {
            continue;
        }
        if let Body::Struct(body) = &definitions[*position].body {
            open.extend(body.members.iter().map(|member| &member.ty));
        }
    }
    false
}

/// Whether the type at this position can derive `Default`.
pub(super) fn has_default(definitions: &[Definition], position: usize) -> bool {
    fn check(definitions: &[Definition], position: usize, open: &mut Vec<usize>) -> bool {
        let Body::Struct(body) = &definitions[position].body else {
            return false;
        };
        if body.side == Side::Response {
            return true;
        }
        open.push(position);
        let mut certain = body
            .members
            .iter()
            .filter(|member| member.required && !member.nullable);
        let result = certain.all(|member| match member.ty {
            Type::Named(inner) => !open.contains(&inner) && check(definitions, inner, open),
            _ => true,
        });
        open.pop();
        result
    }
    check(definitions, position, &mut Vec::new())
}
