//! The simulated `FortiPortal`: token sign-in, and reads of its inventory.

use std::collections::BTreeMap;

use http::Method;
use tokio::time::Instant;

use self::session::Sessions;
use self::world::World;
use crate::answered::{Answered, not_allowed};
use crate::forticloud::envelope::PageFaults;
use crate::incoming::Incoming;
use crate::json::Object;
use crate::scenario::{Portal, Quirks, Scenario};
use crate::truth::Row;

mod reads;
mod session;
mod truth;
mod wire;
mod world;

const LOGIN: &str = "/fpc/api/auth/tokenlogin/";
const LOGOUT: &str = "/fpc/api/auth/tokenlogout/";
/// The path of the inventory, which differs from that of the sign-in.
const RESOURCES: &str = "/fpc/v1/api/";

/// A simulated `FortiPortal`.
#[derive(Debug)]
pub(crate) struct FortiPortal {
    portal: Portal,
    quirks: Quirks,
    world: World,
    sessions: Sessions,
}

impl FortiPortal {
    pub(crate) fn new(scenario: &Scenario, now: Instant) -> Self {
        Self {
            world: World::new(scenario),
            sessions: Sessions::new(scenario, now),
            portal: scenario.portal.clone(),
            quirks: scenario.quirks.clone(),
        }
    }

    pub(crate) fn answer(
        &self,
        incoming: &Incoming,
        page_faults: &PageFaults,
        now: Instant,
    ) -> Answered {
        if !self.portal.enabled {
            return missing();
        }
        match incoming.path.as_str() {
            LOGIN | LOGOUT if incoming.method != Method::POST => {
                not_allowed("POST", &detail("Method not allowed."))
            }
            LOGIN => self.sessions.login(incoming, now),
            LOGOUT => self.sessions.logout(incoming, now),
            path => match path.strip_prefix(RESOURCES) {
                Some(resource) => self.read(resource, incoming, page_faults, now),
                None => missing(),
            },
        }
    }

    fn read(
        &self,
        resource: &str,
        incoming: &Incoming,
        page_faults: &PageFaults,
        now: Instant,
    ) -> Answered {
        if let Some(refusal) = self.sessions.refusal(incoming, now) {
            return refusal;
        }
        let asked = reads::ReadRequest {
            world: &self.world,
            quirks: &self.quirks,
            page_size: self.portal.page_size,
            incoming,
            page_faults,
        };
        match asked.read(resource) {
            None => missing(),
            Some(_) if incoming.method != Method::GET => {
                not_allowed("GET", &detail("Method not allowed."))
            }
            Some(answered) => answered,
        }
    }

    pub(crate) fn revoke_tokens(&self) {
        self.sessions.clear();
    }

    pub(crate) fn truth(&self) -> BTreeMap<String, Vec<Row>> {
        truth::truth(&self.world, &self.quirks).into_rows()
    }
}

/// An error. Its format is a guess, because the real one is undocumented.
fn detail(text: &'static str) -> Object {
    Object::new().with("detail", text)
}

fn missing() -> Answered {
    Answered::json(404, &detail("Not found."))
}
