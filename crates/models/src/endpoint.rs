//! What the descriptions say of one operation, as constants.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Layout, is_secret};

/// One operation of an API, generated from its description.
#[derive(Debug)]
#[non_exhaustive]
pub struct Endpoint {
    /// The name used on the command line and in the journal, such as `products/list`.
    pub id: &'static str,
    /// The description's file name without its ending.
    pub api: &'static str,
    /// The HTTP method in capitals.
    pub method: &'static str,
    /// The path from the host on, with `{name}` for path parameters.
    pub path: &'static str,
    /// Which credential opens this endpoint, if it takes one.
    ///
    /// For FortiCloud it is the OAuth client whose token is asked for; the systems that are signed
    /// in to once have one name for all of their endpoints, such as `fortiportal`.
    pub client_id: Option<&'static str>,
    /// Whether a call changes anything on the other side.
    pub access: Access,
    /// One line from the description.
    pub summary: &'static str,
    /// What a call takes.
    pub parameters: &'static [Parameter],
    /// How the answer's rows lie in it, if it has any.
    pub layout: Option<&'static Layout>,
    /// Fields that are secret here, although other endpoints have harmless ones of that name.
    pub secrets: &'static [&'static str],
}

impl Endpoint {
    /// Builds an endpoint; the generated code is its only caller.
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
            client_id,
            access,
            summary,
            parameters,
            layout,
            secrets: &[],
        }
    }

    /// Names the fields that are secret in this endpoint alone.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_secrets(mut self, secrets: &'static [&'static str]) -> Self {
        self.secrets = secrets;
        self
    }

    /// Whether a field of this name must never be kept, in an argument or an answer of this
    /// endpoint.
    pub fn is_secret(&self, field: &str) -> bool {
        let mut secrets = self.secrets.iter();
        is_secret(field) || secrets.any(|secret| secret.eq_ignore_ascii_case(field))
    }
}

/// Whether a call changes anything on the other side.
///
/// The method does not tell: FortiCloud's reads are `POST` as well.
/// So reads are an allow-list, and everything else counts as a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Safe to send, and to send again.
    Read,
    /// Changes something; never repeated automatically.
    Write,
}

/// One argument of an endpoint.
#[derive(Debug)]
pub struct Parameter {
    /// The API's spelling.
    pub name: &'static str,
    /// Where the value travels.
    pub location: Location,
    /// Whether a call without it is refused before it is sent.
    pub required: bool,
    /// The JSON type that the description gives, such as `integer` or `array`.
    pub json_type: &'static str,
    /// The description's text.
    pub doc: &'static str,
}

/// Where an argument travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the path, in place of `{name}`.
    Path,
    /// After the question mark.
    Query,
    /// As a header.
    Header,
    /// As a member of the JSON object that is the body.
    Body,
    /// As the whole body, which is not an object.
    WholeBody,
}

/// Ties an [`Endpoint`] to the types of its request and its answer.
pub trait Operation {
    /// The constants of the endpoint.
    const ENDPOINT: &'static Endpoint;
    /// The arguments, path and query parameters included.
    type Request: Serialize + Send + Sync;
    /// The answer.
    type Response: DeserializeOwned + Send;
}

/// The request of an endpoint that takes nothing; it is sent as `{}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct NoArguments {}
