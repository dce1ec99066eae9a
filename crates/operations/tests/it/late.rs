//! Tests of registering at a server that registers late or never answers, by runs that are killed.

use std::{
    collections::BTreeMap,
    error, future, io,
    sync::{Arc, Mutex},
    time::Duration,
};

use fortilake_client::{Client, Jitter};
use fortilake_models::generated::types::RegistrationUnit;
use fortilake_operations::{Registration, RegistrationStore, Unit, UnitState};
use fortilake_transport::{
    InProcess, Transport,
    bytes::Bytes,
    http::{Request, Response},
};
use serde_json::{Value, json};
use tokio::time;

use crate::config;

const UNITS: usize = 12;

/// A server that answers immediately and registers later. It counts how often each unit was
/// registered.
#[derive(Clone, Default)]
struct Late {
    registered: Arc<Mutex<BTreeMap<String, usize>>>,
    delay: Duration,
    answers: bool,
}

impl Late {
    fn transport(&self) -> Arc<dyn Transport> {
        let server = self.clone();
        Arc::new(InProcess::new(move |request: Request<Bytes>| {
            let server = server.clone();
            async move { server.answer(&request).await }
        }))
    }

    async fn answer(&self, request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
        let sent: Value = serde_json::from_slice(request.body()).unwrap();
        let path = request.uri().path().rsplit('/').next().unwrap();
        if path != "register" {
            time::sleep(Duration::from_millis(50)).await;
        }
        let (http, body) = match path {
            "register" => self.register(&sent).await,
            "details" => self.details(sent["serialNumber"].as_str().unwrap()),
            _ => (
                200,
                json!({"access_token": "EXAMPLEtoken", "expires_in": 3660}),
            ),
        };
        let response = Response::builder().status(http);
        Ok(response.body(body.to_string().into()).unwrap())
    }

    async fn register(&self, sent: &Value) -> (u16, Value) {
        let units = sent["registrationUnits"].as_array().unwrap();
        let serials: Vec<String> = units
            .iter()
            .map(|unit| unit["serialNumber"].as_str().unwrap().to_owned())
            .collect();
        let rows: Vec<Value> = serials
            .iter()
            .map(|serial| json!({"serialNumber": serial, "status": 0}))
            .collect();
        let (registered, delay) = (Arc::clone(&self.registered), self.delay);
        // The registration completes even if the caller has gone.
        tokio::spawn(async move {
            time::sleep(delay).await;
            for serial in serials {
                *registered.lock().unwrap().entry(serial).or_default() += 1;
            }
        });
        if !self.answers {
            future::pending::<()>().await;
        }
        time::sleep(Duration::from_millis(300)).await;
        (200, json!({"status": 0, "assets": rows}))
    }

    fn details(&self, serial: &str) -> (u16, Value) {
        if !self.registered.lock().unwrap().contains_key(serial) {
            let error = json!({"errorCode": 301, "message": "No product found"});
            return (
                400,
                json!({"status": -1, "error": error, "assetDetails": null}),
            );
        }
        let details = json!({
            "serialNumber": serial,
            "accountId": 710_101,
            "registrationDate": "2026-11-28T10:00:00",
        });
        (200, json!({"status": 0, "assetDetails": details}))
    }
}

#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, UnitState>>);

impl RegistrationStore for Kept {
    fn load(&self, key: &str) -> Result<Option<UnitState>, Box<dyn error::Error + Send + Sync>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn save(
        &self,
        key: &str,
        state: &UnitState,
    ) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        self.0.lock().unwrap().insert(key.to_owned(), state.clone());
        Ok(())
    }
}

/// Makes the next run, and kills it after this long.
async fn run(server: &Late, memory: &Kept, killed_after: Duration) -> Registration {
    let mut config = config();
    config.errors = None;
    config.calls.clear();
    config.timeout = Duration::from_secs(20);
    let client = Client::new(config, server.transport(), Jitter::seeded(1)).unwrap();
    let units = (0..UNITS).map(|number| Unit {
        unit: RegistrationUnit {
            serial_number: format!("FGT60FTK259{number:05}"),
            ..RegistrationUnit::default()
        },
        location: None,
    });
    let mut registration = Registration::new(Some(710_101), units);
    registration.recall(memory).unwrap();
    // Only what the killed run had remembered is left of it.
    drop(time::timeout(killed_after, registration.run(&client, memory, |_| {})).await);
    registration
}

fn registered(registration: &Registration) -> usize {
    let done = |state: &UnitState| matches!(state, UnitState::Registered { .. });
    registration
        .units()
        .filter(|(_, state)| done(state))
        .count()
}

/// Kills this many runs, then lets some complete.
async fn killed(server: &Late, kills: u64, mut seed: u64) -> Registration {
    let memory = Kept::default();
    for _ in 0..kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let after = Duration::from_millis((seed >> 33) % 900);
        run(server, &memory, after).await;
    }
    // A call without a response ends a run, so several are needed.
    for _ in 0..UNITS {
        run(server, &memory, Duration::from_hours(1)).await;
    }
    run(server, &memory, Duration::from_hours(1)).await
}

#[tokio::test(start_paused = true)]
async fn nothing_is_registered_twice_however_late_the_server_is() {
    for (seed, delay) in (0..50_u64).zip((0..=5000).step_by(100).cycle()) {
        for answers in [true, false] {
            let server = Late {
                delay: Duration::from_millis(delay),
                answers,
                ..Late::default()
            };
            let registration = killed(&server, 4, seed).await;
            assert_eq!(registered(&registration), UNITS, "{delay} {answers}");
            let counts = server.registered.lock().unwrap();
            assert!(counts.values().all(|&times| times == 1), "{counts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_never_registered_stays_unknown() {
    let server = Late {
        delay: Duration::from_hours(10_000),
        answers: false,
        ..Late::default()
    };
    let registration = killed(&server, 2, 7).await;
    let unknown = |state: &UnitState| matches!(state, UnitState::Sent { .. });
    let states = registration.units().filter(|(_, state)| unknown(state));
    assert_eq!(states.count(), UNITS);
}
