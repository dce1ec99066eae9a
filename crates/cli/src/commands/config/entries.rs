//! The resolved configuration, value by value, with the origin of each.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use fortilake_client as client;
use fortilake_sink::registry;
use fortilake_transport as transport;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    config::{
        Config, DETAILS_MAX_AGE, Env, Lines, SearchConfig, Secret, SettingOrigin, SinkConfig,
        SourceConfig, file_in_use, load,
    },
    connect,
    exit::{CommandError, Result},
};

/// One value of the resolved configuration.
#[derive(Debug)]
pub(super) struct Entry {
    /// The section that the value is in and its position, such as `("source", 0)`; `None` for
    /// values that the file has once.
    pub(super) section: Option<(&'static str, usize)>,
    /// The key in that section. Keys of tables are joined by dots, such as `guard.max_shrink`.
    pub(super) key: String,
    /// The value; of a secret only where it is stored.
    pub(super) value: Value,
    /// Who set it.
    pub(super) origin: SettingOrigin,
}

/// All values of the configuration that these arguments lead to, in the order of the file format.
///
/// Values that are not set and have no default are left out. No secret is read.
pub(super) fn shown(path: Option<&Path>, sinks: &[String], env: &Env) -> Result<Vec<Entry>> {
    let path = file_in_use(path);
    let config = load(path, sinks, env)?;
    let text = match path {
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("the configuration `{}` cannot be read", path.display()))
            .map_err(CommandError::not_started)?,
        None => String::new(),
    };
    let mut shown = Shown {
        file: path.and_then(|path| Some((path.to_owned(), Lines::parse(&text)?))),
        env,
        entries: Vec::new(),
    };
    shown.general(&config);
    for (position, source) in config.sources.iter().enumerate() {
        shown.source(position, source)?;
    }
    let from_flags = !sinks.is_empty();
    for (position, sink) in config.sinks.iter().enumerate() {
        shown.sink(position, sink, from_flags)?;
    }
    Ok(shown.entries)
}

struct Shown<'a> {
    file: Option<(PathBuf, Lines<'a>)>,
    env: &'a Env,
    entries: Vec<Entry>,
}

