//! One call to make, and what came of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::Facts;

/// One call with a stable name, which is made of all but `given` when the call is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The source's name.
    pub source: Arc<str>,
    /// The endpoint's id, such as `products/list`.
    pub endpoint: &'static str,
    /// The arguments; the map keeps them sorted.
    pub arguments: Map<String, Value>,
    /// What is known of the rows beside the arguments, by the names of arguments or columns.
    ///
    /// It follows from earlier outcomes, so it is no part of the name.
    pub given: Vec<(String, Value)>,
    /// How often this list was begun anew because it moved; zero at first.
    pub round: u32,
    key: Arc<str>,
}

impl Fetch {
    /// Names a call.
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

    /// The call with what else is known of its rows.
    pub(crate) fn given(self, given: Vec<(String, Value)>) -> Self {
        Self { given, ..self }
    }

    /// The numbers among the arguments and what else is known, which rows inherit.
    pub fn numbers(&self) -> Vec<(String, i64)> {
        self.known()
            .filter_map(|(name, value)| Some((name.clone(), value.as_i64()?)))
            .collect()
    }

    /// The texts that are known beside the arguments, for the columns of these names.
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

/// A call whose arguments the API does not take, without harm to the rest of its scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The call.
    pub fetch: Fetch,
    /// The whole story in one line.
    pub message: String,
}

/// What came of a [`Fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A page, reduced to what the plan goes by.
    Page(Facts),
    /// No page.
    Failed(Failure),
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The whole story in one line.
    pub message: String,
}

/// What kind of failure it is, as far as the plan cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The API user may not do this.
    Refused,
    /// The API does not take these arguments.
    Rejected,
    /// No usable answer.
    Lost,
}
