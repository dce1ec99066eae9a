//! The table `tokens`.

use async_trait::async_trait;
use fortilake_auth::{StoredToken, TokenStore};
use fortilake_models::Secret;

use super::{
    Postgres, Shared,
    database::{Param, get},
};
use crate::{Error, Kind, tokens::moved};

#[async_trait]
impl TokenStore for Postgres {
    async fn load(&self, user: &str, client_id: &str) -> Option<StoredToken> {
        let (name, id) = (user.to_owned(), client_id.to_owned());
        let loading = self.transact_elsewhere("load a token", move |_, transaction| {
            let row = transaction.query_opt(
                "SELECT nonce, sealed FROM tokens WHERE user_id = $1 AND client_id = $2",
                &[Param::Text(&name), Param::Text(&id)],
            )?;
            row.map(|row| Ok((get(&row, 0)?, get(&row, 1)?)))
                .transpose()
        });
        let sealed: Option<(Vec<u8>, Vec<u8>)> = match loading.await {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::warn!(%error, client_id, "cannot load the token");
                return None;
            }
        };
        let (nonce, sealed) = sealed?;
        let token = open(&self.0, user, client_id, &nonce, &sealed);
        if token.is_none() {
            tracing::warn!(
                client_id,
                "cannot decrypt the token; it was stored with another key"
            );
        }
        token
    }

    async fn save(&self, user: &str, client_id: &str, token: &StoredToken) {
        let sealed = seal(&self.0, user, client_id, token);
        let (user, id) = (user.to_owned(), client_id.to_owned());
        let saving = self.transact_elsewhere("save a token", move |_, transaction| {
            let Some((nonce, sealed)) = &sealed else {
                return Err(Error::new(Kind::Unforeseen, "cannot encrypt the token").into());
            };
            transaction.execute(
                "INSERT INTO tokens VALUES ($1, $2, $3, $4)
                 ON CONFLICT (user_id, client_id) DO UPDATE SET nonce = excluded.nonce,
                     sealed = excluded.sealed",
                &[
                    Param::Text(&user),
                    Param::Text(&id),
                    Param::Bytes(nonce),
                    Param::Bytes(sealed),
                ],
            )?;
            Ok(())
        });
        if let Err(error) = saving.await {
            tracing::warn!(%error, client_id, "cannot save the token");
        }
    }

    async fn remove(&self, user: &str, client_id: &str) {
        let (user, id) = (user.to_owned(), client_id.to_owned());
        let removing = self.transact_elsewhere("remove a token", move |_, transaction| {
            transaction.execute(
                "DELETE FROM tokens WHERE user_id = $1 AND client_id = $2",
                &[Param::Text(&user), Param::Text(&id)],
            )
        });
        if let Err(error) = removing.await {
            tracing::warn!(%error, client_id, "cannot remove the token");
        }
    }
}

/// What a token belongs to, which is authenticated with it.
fn owner(user: &str, client_id: &str) -> Vec<u8> {
    format!("{} {user} {client_id}", user.len()).into_bytes()
}

/// Encrypts a token with its times, by the database's clock, one part per line.
fn seal(
    shared: &Shared,
    user: &str,
    client_id: &str,
    token: &StoredToken,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let token = moved(token.clone(), |time| time.saturating_add(shared.ahead));
    let mut text = format!(
        "{}\n{}\n{}",
        token.issued_at,
        token.expires_at,
        token.access_token.expose()
    );
    if let Some(refresh) = &token.refresh_token {
        text.push('\n');
        text.push_str(refresh.expose());
    }
    shared.key.seal(&owner(user, client_id), &text)
}

fn open(
    shared: &Shared,
    user: &str,
    client_id: &str,
    nonce: &[u8],
    sealed: &[u8],
) -> Option<StoredToken> {
    let text = shared.key.open(&owner(user, client_id), nonce, sealed)?;
    let mut lines = text.split('\n');
    let token = StoredToken {
        issued_at: lines.next()?.parse().ok()?,
        expires_at: lines.next()?.parse().ok()?,
        access_token: Secret::from(lines.next()?.to_owned()),
        refresh_token: lines.next().map(|line| Secret::from(line.to_owned())),
    };
    Some(moved(token, |time| time.saturating_sub(shared.ahead)))
}
