//! The simulated systems behind one address, distinguished by path.

use tokio::time::Instant;

use crate::answered::Answered;
use crate::fortiauthenticator::FortiAuthenticator;
use crate::forticloud::FortiCloud;
use crate::forticloud::envelope::{PageFaults, Reply};
use crate::fortiportal::FortiPortal;
use crate::incoming::Incoming;
use crate::json::{Json, Object};
use crate::scenario::Scenario;
use crate::truth::Truth;

/// All systems of a scenario.
#[derive(Debug)]
pub(crate) struct Systems {
    pub(crate) forticloud: FortiCloud,
    portal: FortiPortal,
    authenticator: FortiAuthenticator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Cloud,
    Portal,
    Authenticator,
}

impl System {
    /// Returns the system that a path belongs to. Unknown paths go to FortiCloud, which refuses
    /// them.
    fn of(incoming: &Incoming) -> Self {
        let path = incoming.path.to_ascii_lowercase();
        if path.starts_with("/fpc/") {
            Self::Portal
        } else if path.starts_with("/api/v1/") && !path.starts_with("/api/v1/oauth/") {
            Self::Authenticator
        } else {
            Self::Cloud
        }
    }
}

impl Systems {
    pub(crate) fn new(scenario: &Scenario, now: Instant) -> Self {
        Self {
            forticloud: FortiCloud::new(scenario.clone()),
            portal: FortiPortal::new(scenario, now),
            authenticator: FortiAuthenticator::new(scenario),
        }
    }

    /// Whether the call counts towards the scenario's limits.
    pub(crate) fn is_limited(incoming: &Incoming) -> bool {
        System::of(incoming) == System::Cloud
    }

    /// Answers a call as its system would.
    pub(crate) fn answer(
        &self,
        incoming: &Incoming,
        page_faults: PageFaults,
        now: Instant,
    ) -> Answered {
        match System::of(incoming) {
            System::Cloud => self.forticloud.answer(incoming, page_faults, now),
            System::Portal => self.portal.answer(incoming, &page_faults, now),
            System::Authenticator => self.authenticator.answer(incoming, &page_faults),
        }
    }

    /// The response to a user without permission.
    pub(crate) fn denied(&self, incoming: &Incoming) -> Answered {
        let text = "You do not have permission to perform this action.";
        match System::of(incoming) {
            System::Cloud => self.forticloud.envelope(&Reply::denied(), incoming),
            System::Portal => Answered::json(403, &Object::new().with("detail", text)),
            System::Authenticator => Answered::json(403, &Object::new().with("error", text)),
        }
    }

    /// A scripted failure in the format of the called system.
    pub(crate) fn failure(&self, reply: &Reply, incoming: &Incoming) -> Answered {
        let message = reply.message.clone();
        match System::of(incoming) {
            System::Cloud => self.forticloud.envelope(reply, incoming),
            System::Portal => {
                let status = Object::new()
                    .with("code", reply.status)
                    .with("message", message);
                let body = Object::new()
                    .with("data", Json::Null)
                    .with("status", status);
                Answered::json(reply.http, &body).with_status(reply.status)
            }
            System::Authenticator => {
                Answered::json(reply.http, &Object::new().with("error", message))
            }
        }
    }

    pub(crate) fn revoke_tokens(&self, incoming: &Incoming) {
        match System::of(incoming) {
            System::Cloud => self.forticloud.revoke_tokens(),
            System::Portal => self.portal.revoke_tokens(),
            // `FortiAuthenticator` uses keys, which a fault does not revoke.
            System::Authenticator => {}
        }
    }

    pub(crate) fn truth(&self) -> Truth {
        let mut tables = self.forticloud.truth();
        tables.extend(self.portal.truth());
        tables.extend(self.authenticator.truth());
        Truth { tables }
    }
}
