//! Converts a source's configuration into settings for the crawler and the client.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use fortilake_auth::Credentials;
use fortilake_client as client;
use fortilake_crawler::{ApiKey, DetailsFor, ScopeMode, Search, Settings, System};
use fortilake_sink::nearest;
use fortilake_state::digest;
use jiff::{Span, SpanRelativeTo};

use super::{
    Env, Secret, SourceConfig, secret,
    source::{INCLUDE, SearchConfig},
    value::WrongValue,
};
use crate::exit::{CommandError, Result};

/// Default of `details_max_age`. Products change rarely, and the details of each cost a call.
pub(crate) const DETAILS_MAX_AGE: &str = "7d";

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
            let found = INCLUDE.iter().find(|(known, _)| known == name);
            match found {
                // Details are read per product and not per account, so they are planned separately.
                Some((_, None)) => details = Some(self.details()),
                Some((_, Some(endpoint))) => include.push(*endpoint),
                None => {
                    let known = INCLUDE.map(|(known, _)| known);
                    let list = known.map(|known| format!("`{known}`")).join(", ");
                    let failure = self.wrong("include", name, &format!("one or more of {list}"));
                    return Err(match nearest(name, known) {
                        Some(known) => failure.hint(format!("did you mean `{known}`?")),
                        None => failure,
                    });
                }
            }
        }
        self.only_forticloud("user", !self.user.is_empty())?;
        Ok(Settings {
            source: self.name.as_str().into(),
            system: self.system,
            scope,
            organization_seen: false,
            search: self.search()?,
            statuses: self.statuses.clone(),
            accounts: accounts.to_vec(),
            include,
            details,
            models: self.models()?,
            verify_paging: self.verify_paging,
        })
    }

    /// Refuses a key that only FortiCloud sources can have.
    fn only_forticloud(&self, key: &str, is_set: bool) -> Result<()> {
        if !is_set || self.system == System::default() {
            return Ok(());
        }
        let only = System::default().name();
        Err(self.refused(key, &format!("is only for sources of the type `{only}`")))
    }

    fn models(&self) -> Result<Vec<String>> {
        self.only_forticloud("models", !self.models.is_empty())?;
        if self.models.iter().any(String::is_empty) {
            return Err(self.wrong("models", "", "models such as `FortiGate*`"));
        }
        Ok(self.models.clone())
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
        match self.timeout.as_deref() {
            Some(text) => self.duration("timeout", text),
            None => Ok(client::DEFAULT_TIMEOUT),
        }
    }

    /// The largest response that is accepted, in bytes after decompression.
    pub(crate) fn answer_limit(&self) -> Result<usize> {
        match self.max_answer_bytes {
            Some(0) => Err(self.wrong("max_answer_bytes", "0", "a number of bytes above 0")),
            Some(limit) => Ok(limit),
            None => Ok(fortilake_transport::DEFAULT_MAX_BODY),
        }
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

    fn wrong(&self, key: &str, value: &str, wanted: &str) -> CommandError {
        self.refused(key, &format!("is `{value}`; it must be {wanted}"))
    }

    /// The failure that says this about a key, as the end of a sentence.
    fn refused(&self, key: &str, complaint: &str) -> CommandError {
        let text = format!("`{key}` of source `{}` {complaint}", self.name);
        WrongValue::of_source(&self.name, key, text)
    }

    /// This source once for each of its API users, with the credentials of that user.
    pub(crate) fn by_user(&self) -> Vec<Self> {
        let alone = Self {
            user: Vec::new(),
            ..self.clone()
        };
        let keys = [&self.username, &self.password, &self.api_key];
        let own = self.user.is_empty() || keys.iter().any(|key| key.is_some());
        let first = usize::from(own);
        let more = self.user.iter().enumerate().map(|(number, user)| {
            let name = match number + first {
                0 => self.name.clone(),
                before => format!("{} (user {})", self.name, before + 1),
            };
            Self {
                name,
                username: Some(user.username.clone()),
                password: Some(user.password.clone()),
                api_key: None,
                ..alone.clone()
            }
        });
        own.then(|| alone.clone()).into_iter().chain(more).collect()
    }

    /// The keys of the user, if there is one, and of the password or what replaces it.
    fn credential_keys(&self) -> (Option<&'static str>, &'static str) {
        let is_key = self.api_key.is_some();
        match self.system.api_key() {
            ApiKey::ReplacesUser if is_key => (None, "api_key"),
            ApiKey::ReplacesPassword if is_key => (Some("username"), "api_key"),
            _ => (Some("username"), "password"),
        }
    }

    /// Checks every value of the source, but not whether the values that it must have are there.
    pub(super) fn check_values(&self) -> Result<()> {
        if self.concurrency == 0 {
            return Err(self.wrong("concurrency", "0", "at least 1"));
        }
        if self.statuses.is_empty() {
            return Err(self.wrong("statuses", "[]", "a list such as [\"Registered\"]"));
        }
        let details = self.settings(&[])?.details;
        if self.details_for.is_some() && details.is_none() {
            return Err(self.refused("details_for", "needs `include = [\"product_details\"]`"));
        }
        if self.api_key.is_some() && self.system.api_key() == ApiKey::Unknown {
            let complaint = format!(
                "cannot be used: sources of the type `{}` need `username` and `password`",
                self.system.name()
            );
            return Err(self.refused("api_key", &complaint));
        }
        self.details_max_age()?;
        self.call_timeout()?;
        self.answer_limit()?;
        self.check_quota()
    }

    fn check_quota(&self) -> Result<()> {
        let windows = self.call_limits()?.unwrap_or_default();
        if windows.iter().any(|window| window.max == 0) {
            return Err(self.wrong("quota.calls.max", "0", "at least 1"));
        }
        if let Some(errors) = self.error_limit()?
            && errors.max <= errors.reserve
        {
            let wanted = format!("more than `reserve`, which is {}", errors.reserve);
            return Err(self.wrong("quota.errors.max", &errors.max.to_string(), &wanted));
        }
        let share = self.quota.share;
        if !(share > 0.0 && share <= 1.0) {
            let wanted = "more than 0 and at most 1";
            return Err(self.wrong("quota.share", &share.to_string(), wanted));
        }
        let budget = self.quota.budget.as_deref();
        if budget.is_some_and(|name| name.trim().is_empty()) {
            return Err(self.wrong("quota.budget", "", "a name"));
        }
        Ok(())
    }

    /// Checks that the source says who calls, without reading a secret.
    pub(crate) fn check_users(&self) -> Result<()> {
        for user in self.by_user() {
            let (username, password) = user.credential_keys();
            for key in username.into_iter().chain([password]) {
                user.reference(key)?;
            }
        }
        Ok(())
    }

    /// Who calls: a user with a password, or what the system takes in place of them.
    pub(crate) fn credentials(&self, env: &Env) -> Result<Credentials> {
        let (username, password) = self.credential_keys();
        let username = username.map(|key| self.secret(key, env)).transpose()?;
        let password = self.secret(password, env)?;
        let (username, username_origin) = match &username {
            Some(username) => (username.expose().to_owned(), username.origin.clone()),
            None => (String::new(), password.origin.clone()),
        };
        Ok(Credentials {
            username,
            username_origin,
            password: password.expose().into(),
            password_origin: password.origin,
        })
    }

    /// Where `username`, `password` or `api_key` is stored; a missing one is an error that shows how
    /// to add it.
    fn reference(&self, key: &str) -> Result<Secret> {
        let secret = match key {
            "username" => &self.username,
            "password" => &self.password,
            _ => &self.api_key,
        };
        secret.clone().ok_or_else(|| {
            let prefix = self.system.name().to_uppercase();
            let name = key.to_uppercase();
            CommandError::not_started(anyhow!("source `{}` has no `{key}`", self.name))
                .hint(format!("add `{key} = {{ env = \"{prefix}_{name}\" }}`"))
        })
    }

    /// Resolves `username`, `password` or `api_key`.
    pub(crate) fn secret(&self, key: &str, env: &Env) -> Result<secret::Resolved> {
        self.reference(key)?
            .resolve(env)
            .with_context(|| format!("`{key}` of source `{}` cannot be read", self.name))
            .map_err(CommandError::not_started)
    }
}
