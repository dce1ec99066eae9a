//! Reads the operations of a description, with their parameters, bodies and answers.

use anyhow::Result;

use super::{
    at::At,
    config::Config,
    content::{content, is_form},
    description::Description,
    node::Node,
    notes::Notes,
    parameters::Parameter,
};

/// An operation that has no name yet that is unique over all descriptions.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    /// The location of the operation.
    pub(super) at: At<'a>,
    /// The name: the path and, once all operations are known and if that is ambiguous, the method.
    pub(super) id: String,
    /// A longer name, for the case that two operations have the same `id`.
    pub(super) long_id: String,
    /// The HTTP method in upper case.
    pub(super) method: String,
    /// The path after the host.
    pub(super) path: String,
    /// One line about it.
    pub(super) summary: String,
    /// The parameters outside the body.
    pub(super) parameters: Vec<Parameter<'a>>,
    /// The body, if there is one.
    pub(super) body: Option<Body<'a>>,
    /// The schema of a successful response, if there is one.
    pub(super) response: Option<At<'a>>,
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Body<'a> {
    /// Its schema.
    pub(super) at: At<'a>,
    /// Whether the body is required.
    pub(super) required: bool,
    /// The description's text.
    pub(super) doc: String,
}

const METHODS: &[&str] = &[
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Reads all operations of a description, in their order.
pub(super) fn read<'a>(
    description: &'a Description,
    config: &Config,
    notes: &Notes,
) -> Result<Vec<Operation<'a>>> {
    let root = At::root(description);
    let version = version(&root, "openapi")? + &version(&root, "swagger")?;
    if !(version.starts_with("3.") || version.starts_with('2')) {
        let wanted = "expected `openapi` 3.0 or 3.1, or `swagger` 2.0";
        return Err(match version.as_str() {
            "" => root.error(format_args!("{wanted}, found neither")),
            version => root.error(format_args!("{wanted}, found `{version}`")),
        });
    }
    let base = base_path(&root)?;
    let mut operations = Vec::new();
    for (path, at) in root.members_of("paths")? {
        if path.starts_with("x-") {
            continue;
        }
        let at = at.follow()?;
        let members = at.members()?;
        let methods: Vec<_> = members
            .into_iter()
            .filter(|(name, _)| METHODS.contains(name))
            .collect();
        for (method, place) in methods {
            // Allowed for paths only, but authors use it for operations as well.
            let place = place.follow()?;
            let base = match (server_path(&place)?, server_path(&at)?) {
                (Some(own), _) => own,
                (None, Some(shared)) => shared,
                (None, None) => base.clone(),
            };
            // Some descriptions leave out the first slash of the base path.
            let base = base.trim_start_matches('/');
            let separator = if base.is_empty() { "" } else { "/" };
            let full = format!("/{base}{separator}{}", path.trim_start_matches('/'));
            let full = respelled(full, config);
            let (short, long) = names(path, &full, config);
            let mut operation = Operation {
                id: short,
                long_id: long,
                method: method.to_ascii_uppercase(),
                path: full,
                summary: summary(&place)?,
                parameters: Vec::new(),
                body: None,
                response: None,
                at: place,
            };
            operation.read_parameters(&at, notes)?;
            operation.read_body(notes)?;
            operation.check_path(notes);
            operation.response = response(&operation.at, notes)?;
            operations.push(operation);
        }
    }
    Ok(operations)
}

/// Returns a version. It is a number if the author converted it from YAML without quotes.
fn version(root: &At<'_>, name: &str) -> Result<String> {
    match root.node().get(name) {
        Some(Node::Number(version)) => Ok(version.to_string()),
        _ => root.text_of(name).map(str::to_owned),
    }
}

/// Returns the path that all paths of a description are relative to.
fn base_path(root: &At<'_>) -> Result<String> {
    let base = path_of(root.text_of("basePath")?);
    let servers = server_path(root)?;
    Ok(servers.unwrap_or_else(|| base.trim_end_matches('/').to_owned()))
}

/// Returns the path of the first entry in `servers`, with variables replaced by their defaults.
fn server_path(at: &At<'_>) -> Result<Option<String>> {
    let servers = at.items_of("servers")?;
    let Some(server) = servers.first() else {
        return Ok(None);
    };
    let mut url = server.text_of("url")?.to_owned();
    for (name, variable) in server.members_of("variables")? {
        url = url.replace(&format!("{{{name}}}"), variable.text_of("default")?);
    }
    let path = path_of(&url);
    // Some descriptions have a query in the server's URL; it is not part of the path.
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Ok(Some(path.trim_end_matches('/').to_owned()))
}

/// Returns the path in a URL, which may have no scheme, or be a path without a host.
fn path_of(url: &str) -> &str {
    let without_scheme = match url.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => rest,
        _ if starts_with_host(url) => url,
        _ => return url,
    };
    let slash = without_scheme.find('/');
    slash.map_or("", |slash| &without_scheme[slash..])
}

/// Whether a URL without a scheme starts with a host: `api.example.com/v1`, unlike `v1.0/things`.
fn starts_with_host(url: &str) -> bool {
    let first = url.split('/').next().unwrap_or_default();
    let (name, port) = first.split_once(':').unwrap_or((first, ""));
    let (_, ending) = name.rsplit_once('.').unwrap_or_default();
    !port.is_empty()
        || ending.len() > 1 && ending.chars().all(|letter| letter.is_ascii_alphabetic())
}

