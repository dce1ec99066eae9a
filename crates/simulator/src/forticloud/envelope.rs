//! The envelope around every response, and the arguments of a call.

use serde_json::{Map, Value};

use crate::incoming::integer;
use crate::json::{Json, Object};
use crate::scenario::{Quirks, Scope};

use super::world::World;

/// The response of an endpoint, without the envelope.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) http: u16,
    pub(crate) status: i64,
    pub(crate) error: Option<ErrorMember>,
    pub(crate) message: String,
    pub(crate) payload: Object,
}

/// The member `error` of the envelope.
#[derive(Debug)]
pub(crate) struct ErrorMember {
    /// The error code. Without one, `error` is a text.
    pub(crate) code: Option<i64>,
    pub(crate) message: String,
}

impl ErrorMember {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            message: message.into(),
        }
    }
}

impl Reply {
    /// A success in the wording of the Asset Management endpoints.
    pub(crate) fn success(payload: Object) -> Self {
        Self {
            http: 200,
            status: 0,
            error: None,
            message: "Success".to_owned(),
            payload,
        }
    }

    /// Success as `products/list`, Organization and IAM say it.
    pub(crate) fn processed(payload: Object) -> Self {
        Self {
            message: "Request processed successfully".to_owned(),
            ..Self::success(payload)
        }
    }

    /// A request that is not acceptable.
    pub(crate) fn refused(code: i64, message: impl Into<String>) -> Self {
        Self {
            http: 400,
            status: -1,
            error: Some(ErrorMember::new(code, message)),
            message: "Invalid incoming request.".to_owned(),
            payload: Object::new(),
        }
    }

    /// A request that is understood and cannot be done.
    pub(crate) fn failed(status: i64, message: impl Into<String>, payload: Object) -> Self {
        let message = message.into();
        Self {
            http: 400,
            status,
            error: Some(ErrorMember::new(301, message.clone())),
            message,
            payload,
        }
    }

    pub(crate) fn invalid_token() -> Self {
        Self::refused(201, "Invalid security token.")
    }

    pub(crate) fn denied() -> Self {
        Self::refused(
            202,
            "Access denied. No permission to access the requested action or resource.",
        )
    }

    /// The body, the caller's token echoed in it as the service does.
    pub(crate) fn body(&self, quirks: &Quirks, token: Option<&str>) -> Object {
        let mut body = Object::new();
        if quirks.bare_envelope {
            body.push("status", self.status);
            body.push("message", self.message.clone());
        } else {
            body.push("build", "1.0.0");
            body.push("error", self.error(quirks));
            body.push("message", self.message.clone());
            body.push("status", self.status);
            body.push("token", token.map(str::to_owned));
            body.push("version", "3.0");
        }
        body.extend(self.payload.clone());
        body
    }

    fn error(&self, quirks: &Quirks) -> Json {
        match &self.error {
            None if quirks.error_as_text => "".into(),
            None => Json::Null,
            Some(ErrorMember {
                code: Some(code),
                message,
            }) if !quirks.error_as_text => Object::new()
                .with("errorCode", *code)
                .with("message", message.clone())
                .into(),
            Some(failure) => failure.message.clone().into(),
        }
    }
}

/// The arguments of a call.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) arguments: Map<String, Value>,
    pub(crate) page_faults: PageFaults,
}

/// How faults change a page of products.
#[derive(Debug, Default, Clone)]
pub(crate) struct PageFaults {
    pub(crate) repeat_page: bool,
    pub(crate) drop_rows: usize,
    pub(crate) total_pages: Option<u64>,
}

impl Arguments {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.arguments.get(key)?.as_str()
    }

    /// Returns a text argument, or the error if it is missing.
    pub(crate) fn required(&self, key: &str) -> Result<&str, Reply> {
        let text = self.text(key).filter(|text| !text.is_empty());
        text.ok_or_else(|| Reply::refused(101, format!("{key} cannot be empty.")))
    }

    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        integer(self.arguments.get(key)?)
    }

    pub(crate) fn required_integer(&self, key: &str) -> Result<i64, Reply> {
        let missing = || Reply::refused(101, format!("Request should include {key}"));
        self.integer(key).ok_or_else(missing)
    }

    pub(crate) fn list(&self, key: &str) -> &[Value] {
        match self.arguments.get(key) {
            Some(Value::Array(values)) => values,
            _ => &[],
        }
    }

    /// Returns the account that the call is about, by the rules for the user's scope.
    pub(crate) fn account(&self, world: &World) -> Result<i64, Reply> {
        let asked = self.integer("accountId").filter(|id| *id > 0);
        let id = match (asked, world.scenario().organization.scope) {
            (Some(id), _) => Some(id),
            (None, Scope::Local) => world.accounts().next().map(|account| account.id),
            (None, Scope::Organization) => {
                let text = "Request should include a positive number for accountId";
                return Err(Reply::refused(101, text));
            }
        };
        id.filter(|id| world.account(*id).is_some())
            .ok_or_else(Reply::denied)
    }
}
