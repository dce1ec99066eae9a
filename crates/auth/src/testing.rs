//! Helpers shared by the tests of this crate.

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;

use crate::{Credentials, StoredToken, TokenStore, tokens::lock};

/// A recognizable password. No message or log line may contain it.
pub(crate) const PASSWORD: &str = "0123456789ABCDEF@hunter2";

/// A token store in memory, for several simulated runs.
#[derive(Default)]
pub(crate) struct Store(Mutex<HashMap<String, StoredToken>>);

impl Store {
    pub(crate) fn get(&self, user: &str, client_id: &str) -> Option<StoredToken> {
        lock(&self.0).get(&format!("{user} {client_id}")).cloned()
    }
}

#[async_trait]
impl TokenStore for Store {
    async fn load(&self, user: &str, client_id: &str) -> Option<StoredToken> {
        self.get(user, client_id)
    }

    async fn save(&self, user: &str, client_id: &str, token: &StoredToken) {
        lock(&self.0).insert(format!("{user} {client_id}"), token.clone());
    }

    async fn remove(&self, user: &str, client_id: &str) {
        lock(&self.0).remove(&format!("{user} {client_id}"));
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        username: "EXAMPLE-USER-0001".to_owned(),
        username_origin: "variable `FORTICLOUD_USERNAME`".to_owned(),
        password: PASSWORD.into(),
        password_origin: "file `/run/password`".to_owned(),
    }
}
