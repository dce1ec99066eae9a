//! The simulated FortiCloud: OAuth, Organization V1, IAM V1 and Asset Management V3.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::Method;
use serde_json::Value;
use tokio::time::Instant;

use self::envelope::{Arguments, PageFaults, Reply};
use self::oauth::Tokens;
use self::world::World;
use crate::answered::{Answered, not_allowed};
use crate::changes::Change;
use crate::incoming::Incoming;
use crate::json::{Json, Object};
use crate::scenario::Scenario;
use crate::truth::Row;

mod catalog;
mod days;
pub(crate) mod envelope;
mod flex;
mod iam;
mod lists;
mod model;
mod oauth;
mod organization;
mod paging;
mod products;
mod registration;
pub(crate) mod seeded;
mod truth;
pub(crate) mod wire;
mod world;
mod writes;

/// An endpoint: the client id that a token must be for, the key that an error leaves empty, and the
/// handler.
struct Endpoint {
    path: &'static str,
    client: &'static str,
    payload: Option<&'static str>,
    run: fn(&mut World, &Arguments) -> Result<Reply, Reply>,
}

const fn endpoint(
    path: &'static str,
    client: &'static str,
    payload: Option<&'static str>,
    run: fn(&mut World, &Arguments) -> Result<Reply, Reply>,
) -> Endpoint {
    Endpoint {
        path,
        client,
        payload,
        run,
    }
}

const UNITS: Option<&str> = Some("organizationUnits");
const ACCOUNTS: Option<&str> = Some("accounts");
const ASSETS: Option<&str> = Some("assets");
const DETAILS: Option<&str> = Some("assetDetails");
const FOLDERS: Option<&str> = Some("assetFolders");
const PRODUCTS_LIST: &str = "/es/api/registration/v3/products/list";

const ENDPOINTS: &[Endpoint] = &[
    endpoint(
        "/es/api/organization/v1/units/list",
        "organization",
        UNITS,
        organization::list,
    ),
    endpoint(
        "/es/api/organization/v1/units/create",
        "organization",
        UNITS,
        organization::create,
    ),
    endpoint(
        "/es/api/organization/v1/units/update",
        "organization",
        None,
        organization::update,
    ),
    endpoint(
        "/es/api/organization/v1/units/delete",
        "organization",
        None,
        organization::delete,
    ),
    endpoint("/es/api/iam/v1/accounts/list", "iam", ACCOUNTS, iam::list),
    endpoint(
        "/es/api/iam/v1/accounts/getcommondata",
        "iam",
        None,
        iam::common_data,
    ),
    endpoint(
        "/es/api/iam/v1/accounts/create",
        "iam",
        ACCOUNTS,
        iam::create,
    ),
    endpoint("/es/api/iam/v1/accounts/move", "iam", None, iam::relocate),
    endpoint("/es/api/iam/v1/roles/create", "iam", None, iam::create_role),
    endpoint(
        "/es/api/fortiflex/v2/programs/list",
        "flexvm",
        Some("programs"),
        flex::programs,
    ),
    endpoint(
        "/es/api/fortiflex/v2/configs/list",
        "flexvm",
        Some("configs"),
        flex::configs,
    ),
    endpoint(
        "/es/api/fortiflex/v2/entitlements/list",
        "flexvm",
        Some("entitlements"),
        flex::entitlements,
    ),
    asset(PRODUCTS_LIST, ASSETS, products::list),
    asset(
        "/es/api/registration/v3/products/details",
        DETAILS,
        products::details,
    ),
    asset(
        "/es/api/registration/v3/products/register",
        ASSETS,
        registration::register,
    ),
    asset(
        "/es/api/registration/v3/products/description",
        None,
        writes::description,
    ),
    asset(
        "/es/api/registration/v3/products/location",
        None,
        writes::location,
    ),
    asset(
        "/es/api/registration/v3/products/folder",
        None,
        writes::folder,
    ),
    asset(
        "/es/api/registration/v3/products/decommission",
        None,
        writes::decommission,
    ),
    asset(
        "/es/api/registration/v3/products/transfer",
        ASSETS,
        writes::transfer,
    ),
    asset(
        "/es/api/registration/v3/licenses/list",
        Some("licenses"),
        lists::licenses,
    ),
    asset(
        "/es/api/registration/v3/licenses/register",
        DETAILS,
        registration::license,
    ),
    asset(
        "/es/api/registration/v3/licenses/download",
        Some("licenseFile"),
        lists::download,
    ),
    asset(
        "/es/api/registration/v3/contracts/list",
        Some("contracts"),
        lists::contracts,
    ),
    asset(
        "/es/api/registration/v3/folders/list",
        FOLDERS,
        lists::folders,
    ),
    asset(
        "/es/api/registration/v3/folders/create",
        FOLDERS,
        lists::create_folder,
    ),
    asset(
        "/es/api/registration/v3/folders/delete",
        None,
        lists::delete_folder,
    ),
    asset(
        "/es/api/registration/v3/services/register",
        DETAILS,
        registration::service,
    ),
];

const fn asset(
    path: &'static str,
    payload: Option<&'static str>,
    run: fn(&mut World, &Arguments) -> Result<Reply, Reply>,
) -> Endpoint {
    endpoint(path, "assetmanagement", payload, run)
}

