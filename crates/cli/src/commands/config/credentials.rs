//! The file with the credentials of an API user, as the FortiCloud portal offers it for download.
//!
//! It has a line `apiId:…`, a line `password:…`, and a line `clientId for PORTAL:…` for each portal
//! that the user may call.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow};

use crate::exit::{CommandError, Result};

/// What the file says, without the password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiUser {
    /// The name to sign in with.
    pub(super) id: String,
    /// The portals that the user may call, by their client ids.
    client_ids: Vec<String>,
}

/// What a crawl reads, and what is missing without it.
const NEEDED: [(&str, &str); 3] = [
    ("assetmanagement", "nothing can be read"),
    ("organization", "only the user's own account can be read"),
    ("iam", "the accounts of the organization cannot be listed"),
];

impl ApiUser {
    /// Reads the file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let shown = file.display();
        let bytes = fs::read(file)
            .with_context(|| format!("the credentials file `{shown}` cannot be read"))
            .map_err(CommandError::not_started)?;
        if bytes.starts_with(b"PK") {
            let error = anyhow!("the credentials file `{shown}` is an archive");
            let hint = "unpack it with the password that you chose for the download";
            return Err(CommandError::not_started(error).hint(hint));
        }
        Self::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
            let error = anyhow!("`{shown}` contains no API user");
            CommandError::not_started(error).hint(
                "name the file that FortiCloud IAM offers for download; it has a line `apiId:…`",
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        let (mut id, mut client_ids) = (None, Vec::new());
        for (name, value) in pairs {
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("apiId") && !value.is_empty() {
                id = Some(value.to_owned());
            } else if name.starts_with("clientId") {
                client_ids.push(value.to_owned());
            }
        }
        let id = id?;
        Some(Self { id, client_ids })
    }

    /// The portals that the user may not call, each with what is missing without it.
    pub(super) fn lacks(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let has = |client_id: &str| self.client_ids.iter().any(|known| known == client_id);
        NEEDED
            .into_iter()
            .filter(move |(client_id, _)| !has(client_id))
    }
}

#[cfg(test)]
mod tests {
    use super::ApiUser;

    const FILE: &str = "\u{feff}apiId:E8766032-7319\r\npassword:hunter2!1Aa\r\n\
        clientId for Asset Management:assetmanagement\r\nclientId for IAM:iam\r\n";

    #[test]
    fn the_user_and_what_it_may_call_are_read() {
        let user = ApiUser::parse(FILE).unwrap();
        assert_eq!(user.id, "E8766032-7319");
        let lacks: Vec<_> = user.lacks().map(|(client_id, _)| client_id).collect();
        assert_eq!(lacks, ["organization"]);
        assert!(!format!("{user:?}").contains("hunter2"));
    }

    #[test]
    fn other_files_have_no_user() {
        for text in ["", "apiId:\n", "password:hunter2", "{\"apiId\": \"x\"}"] {
            assert_eq!(ApiUser::parse(text), None, "{text}");
        }
    }
}
