//! Converts a source's configuration into settings for the crawler and the client.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{DetailsFor, ScopeMode, Search, Settings, System, client, state::digest};
use jiff::{Span, SpanRelativeTo};

use super::{
    Env, SourceConfig, secret,
    source::{SearchConfig, SourceKind},
};
use crate::exit::{Failure, Result};

/// Default of `details_max_age`. Products change rarely, and the details of each cost a call.
const DETAILS_MAX_AGE: &str = "7d";

impl SourceConfig {
    /// The settings that the crawl is planned from; `accounts` limits it, if it is not empty.
    pub(crate) fn settings(&self, accounts: &[i64]) -> Result<Settings> {
        let scope = match self.scope.as_deref() {
            None | Some("auto") => ScopeMode::Auto,
            Some("organization") => ScopeMode::Organization,
            Some("local") => ScopeMode::Local,
            Some(other) => {
                return Err(self.wrong("scope", other, "`auto`, `organization` or `local`"));
            }
        };
        let mut details = None;
        let mut include = Vec::new();
        for name in &self.include {
            match name.as_str() {
                "folders" => include.push("folders/list"),
                "licenses" => include.push("licenses/list"),
                "contracts" => include.push("contracts/list"),
                "product_details" => details = Some(self.details()),
                other => {
                    let known = "`folders`, `licenses`, `contracts` or `product_details`";
                    return Err(self.wrong("include", other, known));
                }
            }
        }
        Ok(Settings {
            source: self.name.as_str().into(),
            system: match self.kind {
                SourceKind::FortiCloud => System::FortiCloud,
                SourceKind::FortiPortal => System::FortiPortal,
                SourceKind::FortiAuthenticator => System::FortiAuthenticator,
            },
            scope,
            search: self.search()?,
            statuses: self.statuses.clone(),
            accounts: accounts.to_vec(),
            include,
            details,
        })
    }

    fn details(&self) -> DetailsFor {
        let of = self.details_for.as_ref();
        DetailsFor {
            models: of.map_or(Vec::new(), |of| of.models.clone()),
            serials: of.map_or(Vec::new(), |of| of.serials.clone()),
        }
    }

    /// Identifies the source in the state: the user, and a digest of `api_url` if it is set.
    ///
    /// The URL itself is not stored, because it may contain a password.
    pub(crate) fn identity(&self, user: &str) -> String {
        match &self.api_url {
            Some(url) => format!("{user} {}", digest(url)),
            None => user.to_owned(),
        }
    }

    /// How old product details of an earlier crawl may be to be used again.
    pub(crate) fn details_max_age(&self) -> Result<Duration> {
        let text = self.details_max_age.as_deref().unwrap_or(DETAILS_MAX_AGE);
        self.duration("details_max_age", text)
    }

    fn search(&self) -> Result<Search> {
        match &self.search {
            None => Ok(Search::Auto),
            Some(SearchConfig::Word(word)) if word == "auto" => Ok(Search::Auto),
            Some(SearchConfig::Word(word)) => Err(self.wrong(
                "search",
                word,
                "`auto` or a list of patterns such as [\"F\", \"S\"]",
            )),
            Some(SearchConfig::Patterns(patterns)) => {
                if patterns.is_empty() || patterns.iter().any(String::is_empty) {
                    return Err(self.wrong("search", "", "patterns that are not empty"));
                }
                Ok(Search::Patterns(patterns.clone()))
            }
        }
    }

    /// The timeout of one call.
    pub(crate) fn call_timeout(&self) -> Result<Duration> {
        self.duration("timeout", self.timeout.as_deref().unwrap_or("60s"))
    }

    /// The call limits of the configuration; `None` leaves the system's own limits.
    pub(crate) fn call_limits(&self) -> Result<Option<Vec<client::Window>>> {
        let Some(limits) = &self.quota.calls else {
            return Ok(None);
        };
        let windows = limits.iter().map(|limit| {
            Ok(client::Window {
                max: limit.max,
                per: self.duration("quota.calls.per", &limit.per)?,
            })
        });
        windows.collect::<Result<_>>().map(Some)
    }

    /// The error limit of the configuration; `None` leaves the system's own limit.
    pub(crate) fn error_limit(&self) -> Result<Option<client::ledger::ErrorLimit>> {
        let Some(limit) = &self.quota.errors else {
            return Ok(None);
        };
        Ok(Some(client::ledger::ErrorLimit {
            max: limit.max,
            per: self.duration("quota.errors.per", &limit.per)?,
            reserve: limit.reserve,
        }))
    }

    fn duration(&self, key: &str, text: &str) -> Result<Duration> {
        // A day counts as 24 hours. These durations are not tied to a date, so there is no
        // daylight saving time to take into account.
        let length = text
            .parse::<Span>()
            .ok()
            .and_then(|length| length.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let duration = length.and_then(|length| length.try_into().ok());
        duration
            .filter(|length: &Duration| !length.is_zero())
            .ok_or_else(|| self.wrong(key, text, "a duration such as `60s`, `1h` or `7d`"))
    }

    fn wrong(&self, key: &str, value: &str, wanted: &str) -> Failure {
        Failure::not_started(anyhow!(
            "`{key}` of source `{}` is `{value}`; it takes {wanted}",
            self.name
        ))
    }

    /// The user name and the password, or the key in its place.
    pub(crate) fn credentials(&self, env: &Env) -> Result<(secret::Resolved, secret::Resolved)> {
        let password = match (&self.api_key, self.kind) {
            (Some(_), SourceKind::FortiAuthenticator) => self.secret("api_key", env)?,
            _ => self.secret("password", env)?,
        };
        Ok((self.secret("username", env)?, password))
    }

    /// The value of one of the keys that hold secrets.
    pub(crate) fn secret(&self, key: &str, env: &Env) -> Result<secret::Resolved> {
        let secret = match key {
            "username" => &self.username,
            "password" => &self.password,
            _ => &self.api_key,
        };
        let secret = secret.clone().ok_or_else(|| {
            let prefix = match self.kind {
                SourceKind::FortiCloud => "FORTICLOUD",
                SourceKind::FortiPortal => "FORTIPORTAL",
                SourceKind::FortiAuthenticator => "FORTIAUTHENTICATOR",
            };
            let name = key.to_uppercase();
            Failure::not_started(anyhow!("source `{}` has no `{key}`", self.name))
                .hint(format!("add `{key} = {{ env = \"{prefix}_{name}\" }}`"))
        })?;
        secret
            .resolve(env)
            .with_context(|| format!("`{key}` of source `{}` cannot be read", self.name))
            .map_err(Failure::not_started)
    }
}
