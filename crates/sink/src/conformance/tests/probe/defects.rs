//! Parts of the probes that only some defects use.

use std::fs;

use serde_json::{Value, json};
use tokio::task::yield_now;

use super::super::Defect;
use super::{Probe, failed};
use crate::{Delivery, Error, Kind, Outcome, Partial, Result, Standing};

impl Probe {
    pub(super) fn standing(&self) -> Result<Standing> {
        if self.defect == Some(Defect::CallsItselfNewest) {
            return Ok(Standing::Latest);
        }
        let own = self.file("json");
        let mut is_behind = false;
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            is_behind |= file.extension() == own.extension() && file > own;
        }
        Ok(if is_behind {
            Standing::Behind
        } else {
            Standing::Latest
        })
    }

    pub(super) fn refuse(&self, outcome: &Outcome) -> Result<()> {
        let is_refused = self.delivery == Delivery::Atomic
            && self.context.partial == Some(Partial::Refuse)
            && !outcome.complete;
        if !is_refused || self.defect == Some(Defect::ShowsRefused) {
            return Ok(());
        }
        Err(Error::new(Kind::Refused, "scopes failed"))
    }

    /// Continues after the call has been dropped, and writes when the next sink has finished.
    pub(super) async fn straggle(&self) {
        let whole = self.file("json");
        let (mut call, end) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(async move {
            call.closed().await;
            // Reached only if the call was dropped, because a call that completes forgets the receiver.
            for _ in 0..50 {
                if whole.exists() {
                    let _ = fs::write(&whole, "");
                }
                yield_now().await;
            }
        });
        yield_now().await;
        std::mem::forget(end);
    }

    /// Whether a message was sent, in any crawl.
    pub(super) async fn is_known(&self, id: &str) -> Result<bool> {
        let is_known = self.context.store.get(id).await?.is_some();
        self.context.store.put(id, b"").await?;
        Ok(is_known)
    }

    /// Sends one message for each table, under an id that does not depend on its rows.
    pub(super) async fn flush(&mut self) -> Result<()> {
        for (table, rows) in std::mem::take(&mut self.buffer) {
            let id = format!("{}/{table}/0", self.context.crawl.id);
            if self.is_known(&id).await? {
                continue;
            }
            let line = json!({"table": table, "id": id, "rows": rows});
            self.append(format!("{line}\n").as_bytes())?;
        }
        Ok(())
    }

    /// Removes columns that the first crawl did not have.
    pub(super) async fn fix_columns(&self, table: &str, rows: &mut [Value]) -> Result<()> {
        let Some(first) = rows.first().and_then(Value::as_object) else {
            return Ok(());
        };
        let columns: Vec<_> = first.keys().cloned().collect();
        let known = match self.context.store.get(table).await? {
            Some(known) => serde_json::from_slice(&known).unwrap_or_default(),
            None => columns,
        };
        let text = json!(known).to_string();
        self.context.store.put(table, text.as_bytes()).await?;
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.retain(|column, _| known.contains(column));
        }
        Ok(())
    }
}