impl Shown<'_> {
    fn general(&mut self, config: &Config) {
        // No `..`, so that a new key cannot be forgotten here.
        let Config {
            sources: _,
            sinks: _,
            keep,
            limits,
            partial,
            carry,
            max_age,
            refresh,
            changes,
            max_idle,
            stop_timeout,
        } = config;
        self.add(None, "keep", json!(keep));
        self.add(None, "crawl.max_idle", duration(*max_idle));
        if let Some(max_age) = max_age {
            self.add(None, "crawl.max_age", duration(*max_age));
        }
        if let Some(refresh) = refresh {
            self.add(None, "crawl.refresh", duration(refresh.every));
            if let Some(calls) = refresh.calls {
                self.add(None, "crawl.calls_per_run", json!(calls));
            }
        }
        self.add(None, "crawl.stop_timeout", duration(*stop_timeout));
        self.add(None, "guard.max_shrink", json!(limits.max_shrink));
        let share = json!(limits.max_account_shrink);
        self.add(None, "guard.max_account_shrink", share);
        self.add(None, "guard.min_rows", json!(limits.min_rows));
        let word = match partial {
            Some(fortilake_sink::Partial::Publish) => Some("publish"),
            Some(fortilake_sink::Partial::Refuse) => Some("refuse"),
            None => carry.then_some("carry"),
        };
        self.add(None, "history.changes", json!(changes));
        if let Some(word) = word {
            self.add(None, "publish.partial", json!(word));
        }
    }

    fn source(&mut self, position: usize, source: &SourceConfig) -> Result<()> {
        let SourceConfig {
            name,
            system,
            username,
            password,
            api_key,
            user,
            auth_url: _,
            api_url: _,
            scope,
            search,
            statuses,
            models,
            include,
            details_for,
            details_max_age,
            verify_paging,
            concurrency,
            timeout: _,
            max_answer_bytes: _,
            ca_cert,
            insecure_tls,
            quota,
        } = source;
        let section = Some(("source", position));
        let mut add = |key: &str, value: Value| {
            if !value.is_null() {
                self.add(section, key, value);
            }
        };
        add("name", json!(name));
        add("type", json!(system.name()));
        add("username", username.as_ref().map_or(Value::Null, name_of));
        add("password", password.as_ref().map_or(Value::Null, secret));
        add("api_key", api_key.as_ref().map_or(Value::Null, secret));
        let users: Vec<_> = user
            .iter()
            .map(|user| {
                let (name, password) = (name_of(&user.username), secret(&user.password));
                json!({ "username": name, "password": password })
            })
            .collect();
        if !users.is_empty() {
            add("user", json!(users));
        }
        // Values that the system has a default for are asked of what a client would use.
        let client = connect::offline(source)?;
        add("api_url", json!(transport::shown(&client.api_url)));
        add("auth_url", json!(transport::shown(&client.auth_url)));
        add("scope", json!(scope.as_deref().unwrap_or("auto")));
        add(
            "search",
            match search {
                None => json!("auto"),
                Some(SearchConfig::Word(word)) => json!(word),
                Some(SearchConfig::Patterns(patterns)) => json!(patterns),
            },
        );
        add("statuses", json!(statuses));
        add("models", json!(models));
        add("include", json!(include));
        if let Some(of) = details_for {
            add(
                "details_for",
                json!({ "models": of.models, "serials": of.serials }),
            );
        }
        let age = details_max_age.as_deref().unwrap_or(DETAILS_MAX_AGE);
        add("details_max_age", json!(age));
        add("verify_paging", json!(verify_paging));
        add("concurrency", json!(concurrency));
        add("timeout", duration(source.call_timeout()?));
        add("max_answer_bytes", json!(source.answer_limit()?));
        add("ca_cert", json!(ca_cert));
        add("insecure_tls", json!(insecure_tls));
        add("quota.share", json!(quota.share));
        add("quota.budget", json!(quota.budget));
        let calls: Vec<_> = client.calls.iter().map(window).collect();
        if !calls.is_empty() {
            add("quota.calls", json!(calls));
        }
        if let Some(limit) = client.errors {
            let per = duration(limit.per);
            add(
                "quota.errors",
                json!({ "max": limit.max, "per": per, "reserve": limit.reserve }),
            );
        }
        Ok(())
    }

    fn sink(&mut self, position: usize, sink: &SinkConfig, from_flags: bool) -> Result<()> {
        let section = Some(("sink", position));
        let written = |origin: &SettingOrigin| match origin {
            // A sink that is not in the file is that of the flag, or the default sink.
            SettingOrigin::Default if from_flags => SettingOrigin::Flag("--sink"),
            origin => origin.clone(),
        };
        let of_file = !from_flags && self.file.is_some();
        let mut add = |key: &str, value: Value, is_written: bool| {
            let origin = if of_file {
                self.origin(section, key)
            } else {
                SettingOrigin::Default
            };
            let origin = if is_written { written(&origin) } else { origin };
            self.entries.push(Entry {
                section,
                key: key.to_owned(),
                value,
                origin,
            });
        };
        add("type", json!(sink.spec.sink), true);
        let shown = sink.spec.shown_options()?;
        for (option, value) in &shown {
            add(option, value.clone(), true);
        }
        let schema = (registry::find(&sink.spec.sink)?.options)();
        let properties = schema.as_value().get("properties");
        let properties = properties.and_then(Value::as_object);
        for (option, property) in properties.into_iter().flatten() {
            let default = property.get("default").filter(|value| !value.is_null());
            if let Some(default) = default.filter(|_| !shown.contains_key(option)) {
                add(option, default.clone(), false);
            }
        }
        Ok(())
    }

    fn add(&mut self, section: Option<(&'static str, usize)>, key: &str, value: Value) {
        let origin = self.origin(section, key);
        self.entries.push(Entry {
            section,
            key: key.to_owned(),
            value,
            origin,
        });
    }

    fn origin(&self, section: Option<(&'static str, usize)>, key: &str) -> SettingOrigin {
        let Some((path, lines)) = &self.file else {
            return self.variable(section, key);
        };
        let position = section.map(|(name, position)| (name, position.to_string()));
        let mut steps = Vec::new();
        if let Some((name, position)) = &position {
            steps.extend([*name, position.as_str()]);
        }
        steps.extend(key.split('.'));
        match lines.of(&steps) {
            Some(line) => SettingOrigin::File {
                path: path.clone(),
                line,
            },
            None => SettingOrigin::Default,
        }
    }

    /// The variable that sets this value where there is no file.
    fn variable(&self, section: Option<(&'static str, usize)>, key: &str) -> SettingOrigin {
        let name = match (section, key) {
            (Some(("source", _)), "username") => "FORTICLOUD_USERNAME",
            (Some(("source", _)), "password") => "FORTICLOUD_PASSWORD",
            (Some(("source", _)), "auth_url") => "FORTICLOUD_AUTH_URL",
            (Some(("source", _)), "api_url") => "FORTICLOUD_API_URL",
            _ => return SettingOrigin::Default,
        };
        match self.env.is_in_file(name) {
            Some(in_file) => SettingOrigin::Variable { name, in_file },
            None => SettingOrigin::Default,
        }
    }
}

/// A user's name, which may be in the file itself.
fn name_of(name: &Secret) -> Value {
    match name {
        Secret::Plain(text) => json!(text),
        reference => secret(reference),
    }
}

/// Where a secret is stored. The arguments of a command may be a secret themselves.
fn secret(secret: &Secret) -> Value {
    match secret {
        Secret::Plain(_) => json!("…"),
        Secret::Env(name) => json!({ "env": name }),
        Secret::File(path) => json!({ "file": path }),
        Secret::Command(words) => json!({ "command": [words.first(), Some("…")] }),
    }
}

fn window(window: &client::Window) -> Value {
    json!({ "max": window.max, "per": duration(window.per) })
}

/// A duration as the file has it, such as `12h`.
fn duration(length: Duration) -> Value {
    match SignedDuration::try_from(length) {
        Ok(length) => json!(format!("{length:#}").replace(' ', "")),
        Err(_) => json!(format!("{}s", length.as_secs())),
    }
}
