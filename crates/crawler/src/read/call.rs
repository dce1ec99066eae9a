//! Makes one call of the plan with a client.

use std::sync::Arc;

use fortilake_client::{self as client, Client, Tries};
use fortilake_models as models;

use crate::{Facts, Fetch, Names};

/// The response to a call, with the facts that the plan decides on.
pub(super) struct FetchedPage {
    /// Whether the API states that nothing was found.
    pub(super) nothing: bool,
    pub(super) body: Arc<str>,
    pub(super) facts: serde_json::Result<Facts>,
}

/// Makes one try of a call. `before` is the record of the tries that failed.
pub(super) async fn call(
    client: &Client,
    fetch: &Fetch,
    names: Names,
    before: Tries,
) -> client::Result<FetchedPage> {
    let Some(endpoint) = models::endpoint(fetch.endpoint) else {
        return Ok(FetchedPage {
            nothing: false,
            body: "".into(),
            facts: Err(serde::de::Error::custom(
                "the API descriptions have no endpoint of this name",
            )),
        });
    };
    let page = client.try_fetch(endpoint, &fetch.arguments, before);
    page.await.map(|page| {
        // A page that says "nothing found", in any of the API's forms, has no content to keep.
        let nothing = page.is_empty_result() && !claims_pages(fetch.endpoint, &page.body);
        let body: Arc<str> = if nothing {
            "{}".into()
        } else {
            page.body.into()
        };
        FetchedPage {
            nothing,
            facts: Facts::read(fetch.endpoint, &body, names),
            body,
        }
    })
}

/// Whether a response without rows reports more than one page. Then it contradicts itself and is
/// not an empty list.
fn claims_pages(endpoint: &str, body: &str) -> bool {
    let facts = Facts::read(endpoint, body, Names::Unwanted);
    let pages = facts.ok().and_then(|facts| facts.pages());
    pages.is_some_and(|pages| pages > 1)
}

/// Requests a token that later calls need, so that signing in costs no time.
///
/// Errors are ignored here, because the call that needs the token reports them.
pub(super) async fn sign_in_ahead(client: Arc<Client>, client_id: &'static str) {
    // A call that needs the token earlier waits for the same sign-in.
    let _ = client.sign_in(client_id).await;
}
