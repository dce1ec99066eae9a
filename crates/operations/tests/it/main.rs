//! Registration against the simulator and against a server that registers late.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod late;
mod registration;

use std::sync::Arc;

use fortilake_auth::Credentials;
use fortilake_client::{Client, Config, Jitter};
use fortilake_simulator::{Scenario, Simulator};
use fortilake_transport::InProcess;

fn config() -> Config {
    Config::new(Credentials {
        username: "simulated".to_owned(),
        username_origin: "the test".to_owned(),
        password: "simulated".into(),
        password_origin: "the test".to_owned(),
    })
}

/// Creates a simulator of this scenario and a client for it.
fn simulate(scenario: &str) -> (Simulator, Client) {
    let simulator = Simulator::new(Scenario::from_toml(scenario).unwrap());
    let handler = simulator.clone();
    let transport = Arc::new(InProcess::new(move |request| {
        let simulator = handler.clone();
        async move { simulator.handle(request).await }
    }));
    let client = Client::new(config(), transport, Jitter::seeded(1)).unwrap();
    (simulator, client)
}