/// A simulated FortiCloud.
#[derive(Debug)]
pub(crate) struct FortiCloud {
    scenario: Scenario,
    world: Mutex<World>,
    tokens: Mutex<Tokens>,
    changes: Vec<Change>,
}

impl FortiCloud {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let mut world = World::new(scenario.clone());
        Self {
            changes: days::pass(&mut world),
            world: Mutex::new(world),
            tokens: Mutex::new(Tokens::default()),
            scenario,
        }
    }

    /// Answers a call as the real service would.
    pub(crate) fn answer(
        &self,
        incoming: &Incoming,
        page_faults: PageFaults,
        now: Instant,
    ) -> Answered {
        // Paths are compared without case, because clients of the real service use different
        // spellings.
        let path = incoming.path.to_ascii_lowercase();
        if path.starts_with(oauth::PREFIX) {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            return oauth::answer(&mut tokens, &self.scenario, incoming, now);
        }
        let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| endpoint.path == path) else {
            let text = "No HTTP resource was found that matches the request URI.";
            return unrouted(404, text);
        };
        if incoming.method != Method::POST {
            let text = "The requested resource does not support this http method.";
            return not_allowed("POST", &Object::new().with("Message", text));
        }
        let reply = self
            .authorize(endpoint, incoming, now)
            .and_then(|()| self.run(endpoint, incoming, page_faults))
            .unwrap_or_else(|refusal| self.emptied(endpoint, refusal));
        self.envelope(&reply, incoming)
    }

    /// Wraps a reply in the envelope of the service.
    pub(crate) fn envelope(&self, reply: &Reply, incoming: &Incoming) -> Answered {
        let mut body = reply.body(&self.scenario.quirks, incoming.credential("bearer"));
        if self.scenario.quirks.unknown_fields {
            body.push("requestId", "00000000-0000-4000-8000-000000000042");
        }
        Answered::json(reply.http, &body).with_status(reply.status)
    }

    /// The user who makes a call, if that is known.
    pub(crate) fn user_of(&self, incoming: &Incoming) -> Option<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let user = match incoming.credential("bearer") {
            Some(token) => tokens.user_of(token),
            None => tokens.user_signing_in(incoming),
        };
        user.map(str::to_owned)
    }

    fn authorize(
        &self,
        endpoint: &Endpoint,
        incoming: &Incoming,
        now: Instant,
    ) -> Result<(), Reply> {
        let Some(token) = incoming.credential("bearer") else {
            return Err(Reply::refused(201, "Please provide token in request."));
        };
        // An unknown token and one for another API get different errors, and clients rely on that
        // difference.
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.client_of(token, now) {
            None => Err(Reply::invalid_token()),
            Some(client) if client == endpoint.client => Ok(()),
            Some(_) => Err(Reply::denied()),
        }
    }

    fn run(
        &self,
        endpoint: &Endpoint,
        incoming: &Incoming,
        page_faults: PageFaults,
    ) -> Result<Reply, Reply> {
        let bodiless = endpoint.path.ends_with("/getcommondata") && incoming.body.is_empty();
        let arguments = match serde_json::from_slice(&incoming.body) {
            Ok(Value::Object(arguments)) => arguments,
            _ if bodiless => serde_json::Map::new(),
            _ => return Err(Reply::refused(101, "Request body is not valid JSON.")),
        };
        let asked = Arguments {
            arguments,
            page_faults,
        };
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reply = (endpoint.run)(&mut world, &asked)?;
        // The product list has paging of its own, which is always on.
        if self.scenario.quirks.page_every_list && endpoint.path != PRODUCTS_LIST {
            paging::cut(&mut reply.payload, endpoint, &asked, &self.scenario);
        }
        Ok(reply)
    }

    /// Adds the keys that an error response contains with empty values.
    fn emptied(&self, endpoint: &Endpoint, mut refusal: Reply) -> Reply {
        if let Some(key) = endpoint.payload {
            refusal.payload.push(key, Json::Null);
        }
        let code = refusal.error.as_ref().and_then(|error| error.code);
        let content = matches!(code, Some(101 | 102));
        if endpoint.path == PRODUCTS_LIST && content && !self.scenario.quirks.old_shape {
            refusal.payload.push("pageNumber", 0);
            refusal.payload.push("totalPages", 0);
        }
        refusal
    }

    pub(crate) fn revoke_tokens(&self) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.clear();
    }

    /// Removes the first product of an account.
    pub(crate) fn vanish(&self, account: Option<i64>) {
        self.change(account, World::vanish);
    }

    /// Adds a product before all others of an account.
    pub(crate) fn appear(&self, account: Option<i64>) {
        self.change(account, World::appear);
    }

    /// Changes the products of an account. A call that names no account affects the first one.
    fn change(&self, account: Option<i64>, change: fn(&mut World, i64)) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || world.accounts().next().map(|account| account.id);
        if let Some(account) = account.or_else(first) {
            change(&mut world, account);
        }
    }

    /// What happened before the first call.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn truth(&self) -> BTreeMap<String, Vec<Row>> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tables = truth::truth(&world);
        flex::truth(&world, &mut tables);
        tables.into_rows()
    }
}

fn unrouted(status: u16, message: &'static str) -> Answered {
    Answered::json(status, &Object::new().with("Message", message))
}
