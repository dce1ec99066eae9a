//! The table `tokens`.

use async_trait::async_trait;
use fortilake_auth::{StoredToken, TokenStore};
use fortilake_models::Secret;
use rusqlite::{OptionalExtension, Transaction};

use super::Sqlite;
use crate::{checksum::Checksum, error::OperationError, tokens::moved};

#[async_trait]
impl TokenStore for Sqlite {
    async fn load(&self, user: &str, client_id: &str) -> Option<StoredToken> {
        let (user, id) = (user.to_owned(), client_id.to_owned());
        let loading = self.write_elsewhere("load a token", move |shared, transaction| {
            let token = load(transaction, &user, &id)?;
            Ok(token.map(|token| moved(token, |time| shared.time.to_local(time))))
        });
        loading.await.unwrap_or_else(|error| {
            tracing::warn!(%error, client_id, "cannot load the token");
            None
        })
    }

    async fn save(&self, user: &str, client_id: &str, token: &StoredToken) {
        let (user, id) = (user.to_owned(), client_id.to_owned());
        let token = moved(token.clone(), |time| self.0.time.to_ledger(time));
        let saving = self.write_elsewhere("save a token", move |_, transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)")?
                .execute((
                    &user,
                    &id,
                    token.access_token.expose(),
                    token.refresh_token.as_ref().map(Secret::expose),
                    token.issued_at,
                    token.expires_at,
                    checksum(&user, &id, &token),
                ))?;
            Ok(())
        });
        if let Err(error) = saving.await {
            tracing::warn!(%error, client_id, "cannot save the token");
        }
    }

    async fn remove(&self, user: &str, client_id: &str) {
        let (user, id) = (user.to_owned(), client_id.to_owned());
        let removing = self.write_elsewhere("remove a token", move |_, transaction| {
            transaction
                .prepare_cached("DELETE FROM tokens WHERE user = ? AND client_id = ?")?
                .execute((user, id))?;
            Ok(())
        });
        if let Err(error) = removing.await {
            tracing::warn!(%error, client_id, "cannot remove the token");
        }
    }
}

/// The token of this user and client, in the ledger's time.
fn load(
    transaction: &Transaction<'_>,
    user: &str,
    client_id: &str,
) -> Result<Option<StoredToken>, OperationError> {
    let row = transaction
        .prepare_cached(
            "SELECT access_token, refresh_token, expires_at, issued_at, checksum
             FROM tokens WHERE user = ? AND client_id = ?",
        )?
        .query_row((user, client_id), |row| {
            let token = StoredToken {
                access_token: Secret::from(row.get::<_, String>(0)?),
                refresh_token: row.get::<_, Option<String>>(1)?.map(Secret::from),
                expires_at: row.get(2)?,
                issued_at: row.get(3)?,
            };
            Ok((token, row.get::<_, i64>(4)?))
        })
        .optional()?;
    match row {
        Some((token, sum)) if sum != checksum(user, client_id, &token) => Err(
            OperationError::Damaged(format!("the token for `{client_id}` has a wrong checksum")),
        ),
        row => Ok(row.map(|(token, _)| token)),
    }
}

fn checksum(user: &str, client_id: &str, token: &StoredToken) -> i64 {
    Checksum::of("tokens")
        .text(user)
        .text(client_id)
        .text(token.access_token.expose())
        .maybe_text(token.refresh_token.as_ref().map(Secret::expose))
        .int(token.issued_at)
        .int(token.expires_at)
        .finish()
}
