//! The OAuth server: issues tokens by password or refresh token, and revokes them.

use std::collections::HashMap;
use std::time::Duration;

use http::{Method, header};
use tokio::time::Instant;

use super::unrouted;
use crate::answered::{Answered, not_allowed};
use crate::incoming::Incoming;
use crate::json::Object;
use crate::random::{Stream, at, draw};
use crate::scenario::Scenario;

pub(crate) const PREFIX: &str = "/api/v1/oauth/";

/// The issued tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    access: HashMap<String, AccessToken>,
    /// What each refresh token was issued for. They never expire, because their real lifetime is
    /// undocumented.
    refresh: HashMap<String, Owner>,
    issued: u64,
}

/// What a token was issued for.
#[derive(Debug, Clone)]
struct Owner {
    client: String,
    user: String,
}

#[derive(Debug)]
struct AccessToken {
    owner: Owner,
    known: Instant,
    expires: Instant,
}

impl Tokens {
    /// Returns the client id that a valid token was issued for.
    pub(crate) fn client_of(&self, token: &str, now: Instant) -> Option<&str> {
        let access = self.access.get(token)?;
        (access.known <= now && now < access.expires).then_some(access.owner.client.as_str())
    }

    /// Returns the user who signs in with this request.
    pub(crate) fn user_signing_in<'a>(&'a self, incoming: &'a Incoming) -> Option<&'a str> {
        if let Some(user) = incoming.fields.get("username") {
            return Some(user);
        }
        let token = incoming.fields.get("refresh_token")?;
        Some(&self.refresh.get(token)?.user)
    }

    /// Returns the user to whom a token was issued.
    pub(crate) fn user_of(&self, token: &str) -> Option<&str> {
        Some(self.access.get(token)?.owner.user.as_str())
    }

    pub(crate) fn clear(&mut self) {
        self.access.clear();
        self.refresh.clear();
    }

    fn issue(&mut self, scenario: &Scenario, owner: Owner, now: Instant) -> (String, String) {
        // Expired tokens are dropped here, so that a long simulation doesn't accumulate them.
        self.access.retain(|_, access| now < access.expires);
        self.issued += 1;
        let token = text(scenario.seed, self.issued * 2);
        let refresh = text(scenario.seed, self.issued * 2 + 1);
        let access = AccessToken {
            owner: owner.clone(),
            known: now + scenario.token_lag,
            expires: now + Duration::from_secs(scenario.expires_in),
        };
        self.access.insert(token.clone(), access);
        self.refresh.insert(refresh.clone(), owner);
        (token, refresh)
    }
}

/// Returns thirty letters and digits.
fn text(seed: u64, number: u64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..30)
        .map(|index| draw(seed, Stream::Token, number * 30 + index))
        .map(|drawn| char::from(LETTERS[at(drawn, LETTERS.len())]))
        .collect()
}

pub(crate) fn answer(
    tokens: &mut Tokens,
    scenario: &Scenario,
    incoming: &Incoming,
    now: Instant,
) -> Answered {
    let path = incoming.path.to_ascii_lowercase();
    let name = path.strip_prefix(PREFIX).unwrap_or_default();
    let endpoint = name.strip_suffix('/').unwrap_or(name);
    if !matches!(endpoint, "token" | "revoke_token") {
        return unrouted(404, "No such endpoint.");
    }
    // The real server redirects the path without its slash. Clients that turn the `POST` into a
    // `GET` lose the body, which this lets tests find out.
    if endpoint == name && scenario.token_redirect != 0 {
        let slashed = format!("{PREFIX}{endpoint}/");
        let redirect = Answered::json(scenario.token_redirect, &Object::new());
        return redirect.header(header::LOCATION, &slashed);
    }
    if incoming.method != Method::POST {
        let body = Object::new().with("Message", "Method not allowed.");
        return not_allowed("POST", &body);
    }
    match endpoint {
        "token" => token(tokens, scenario, incoming, now),
        _ => revoke(tokens, scenario, incoming),
    }
}

fn token(tokens: &mut Tokens, scenario: &Scenario, incoming: &Incoming, now: Instant) -> Answered {
    let field = |name: &str| incoming.fields.get(name).map(String::as_str);
    let client = field("client_id").unwrap_or_default();
    if !scenario
        .credentials
        .clients
        .iter()
        .any(|known| known == client)
    {
        return failure(400, "invalid_client", "Client authentication failed.");
    }
    let owner = |user: &str| Owner {
        client: client.to_owned(),
        user: user.to_owned(),
    };
    let (owner, message) = match field("grant_type") {
        Some("password") => {
            let credentials = &scenario.credentials;
            let user = field("username").filter(|user| {
                *user == credentials.username
                    || credentials.more_users.iter().any(|one| one == user)
            });
            let Some(user) = user else {
                return failure(400, "invalid_grant", "Invalid credentials given.");
            };
            if field("password") != Some(&scenario.credentials.password) {
                return wrong_password();
            }
            (owner(user), "successfully authenticated")
        }
        Some("refresh_token") => {
            let known = field("refresh_token").and_then(|token| tokens.refresh.get(token));
            let Some(known) = known.filter(|owner| owner.client == client) else {
                return failure(400, "invalid_grant", "Invalid refresh token.");
            };
            (owner(&known.user), "Token has been refreshed successfully")
        }
        _ => {
            return failure(
                400,
                "unsupported_grant_type",
                "Grant type is not supported.",
            );
        }
    };
    let (access, refresh) = tokens.issue(scenario, owner, now);
    let expires_in = i64::try_from(scenario.expires_in).unwrap_or(i64::MAX);
    Answered::json(
        200,
        &Object::new()
            .with("access_token", access)
            .with("expires_in", expires_in)
            .with("token_type", "Bearer")
            .with("scope", "read write")
            .with("refresh_token", refresh)
            .with("message", message)
            .with("status", "success"),
    )
}

fn failure(status: u16, error: &'static str, description: &'static str) -> Answered {
    let body = Object::new().with("error", error);
    Answered::json(status, &body.with("error_description", description))
}

/// A recorded response of the real service; it does not follow the OAuth error format.
fn wrong_password() -> Answered {
    let body = Object::new().with("error", "Unexpected error has happened");
    let mut answered = Answered::json(401, &body.with("status", "failure"));
    answered.response.headers_mut().remove(header::CONTENT_TYPE);
    answered
}

fn revoke(tokens: &mut Tokens, scenario: &Scenario, incoming: &Incoming) -> Answered {
    let field = |name: &str| incoming.fields.get(name).map(String::as_str);
    let client = field("client_id").unwrap_or_default();
    if !scenario
        .credentials
        .clients
        .iter()
        .any(|known| known == client)
    {
        return failure(401, "invalid_client", "Client authentication failed.");
    }
    match field("token").filter(|token| !token.is_empty()) {
        None => failure(400, "invalid_request", "Token is missing."),
        Some(token) => {
            tokens.access.remove(token);
            tokens.refresh.remove(token);
            Answered::json(200, &Object::new())
        }
    }
}
