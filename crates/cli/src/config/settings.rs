//! What a source's configuration means.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{ScopeMode, Search, Settings, client};
use jiff::SignedDuration;

use super::{Env, Secret, SourceConfig, secret, source::SearchConfig};
use crate::exit::{Failure, Result};

impl SourceConfig {
    /// What the plan goes by.
    pub(crate) fn settings(&self, accounts: &[i64]) -> Result<Settings> {
        let scope = match self.scope.as_deref() {
            None | Some("auto") => ScopeMode::Auto,
            Some("organization") => ScopeMode::Organization,
            Some("local") => ScopeMode::Local,
            Some(other) => {
                return Err(self.wrong("scope", other, "`auto`, `organization` or `local`"));
            }
        };
        let include = self.include.iter().map(|name| match name.as_str() {
            "folders" => Ok("folders/list"),
            "licenses" => Ok("licenses/list"),
            "contracts" => Ok("contracts/list"),
            other => Err(self.wrong("include", other, "`folders`, `licenses` or `contracts`")),
        });
        Ok(Settings {
            source: self.name.as_str().into(),
            scope,
            search: self.search()?,
            statuses: self.statuses.clone(),
            accounts: accounts.to_vec(),
            include: include.collect::<Result<_>>()?,
        })
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

    /// The longest that one call may take.
    pub(crate) fn call_timeout(&self) -> Result<Duration> {
        self.duration("timeout", self.timeout.as_deref().unwrap_or("60s"))
    }

    /// The windows in which calls are limited.
    pub(crate) fn call_limits(&self) -> Result<Vec<(u32, Duration)>> {
        let limits = self.quota.calls.iter();
        limits
            .map(|limit| Ok((limit.max, self.duration("quota.calls.per", &limit.per)?)))
            .collect()
    }

    /// The limit of errors.
    pub(crate) fn error_limit(&self) -> Result<client::ledger::ErrorLimit> {
        let limit = &self.quota.errors;
        Ok(client::ledger::ErrorLimit {
            max: limit.max,
            per: self.duration("quota.errors.per", &limit.per)?,
            reserve: limit.reserve,
        })
    }

    fn duration(&self, key: &str, text: &str) -> Result<Duration> {
        let duration = text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|length| length.try_into().ok());
        duration
            .filter(|length: &Duration| !length.is_zero())
            .ok_or_else(|| self.wrong(key, text, "a duration such as `60s` or `1h`"))
    }

    fn wrong(&self, key: &str, value: &str, wanted: &str) -> Failure {
        Failure::not_started(anyhow!(
            "`{key}` of source `{}` is `{value}`; it takes {wanted}",
            self.name
        ))
    }

    /// The user name and the password.
    pub(crate) fn credentials(&self, env: &Env) -> Result<(secret::Resolved, secret::Resolved)> {
        let need = |key: &str, secret: &Option<Secret>| {
            secret.clone().ok_or_else(|| {
                Failure::not_started(anyhow!("source `{}` has no `{key}`", self.name)).hint(
                    format!(
                        "add `{key} = {{ env = \"FORTICLOUD_{}\" }}`",
                        key.to_uppercase()
                    ),
                )
            })
        };
        let read = |key: &str, secret: &Option<Secret>| {
            need(key, secret)?
                .resolve(env)
                .with_context(|| format!("`{key}` of source `{}` cannot be read", self.name))
                .map_err(Failure::not_started)
        };
        Ok((
            read("username", &self.username)?,
            read("password", &self.password)?,
        ))
    }
}
