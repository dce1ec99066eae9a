//! The constants that describe an operation of an API.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Layout, is_secret};

/// One operation of an API, generated from its description.
#[derive(Debug)]
#[non_exhaustive]
pub struct Endpoint {
    /// The name used on the command line and in the journal, such as `products/list`.
    pub id: &'static str,
    /// The file name of the API description, without its extension.
    pub api: &'static str,
    /// The HTTP method in upper case.
    pub method: &'static str,
    /// The path after the host, with `{name}` for path parameters.
    pub path: &'static str,
    /// The system that has this endpoint, such as `fortiportal`; empty if no system is configured.
    pub system: &'static str,
    /// Where its responses say whether a call succeeded.
    pub dialect: Dialect,
    /// Which credential the endpoint requires, or `None` if it requires none.
    ///
    /// For FortiCloud, this is the OAuth client id that the token is requested for. Systems with a
    /// single sign-in have one name for all of their endpoints, such as `fortiportal`.
    pub client_id: Option<&'static str>,
    /// Whether a call may change anything on the server.
    pub access: Access,
    /// One line from the API description.
    pub summary: &'static str,
    /// The arguments of a call.
    pub parameters: &'static [Parameter],
    /// Where the rows are in the response, if the endpoint has any.
    pub layout: Option<&'static Layout>,
    /// Additional secret fields of this endpoint. Other endpoints may have harmless fields with the
    /// same names.
    pub secrets: &'static [&'static str],
}

impl Endpoint {
    /// Creates an endpoint. Only generated code calls it.
    #[doc(hidden)]
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "written by the generator, never by hand"
    )]
    pub const fn new(
        id: &'static str,
        api: &'static str,
        method: &'static str,
        path: &'static str,
        client_id: Option<&'static str>,
        access: Access,
        summary: &'static str,
        parameters: &'static [Parameter],
        layout: Option<&'static Layout>,
    ) -> Self {
        Self {
            id,
            api,
            method,
            path,
            system: "",
            dialect: Dialect::Body,
            client_id,
            access,
            summary,
            parameters,
            layout,
            secrets: &[],
        }
    }

    /// Sets the system and the dialect.
    #[doc(hidden)]
    #[must_use]
    pub const fn of_system(mut self, system: &'static str, dialect: Dialect) -> Self {
        self.system = system;
        self.dialect = dialect;
        self
    }

    /// Sets the fields that are secret only in this endpoint.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_secrets(mut self, secrets: &'static [&'static str]) -> Self {
        self.secrets = secrets;
        self
    }

    /// Whether a field of this name is secret, so that it must never be stored from an argument or
    /// a response of this endpoint.
    pub fn is_secret(&self, field: &str) -> bool {
        let mut secrets = self.secrets.iter();
        is_secret(field) || secrets.any(|secret| secret.eq_ignore_ascii_case(field))
    }
}

/// Where the responses of a system say whether a call succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// In the body: one object with members such as `status` and `error`, as all FortiCloud APIs
    /// have them.
    Body,
    /// In the HTTP status. A body is an object or a list, and its members are data: a `status` that
    /// is a word is the status of a token or a device.
    Http,
}

/// Whether a call may change anything on the server.
///
/// The HTTP method doesn't tell, because FortiCloud's reads are `POST` as well. So reads are an
/// explicit list in the configuration, and everything else counts as a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Safe to send and to repeat.
    Read,
    /// May change something, so it is never repeated automatically.
    Write,
}

/// An argument of an endpoint.
#[derive(Debug)]
pub struct Parameter {
    /// The name as the API spells it.
    pub name: &'static str,
    /// Which part of the request the value goes into.
    pub location: Location,
    /// Whether a call without this argument is rejected before it is sent.
    pub required: bool,
    /// The JSON type in the API description, such as `integer` or `array`.
    pub json_type: &'static str,
    /// The text from the API description.
    pub doc: &'static str,
}

/// Which part of the request an argument goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the path, in place of `{name}`.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
    /// In the body, as a member of its JSON object.
    Body,
    /// The complete body, which is not an object.
    WholeBody,
}

/// Connects an [`Endpoint`] with the types of its request and its response.
pub trait Operation {
    /// The endpoint.
    const ENDPOINT: &'static Endpoint;
    /// The arguments, including path and query parameters.
    type Request: Serialize + Send + Sync;
    /// The response.
    type Response: DeserializeOwned + Send;
}

/// The request of an endpoint without arguments. It is sent as `{}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct NoArguments {}
