//! The Rust types of one description, as data: what `lower` makes and `print_types` prints.

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
    /// Text that cannot be printed.
    Secret,
    /// A list.
    List(Box<Type>),
    /// A map from text.
    Map(Box<Type>),
    /// One of the definitions, by its position.
    Named(usize),
}

/// A named type.
#[derive(Debug)]
pub(super) struct Definition {
    /// Its name.
    pub(super) name: String,
    /// Its documentation.
    pub(super) doc: String,
    /// What it is.
    pub(super) body: Body,
}

/// What a named type is.
#[derive(Debug)]
pub(super) enum Body {
    /// An object.
    Struct(Struct),
    /// An open set of texts: variant and text.
    Enum(Vec<(String, String)>),
    /// Another name of a type.
    Alias(Type),
    /// The request that takes nothing.
    NoArguments,
}

/// An object.
#[derive(Debug)]
pub(super) struct Struct {
    /// Who makes values of it.
    pub(super) side: Side,
    /// Its members.
    pub(super) members: Vec<Member>,
    /// The type of the members that the description does not name, if they are to be kept.
    pub(super) rest: Option<Type>,
}

/// Who makes the values of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// We do, so what is required is said by the type.
    Request,
    /// The API does, so nothing is certain.
    Response,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    /// Rust's name.
    pub(super) ident: String,
    /// The API's spelling.
    pub(super) wire: String,
    /// The description's text.
    pub(super) doc: String,
    /// Its type.
    pub(super) ty: Type,
    /// Whether it may be left out.
    pub(super) required: bool,
    /// Whether null is a value.
    pub(super) nullable: bool,
}

/// An operation with the names of its types.
#[derive(Debug)]
pub(super) struct Call {
    /// The marker type's name; request and answer add `Request` and `Response`.
    pub(super) name: String,
    /// The operation's name over all descriptions.
    pub(super) id: String,
    /// The HTTP method in capitals.
    pub(super) method: String,
    /// The path from the host on.
    pub(super) path: String,
    /// Which credential opens it.
    pub(super) client_id: Option<String>,
    /// Whether it changes nothing.
    pub(super) reads: bool,
    /// One line about it.
    pub(super) summary: String,
    /// What it takes.
    pub(super) arguments: Vec<Argument>,
    /// The fields that are secret in it alone.
    pub(super) secrets: Vec<String>,
}

/// One argument of an operation.
#[derive(Debug)]
pub(super) struct Argument {
    /// The API's spelling.
    pub(super) name: String,
    /// Where it travels, as the runtime's `Location` names it.
    pub(super) location: &'static str,
    /// Whether it must be there.
    pub(super) required: bool,
    /// JSON's name of its type.
    pub(super) json_type: &'static str,
    /// The description's text.
    pub(super) doc: String,
}

/// Whether a value of this type contains one of the definition directly, not behind a list or map.
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

/// Whether the type of this position can derive `Default`.
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