/// Replaces the base of the path by the spelling in `tables.toml`, because editions differ in case.
fn respelled(path: String, config: &Config) -> String {
    match config.service(&path) {
        Some(service) => format!("{}{}", service.base, &path[service.base.len()..]),
        None => path,
    }
}

/// Returns the name of a path, and a longer one for the case that two paths have the same name.
///
/// If the service has a name, it comes first. It is followed by the path below the service's base,
/// without its parameters, or with the parameters' names in the longer form.
fn names(path: &str, full: &str, config: &Config) -> (String, String) {
    let service = config.service(full);
    let Some((name, base)) =
        service.and_then(|service| Some((service.name.as_ref()?, &service.base)))
    else {
        let id = after_version(full).unwrap_or_else(|| path.trim_matches('/'));
        let short = if id.is_empty() { "root" } else { id };
        return (short.to_owned(), full.trim_matches('/').to_owned());
    };
    let segments = full[base.len()..].split('/');
    let segments = segments.filter(|segment| !segment.is_empty());
    let (mut short, mut long) = (name.clone(), name.clone());
    for segment in segments {
        let parameter = segment.strip_prefix('{');
        let parameter = parameter.and_then(|segment| segment.strip_suffix('}'));
        long.extend(["/", parameter.unwrap_or(segment)]);
        if parameter.is_none() {
            short.extend(["/", segment]);
        }
    }
    (short, long)
}

/// Returns what follows the last segment that is a version, such as `v3`.
fn after_version(path: &str) -> Option<&str> {
    let mut found = None;
    let mut start = 0;
    for segment in path.split('/') {
        let end = start + segment.len();
        let digits = segment.strip_prefix(['v', 'V']).unwrap_or_default();
        let version = digits.starts_with(|first: char| first.is_ascii_digit())
            && digits
                .chars()
                .all(|char| char.is_ascii_digit() || char == '.');
        if version {
            found = path.get(end..).map(|rest| rest.trim_matches('/'));
        }
        start = end + 1;
    }
    found.filter(|rest| !rest.is_empty())
}

/// Returns one line: the summary, or the description's first sentence.
fn summary(at: &At<'_>) -> Result<String> {
    let summary = at.text_of("summary")?.trim();
    let text = if summary.is_empty() {
        let text = at.text_of("description")?.trim();
        text.split_once(". ").map_or(text, |(first, _)| first)
    } else {
        summary
    };
    Ok(text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end_matches('.')
        .to_owned())
}

impl<'a> Operation<'a> {
    /// Reads the parameters of the path, then those of the operation, which replace parameters of
    /// the same name.
    fn read_parameters(&mut self, path: &At<'a>, notes: &Notes) -> Result<()> {
        let mut places = path.items_of("parameters")?;
        places.extend(self.at.items_of("parameters")?);
        for place in places {
            let at = place.follow()?;
            // In Swagger 2.0, the body is a parameter.
            if at.text_of("in")? == "body" {
                let schema = at.get("schema")?;
                self.body = Some(Body {
                    at: schema.ok_or_else(|| at.error("the body has no `schema`"))?,
                    required: at.flag("required")?,
                    doc: at.text_of("description")?.trim().to_owned(),
                });
            } else if let Some(parameter) = Parameter::read(&at, notes)? {
                self.parameters.retain(|known| {
                    (&known.name, known.location) != (&parameter.name, parameter.location)
                });
                self.parameters.push(parameter);
            }
        }
        Ok(())
    }

    /// Notes path parameters that are not described.
    fn check_path(&self, notes: &Notes) {
        for part in self.path.split('{').skip(1) {
            let Some((name, _)) = part.split_once('}') else {
                continue;
            };
            let mut parameters = self.parameters.iter();
            if !parameters.any(|known| known.location == "Path" && known.name == name) {
                let text = format!("no parameter describes `{{{name}}}` of the path");
                notes.add(&self.at, text);
            }
        }
    }

    /// Reads the body, unless it is a parameter, as in Swagger 2.0.
    fn read_body(&mut self, notes: &Notes) -> Result<()> {
        let Some(place) = self.at.get("requestBody")? else {
            return Ok(());
        };
        let place = place.follow()?;
        match content(&place)? {
            Some((kind, at)) => {
                if is_form(&kind) {
                    notes.add(&place, format!("`{kind}` body: sent as JSON"));
                }
                self.body = Some(Body {
                    at,
                    required: place.flag("required")?,
                    doc: place.text_of("description")?.trim().to_owned(),
                });
            }
            None => notes.add(&place, "no JSON body among its content types: left out"),
        }
        Ok(())
    }
}

/// Returns the schema of the successful response: 200, 201, any other 2xx, then `default`.
fn response<'a>(at: &At<'a>, notes: &Notes) -> Result<Option<At<'a>>> {
    let responses = at.members_of("responses")?;
    let rank = |code: &str| match code {
        "200" => Some(0),
        "201" => Some(1),
        "default" => Some(3),
        code if code.starts_with('2') => Some(2),
        _ => None,
    };
    let best = responses
        .into_iter()
        .filter_map(|(code, place)| rank(code).map(|rank| (rank, place)))
        .min_by_key(|(rank, _)| *rank);
    let Some((_, place)) = best else {
        return Ok(None);
    };
    let place = place.follow()?;
    if let Some(schema) = place.get("schema")? {
        return Ok(Some(schema));
    }
    let answer = content(&place)?;
    if answer.is_none() && matches!(place.node().get("content"), Some(Node::Object(_))) {
        notes.add(
            &place,
            "no JSON response among its content types: any JSON value",
        );
    }
    Ok(answer.map(|(_, schema)| schema))
}
