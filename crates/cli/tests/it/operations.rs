//! The commands for single operations, against a simulator that records its calls.

mod appliances;
mod endpoints;
mod reads;
mod registration;
mod secrets;
mod writes;

use fortilake_simulator::Call;

use crate::util::{Folder, tenant::Tenant};

const SCENARIO: &str = "[organization]\nous = 3\naccounts = 3\nproducts = 60\n";

/// The simulator's first account.
const ACCOUNT: &str = "710101";

/// A folder whose configuration has one source of each system.
fn folder(tenant: &Tenant) -> Folder {
    let address = tenant.address();
    tenant.folder(&format!(
        "[[source]]\nname = \"managed\"\ntype = \"fortiportal\"\napi_url = \"http://{address}\"\n\
         username = \"simulated\"\npassword = {{ env = \"PASSWORD\" }}\n\
         [[source]]\nname = \"tokens\"\ntype = \"fortiauthenticator\"\napi_url = \"http://{address}\"\n\
         username = \"simulated\"\napi_key = {{ env = \"PASSWORD\" }}\n"
    ))
}

/// The calls so far whose paths end with `path`.
fn calls(tenant: &Tenant, path: &str) -> Vec<Call> {
    let calls = tenant.simulator.calls().into_iter();
    calls
        .filter(|call| call.path.trim_end_matches('/').ends_with(path))
        .collect()
}
