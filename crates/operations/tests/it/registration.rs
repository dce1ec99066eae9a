//! Tests of registering units at the simulator.

use std::{collections::BTreeMap, error, sync::Mutex, time::Duration};

use fortilake_client::Kind;
use fortilake_models::generated::types::RegistrationUnit;
use fortilake_operations::{Registration, RegistrationStore, Unit, UnitState};
use fortilake_simulator::Simulator;
use serde_json::Value;

use crate::simulate;

const TENANT: &str = "[organization]\nous = 2\naccounts = 2\nproducts = 20\n";

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

fn begin(serials: impl IntoIterator<Item = String>) -> Registration {
    let unit = |serial_number| Unit {
        unit: RegistrationUnit {
            serial_number,
            ..RegistrationUnit::default()
        },
        location: None,
    };
    Registration::new(Some(710_101), serials.into_iter().map(unit))
}

fn good(number: usize) -> String {
    format!("FGT60FTK259{number:05}")
}

/// Returns the serial numbers in each registration call.
fn sent(simulator: &Simulator) -> Vec<Vec<String>> {
    let calls = simulator.calls();
    let batches = calls
        .iter()
        .filter(|call| call.path.ends_with("products/register"));
    let serials = batches.map(|call| {
        let units = call.arguments["registrationUnits"].as_array().unwrap();
        let serial = |unit: &Value| unit["serialNumber"].as_str().unwrap().to_owned();
        units.iter().map(serial).collect()
    });
    serials.collect()
}

fn count(registration: &Registration, is: impl Fn(&UnitState) -> bool) -> usize {
    registration.units().filter(|(_, state)| is(state)).count()
}

fn registered(registration: &Registration) -> usize {
    count(registration, |state| {
        matches!(state, UnitState::Registered { .. })
    })
}

#[tokio::test(start_paused = true)]
async fn no_call_meets_more_than_five_errors() {
    let (simulator, client) = simulate(TENANT);
    // Six bad units in a row, with good ones around them.
    let serials = (0..16).map(|number| match number {
        5..11 => format!("XX{number}"),
        number => good(number),
    });
    let mut registration = begin(serials);
    let mut seen = 0;
    registration
        .run(&client, &Kept::default(), |_| seen += 1)
        .await
        .unwrap();
    assert_eq!(registered(&registration), 10);
    let explained = |state: &UnitState| {
        *state
            == UnitState::Refused {
                reason: "Product-> Invalid serial number.".to_owned(),
            }
    };
    assert_eq!(count(&registration, explained), 6);
    let sizes: Vec<usize> = sent(&simulator).iter().map(Vec::len).collect();
    assert_eq!(sizes, [5, 5, 5, 1]);
    assert_eq!(seen, 4);
}

#[tokio::test(start_paused = true)]
async fn what_the_api_refuses_beyond_five_errors_is_tried_after_all() {
    let (simulator, client) = simulate(TENANT);
    let serials = (0..10).map(|number| match number {
        ..6 => format!("XX{number}"),
        number => good(number),
    });
    let mut registration = begin(serials).batch(10);
    let memory = Kept::default();
    let run = registration.run(&client, &memory, |_| {});
    run.await.unwrap();
    assert_eq!(registered(&registration), 4);
    let sizes: Vec<usize> = sent(&simulator).iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 5]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_is_looked_up_by_the_next_run() {
    // The second call is carried out, but its response is cut off.
    let scenario = format!(
        "{TENANT}[[fault]]\npath = \"products/register\"\nnth = 2\naction = {{ kind = \"cut-body\" }}\n"
    );
    let (simulator, client) = simulate(&scenario);
    let memory = Kept::default();
    let mut first = begin((0..12).map(good));
    let error = first.run(&client, &memory, |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!(registered(&first), 5);
    assert_eq!(
        count(&first, |state| matches!(state, UnitState::Sent { .. })),
        5
    );

    let mut second = begin((0..12).map(good));
    second.recall(&memory).unwrap();
    assert_eq!(registered(&second), 5);
    second.run(&client, &memory, |_| {}).await.unwrap();
    assert_eq!(registered(&second), 12);
    let mut sent: Vec<String> = sent(&simulator).concat();
    sent.sort();
    assert_eq!(sent, (0..12).map(good).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_came_through_is_sent_again_on_request_alone() {
    let scenario = format!(
        "{TENANT}[[fault]]\npath = \"products/register\"\nnth = 1\naction = {{ kind = \"reset\" }}\n"
    );
    let (simulator, client) = simulate(&scenario);
    let memory = Kept::default();
    let mut first = begin([good(1)]);
    assert!(first.run(&client, &memory, |_| {}).await.is_err());
    // The next run looks the unit up, waits, and looks it up again.
    let mut second = begin([good(1)]);
    second.recall(&memory).unwrap();
    second.run(&client, &memory, |_| {}).await.unwrap();
    assert_eq!(
        count(&second, |state| matches!(state, UnitState::Sent { .. })),
        1
    );
    assert_eq!(sent(&simulator).len(), 1);

    let mut third = begin([good(1)]);
    third.recall(&memory).unwrap();
    third.resend_unknown(i64::MAX, Duration::ZERO);
    third.run(&client, &memory, |_| {}).await.unwrap();
    assert_eq!(registered(&third), 1);
    assert_eq!(sent(&simulator).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_a_whole_call_is_refused_for_is_the_only_one() {
    // Other versions of the API may refuse a unit for a reason that this version checks before
    // sending.
    let body = r#"{"status":-1,"error":{"errorCode":102,"message":"Invalid contract provided for registration units[2]. "},"assets":null}"#;
    let scenario = format!(
        "{TENANT}[[fault]]\npath = \"products/register\"\nnth = 1\naction = {{ kind = \"http\", status = 400, body = '{body}' }}\n"
    );
    let (_, client) = simulate(&scenario);
    let mut registration = begin((0..4).map(good));
    let memory = Kept::default();
    let run = registration.run(&client, &memory, |_| {});
    run.await.unwrap();
    assert_eq!(registered(&registration), 3);
    let (_, state) = registration.units().nth(2).unwrap();
    let reason = "Invalid contract provided for registration units[2].".to_owned();
    assert_eq!(*state, UnitState::Refused { reason });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_wrong_as_a_whole_is_the_last_one() {
    let (simulator, client) = simulate(TENANT);
    let unit = Unit {
        unit: RegistrationUnit {
            serial_number: good(1),
            ..RegistrationUnit::default()
        },
        location: None,
    };
    // A user of an organization has to name the account.
    let mut registration = Registration::new(None, [unit]);
    let memory = Kept::default();
    let run = registration.run(&client, &memory, |_| {});
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), Kind::BadRequest);
    assert_eq!(
        count(&registration, |state| *state == UnitState::Waiting),
        1
    );
    assert_eq!(sent(&simulator).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_errors_of_the_hour_are_not_spent() {
    let (simulator, client) = simulate(TENANT);
    let memory = Kept::default();
    // Each of these calls has one error, and two errors of the ten are kept in reserve.
    let mut registration = begin((0..12).map(|number| format!("XX{number}"))).batch(1);
    let error = registration.run(&client, &memory, |_| {}).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::Paused);
    assert_eq!(sent(&simulator).len(), 8);
    assert_eq!(
        count(&registration, |state| *state == UnitState::Waiting),
        4
    );
}
