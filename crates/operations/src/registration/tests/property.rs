//! Properties that hold for all calls, whatever the responses are.

use proptest::{collection::vec, prelude::*};

use super::*;

/// How the API treats a unit whenever it is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Nature {
    Good,
    Bad,
    /// The response omits it.
    Unmentioned,
}

/// Sends everything that can be sent. Returns the batches and the registration.
fn run(natures: &[Nature], serials: &[u8], batch: usize) -> (Vec<Vec<usize>>, Registration) {
    let units = serials.iter().map(|serial| unit(&format!("F{serial}")));
    let mut registration = Registration::new(None, units).batch(batch);
    let mut batches = Vec::new();
    loop {
        match registration.next_step() {
            Step::Done => return (batches, registration),
            Step::LookUp(position) => registration.found(position, &[]),
            Step::Wait => registration.waited(),
            Step::Send(batch) => {
                registration.sent(&batch, SENT_AT);
                let row = |position: &usize| {
                    let status = match natures[*position] {
                        Nature::Good => 0,
                        Nature::Bad => 2,
                        Nature::Unmentioned => return None,
                    };
                    let serial = format!("F{}", serials[*position]);
                    Some(json!({ "serialNumber": serial, "status": status }))
                };
                let rows: Vec<Value> = batch.units().iter().filter_map(row).collect();
                batches.push(batch.units().to_vec());
                registration
                    .answered(&batch, Ok(response(&json!(rows))))
                    .unwrap();
            }
        }
    }
}

fn natures() -> impl Strategy<Value = Vec<(Nature, u8)>> {
    let nature = prop_oneof![
        5 => Just(Nature::Good),
        2 => Just(Nature::Bad),
        1 => Just(Nature::Unmentioned),
    ];
    vec((nature, 0..40_u8), 0..60)
}

proptest! {
    #[test]
    fn batches_are_small_and_send_each_unit_once(units in natures(), batch in 1..=10_usize) {
        let (natures, serials): (Vec<_>, Vec<_>) = units.into_iter().unzip();
        let (batches, registration) = run(&natures, &serials, batch);
        let mut sent = vec![0; natures.len()];
        for units in &batches {
            prop_assert!((1..=batch).contains(&units.len()));
            let mut names: Vec<u8> = units.iter().map(|at| serials[*at]).collect();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), units.len(), "a serial number twice in one call");
            for at in units {
                sent[*at] += 1;
            }
        }
        for (at, (_, state)) in registration.units().enumerate() {
            let repeated = serials[..at].contains(&serials[at]);
            match state {
                UnitState::Waiting => prop_assert!(false, "unit {at} was left"),
                UnitState::Registered { .. } => prop_assert_eq!(natures[at], Nature::Good),
                UnitState::Refused { .. } => prop_assert!(repeated || natures[at] == Nature::Bad),
                UnitState::Sent { .. } => prop_assert_eq!(natures[at], Nature::Unmentioned),
            }
            // Only a unit that may have been refused because of other units is sent once more.
            let again = batch > ERRORS_PER_CALL && natures[at] == Nature::Bad;
            let most = if repeated { 0 } else if again { 2 } else { 1 };
            prop_assert!(sent[at] <= most, "unit {} was sent {} times", at, sent[at]);
        }
        if batch <= ERRORS_PER_CALL {
            for units in &batches {
                let bad = units.iter().filter(|at| natures[**at] == Nature::Bad);
                prop_assert!(bad.count() <= ERRORS_PER_CALL);
            }
        }
    }
}
