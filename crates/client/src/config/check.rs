//! Rejects invalid configurations.

use std::time::Duration;

use fortilake_auth::Portal;

use super::{Config, SignIn};
use crate::{Error, Result};

/// No service counts over a longer window, and much longer ones would overflow time arithmetic.
const LONGEST_WINDOW: Duration = Duration::from_hours(31 * 24);

impl Config {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, url) in [("api_url", &self.api_url), ("auth_url", &self.auth_url)] {
            if url.cannot_be_a_base() || !url.has_host() {
                return Err(Error::config(format!(
                    "`{name}` must be a URL with a host, such as https://host"
                )));
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err(Error::config(format!(
                    "`{name}` must not contain a user or a password"
                )));
            }
        }
        if self
            .calls
            .iter()
            .any(|window| window.max == 0 || window.per.is_zero())
        {
            return Err(Error::config(
                "a call limit must allow at least one call in a window longer than zero".to_owned(),
            ));
        }
        let lengths = self.calls.iter().map(|window| window.per);
        if lengths.chain(self.errors.map(|limit| limit.per)).max() > Some(LONGEST_WINDOW) {
            return Err(Error::config(
                "the window of a limit must not be longer than 31 days".to_owned(),
            ));
        }
        if self
            .errors
            .is_some_and(|limit| limit.usable() == 0 || limit.per.is_zero())
        {
            return Err(Error::config(
                "the error limit must be larger than its reserve, and its window longer than zero"
                    .to_owned(),
            ));
        }
        if let SignIn::Portal { life } = self.sign_in
            && !(Portal::SHORTEST_LIFE..=Portal::LONGEST_LIFE).contains(&life)
        {
            return Err(Error::config(
                "the lifetime of a FortiPortal token must be between 1 minute and 30 days"
                    .to_owned(),
            ));
        }
        if !(self.share > 0.0 && self.share <= 1.0) {
            return Err(Error::config(
                "`share` must be more than 0 and at most 1".to_owned(),
            ));
        }
        Ok(())
    }
}
