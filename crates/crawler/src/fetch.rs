//! One call to make, and its outcome.

use std::sync::Arc;

use fortilake_models as models;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use crate::Facts;

/// One call. Its name in the journal is made of all fields but `given`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "StoredFetch")]
pub struct Fetch {
    /// The source's name.
    pub source: Arc<str>,
    /// The endpoint's id, such as `products/list`.
    pub endpoint: &'static str,
    /// The arguments; the map keeps them sorted.
    pub arguments: Map<String, Value>,
    /// Values for columns of the rows that the request does not contain, by the names of arguments
    /// or columns.
    ///
    /// They follow from earlier outcomes, so they are not part of the name.
    pub given: Vec<(String, Value)>,
    /// How often the list was started again because its pages did not fit together; 0 for the first
    /// try. It is part of the name, so that pages of an earlier round are never used again.
    pub round: u32,
    key: Arc<str>,
}

/// A [`Fetch`] as it is stored in the journal.
#[derive(Serialize, Deserialize)]
struct StoredFetch {
    source: String,
    endpoint: String,
    arguments: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given: Vec<(String, Value)>,
    round: u32,
}

impl Fetch {
    /// Creates a call and computes its name.
    #[expect(clippy::missing_panics_doc, reason = "a map of values is always JSON")]
    pub fn new(
        source: Arc<str>,
        endpoint: &'static str,
        arguments: Map<String, Value>,
        round: u32,
    ) -> Self {
        let written = serde_json::to_string(&arguments).expect("a map of values is JSON");
        let key = format!("{source} {endpoint} {written} {round}").into();
        Self {
            source,
            endpoint,
            arguments,
            given: Vec::new(),
            round,
            key,
        }
    }

    /// The name under which the journal keeps the outcome.
    ///
    /// ```
    /// use fortilake_crawler::Fetch;
    /// let arguments = serde_json::from_str(r#"{"parentId": 2100014}"#)?;
    /// let fetch = Fetch::new("acme".into(), "accounts/list", arguments, 0);
    /// assert_eq!(&**fetch.key(), r#"acme accounts/list {"parentId":2100014} 0"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The call with another value of one argument.
    pub(crate) fn with(&self, argument: &str, value: Value) -> Self {
        let mut arguments = self.arguments.clone();
        arguments.insert(argument.to_owned(), value);
        Self::new(self.source.clone(), self.endpoint, arguments, self.round)
            .given(self.given.clone())
    }

    /// The call of an earlier crawl whose outcome was copied into the journal of this one. It has a
    /// name of its own, because this crawl may have made the same call.
    pub(crate) fn carried_from(self, crawl: &str) -> Self {
        let key = format!("{} {crawl}", self.key).into();
        Self { key, ..self }
    }

    /// Adds column values that the request does not contain.
    pub(crate) fn given(self, given: Vec<(String, Value)>) -> Self {
        Self { given, ..self }
    }

    /// The numbers in `arguments` and `given`. Rows inherit them as column values.
    pub fn numbers(&self) -> Vec<(String, i64)> {
        self.known()
            .filter_map(|(name, value)| Some((name.clone(), value.as_i64()?)))
            .collect()
    }

    /// The strings in `given`, for the columns of these names.
    pub fn texts(&self) -> Vec<(String, String)> {
        let given = self.given.iter();
        given
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    fn known(&self) -> impl Iterator<Item = (&String, &Value)> {
        let given = self.given.iter().map(|(name, value)| (name, value));
        self.arguments.iter().chain(given)
    }
}

impl From<Fetch> for StoredFetch {
    fn from(fetch: Fetch) -> Self {
        Self {
            source: fetch.source.to_string(),
            endpoint: fetch.endpoint.to_owned(),
            arguments: fetch.arguments,
            given: fetch.given,
            round: fetch.round,
        }
    }
}

// Derived, this would need text that lives as long as the program, because of `endpoint`.
impl<'de> Deserialize<'de> for Fetch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredFetch::deserialize(deserializer)?;
        let Some(endpoint) = models::endpoint(&stored.endpoint) else {
            let message = format_args!("there is no endpoint `{}`", stored.endpoint);
            return Err(de::Error::custom(message));
        };
        let fetch = Self::new(
            stored.source.into(),
            endpoint.id,
            stored.arguments,
            stored.round,
        );
        Ok(fetch.given(stored.given))
    }
}

/// A call that the API rejected, while the rest of its scope is still published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The call that was rejected.
    pub fetch: Fetch,
    /// The error and its causes in one line.
    pub message: String,
}

/// The outcome of a [`Fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A page, reduced to the facts that the plan decides on.
    Page(Facts),
    /// The call failed.
    Failed(Failure),
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the failure means for the scope.
    pub kind: FailureKind,
    /// The error and its causes in one line.
    pub message: String,
}

/// The kinds of failure that the plan distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The API itself says that the user may not do this: error 202, or no token for the client id
    /// of this endpoint.
    Denied,
    /// The call was refused, but not provably by the API: a gateway may answer in the same way.
    Refused,
    /// The API rejected the arguments.
    Rejected,
    /// No usable response. Another try may succeed.
    Lost,
}

impl FailureKind {
    /// Whether the call was refused, by the API or by something in front of it.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Denied | Self::Refused)
    }
}
