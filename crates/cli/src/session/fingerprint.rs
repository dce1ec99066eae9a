//! The settings that a crawl depends on. A crawl is resumed only if they are unchanged.

use fortilake_crawler::{DetailsFor, ScopeMode, Search, Settings, System, models_digest};
use fortilake_models as models;
use fortilake_sink::Selection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The settings that a crawl depends on.
///
/// It is stored as JSON and read by later versions. A new field therefore needs a default that
/// means what crawls did before, and must be skipped when it has that value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// A digest of all endpoints and tables of the build that started the crawl.
    models: String,
    sources: Vec<SourceFingerprint>,
    /// The sources and accounts that flags limited the crawl to.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    selection: Selection,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SourceFingerprint {
    name: String,
    /// The API user and a digest of the API's URL, from `SourceConfig::identity`.
    user: String,
    scope: String,
    search: Vec<String>,
    statuses: Vec<String>,
    accounts: Vec<i64>,
    include: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<DetailsFingerprint>,
    #[serde(default, skip_serializing_if = "is_forticloud")]
    system: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    verify_paging: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DetailsFingerprint {
    models: Vec<String>,
    serials: Vec<String>,
}

/// Whether the system is FortiCloud, which is stored as an empty string: older versions knew no
/// other system and stored none.
fn is_forticloud(system: &str) -> bool {
    system.is_empty()
}

impl Fingerprint {
    /// The fingerprint of these sources, each with its user.
    pub(crate) fn new<'a>(
        sources: impl IntoIterator<Item = (&'a Settings, String)>,
        selection: Selection,
    ) -> Self {
        let sources = sources
            .into_iter()
            .map(|(settings, user)| SourceFingerprint::new(settings, user));
        Self {
            models: models_digest(),
            sources: sources.collect(),
            selection,
        }
    }

    /// The sources and accounts that flags limited the crawl to.
    pub(crate) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The fingerprint as JSON, for the state.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_value(self).unwrap_or_default().to_string()
    }

    /// Parses a stored fingerprint; `None` if another version wrote it in another form.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether a stored crawl had the same sources with the same users, in the same order.
    pub(crate) fn has_sources_of(&self, kept: &str) -> bool {
        let sources = |print: &Self| -> Vec<(String, String)> {
            let sources = print.sources.iter();
            sources
                .map(|source| (source.name.clone(), source.user.clone()))
                .collect()
        };
        Self::of_text(kept).is_some_and(|kept| sources(&kept) == sources(self))
    }

    /// The key under which the baseline of these sources is stored: their names and users.
    ///
    /// Most other settings are left out, because scopes are compared one by one. A crawl that
    /// includes more endpoints still has the scopes of the previous one. A selection of models is part
    /// of the key, because it leaves rows out of scopes.
    pub(crate) fn sources(&self) -> String {
        let sources = self.sources.iter();
        let sources: Vec<_> = sources
            .map(|source| match source.models.as_slice() {
                [] => serde_json::json!([source.name, source.user]),
                models => serde_json::json!([source.name, source.user, models]),
            })
            .collect();
        serde_json::json!(sources).to_string()
    }

    /// Whether a stored crawl had a source with the name of one of these.
    pub(crate) fn shares_a_source_with(&self, kept: &str) -> bool {
        let kept = Self::of_text(kept);
        let mut kept = kept.iter().flat_map(|kept| &kept.sources);
        kept.any(|kept| self.sources.iter().any(|source| source.name == kept.name))
    }

    /// What differs from the fingerprint of a stored crawl, in words; empty if nothing does.
    pub(crate) fn differences(&self, kept: &str) -> Vec<String> {
        let Some(kept) = Self::of_text(kept) else {
            return vec!["another version of fortilake stored it".to_owned()];
        };
        let mut differences = Vec::new();
        if kept.models != self.models {
            differences.push("this build has different endpoints or tables".to_owned());
        }
        // Callers compare only crawls with the same sources, so the two lists have the same length.
        for (was, is) in kept.sources.iter().zip(&self.sources) {
            let (Ok(Value::Object(was)), Ok(Value::Object(is))) =
                (serde_json::to_value(was), serde_json::to_value(is))
            else {
                continue;
            };
            let name = is["name"].as_str().unwrap_or_default().to_owned();
            let left_out = was.keys().filter(|key| !is.contains_key(*key));
            let left_out: Vec<_> = left_out.cloned().collect();
            let is = is
                .into_iter()
                .chain(left_out.into_iter().map(|key| (key, Value::Null)));
            for (key, is) in is {
                match was.get(&key) {
                    Some(was) if *was == is => {}
                    was => {
                        let was = was.unwrap_or(&Value::Null);
                        differences.push(format!(
                            "`{key}` of source `{name}` was {was} and is now {is}"
                        ));
                    }
                }
            }
        }
        differences
    }

    /// The settings of the sources, to read the crawl's journal again.
    pub(crate) fn settings(&self) -> impl Iterator<Item = Settings> {
        self.sources.iter().map(SourceFingerprint::settings)
    }
}

impl SourceFingerprint {
    fn new(settings: &Settings, user: String) -> Self {
        let scope = match settings.scope {
            ScopeMode::Auto => "auto",
            ScopeMode::Organization => "organization",
            ScopeMode::Local => "local",
        };
        Self {
            name: settings.source.to_string(),
            user,
            scope: scope.to_owned(),
            search: match &settings.search {
                Search::Auto => Vec::new(),
                Search::Patterns(patterns) => patterns.clone(),
            },
            statuses: settings.statuses.clone(),
            accounts: settings.accounts.clone(),
            include: settings
                .include
                .iter()
                .map(|&endpoint| endpoint.to_owned())
                .collect(),
            details: settings.details.as_ref().map(|of| DetailsFingerprint {
                models: of.models.clone(),
                serials: of.serials.clone(),
            }),
            // Fingerprints of the first version have no system; they are of FortiCloud.
            system: match settings.system.name() {
                name if settings.system != System::default() => name.to_owned(),
                _ => String::new(),
            },
            verify_paging: settings.verify_paging,
            models: settings.models.clone(),
        }
    }

    fn settings(&self) -> Settings {
        // An endpoint that this build does not know has no table, so its pages are left out.
        let include = self.include.iter().filter_map(|id| models::endpoint(id));
        Settings {
            source: self.name.as_str().into(),
            scope: match self.scope.as_str() {
                "organization" => ScopeMode::Organization,
                "local" => ScopeMode::Local,
                _ => ScopeMode::Auto,
            },
            organization_seen: false,
            verify_paging: self.verify_paging,
            models: self.models.clone(),
            search: match self.search.as_slice() {
                [] => Search::Auto,
                patterns => Search::Patterns(patterns.to_vec()),
            },
            statuses: self.statuses.clone(),
            accounts: self.accounts.clone(),
            include: include.map(|endpoint| endpoint.id).collect(),
            details: self.details.as_ref().map(|of| DetailsFor {
                models: of.models.clone(),
                serials: of.serials.clone(),
            }),
            system: System::named(&self.system).unwrap_or_default(),
        }
    }
}
