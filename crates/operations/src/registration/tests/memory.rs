//! Tests of states that outlive a run.

use std::{
    collections::BTreeMap,
    error::Error as StdError,
    sync::{Mutex, PoisonError},
};

use super::*;

#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, UnitState>>);

impl RegistrationStore for Kept {
    fn load(&self, key: &str) -> Result<Option<UnitState>, Box<dyn StdError + Send + Sync>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(key).cloned())
    }

    fn save(&self, key: &str, state: &UnitState) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key.to_owned(), state.clone());
        Ok(())
    }
}

/// A memory that always fails.
struct Lost;

impl RegistrationStore for Lost {
    fn load(&self, _: &str) -> Result<Option<UnitState>, Box<dyn StdError + Send + Sync>> {
        Err("the disk is full".into())
    }

    fn save(&self, _: &str, _: &UnitState) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Err("the disk is full".into())
    }
}

#[test]
fn the_next_run_knows_what_the_last_one_knew() {
    let memory = Kept::default();
    let mut first = begin(["F1", "F2", "F3", "F4"]).batch(2);
    let batch = send(&mut first);
    let rows = json!([
        { "serialNumber": "F1", "status": 0 },
        { "serialNumber": "F2", "status": 2, "message": "wrong" },
    ]);
    first.answered(&batch, Ok(response(&rows))).unwrap();
    first.remember(&memory, batch.units()).unwrap();
    let batch = send(&mut first);
    first.remember(&memory, batch.units()).unwrap();
    // The run dies here. The next one gets the units in another order, and one more.
    let mut second = begin(["F5", "F4", "F3", "F2", "F1"]);
    second.recall(&memory).unwrap();
    assert_eq!(
        states(&second),
        ["waiting", "sent", "sent", "wrong", "registered "]
    );
    assert_eq!(second.next_step(), Step::LookUp(1));
    // In another account, nothing is known about the units.
    let mut other = Registration::new(Some(710_112), [unit("F1")]);
    other.recall(&memory).unwrap();
    assert_eq!(states(&other), ["waiting"]);
}

#[test]
fn what_may_be_registered_yet_is_not_forgotten() {
    let memory = Kept::default();
    let mut first = begin(["F1", "F2"]);
    let batch = send(&mut first);
    let rows = json!([{ "serialNumber": "F1", "status": 0 }]);
    first.answered(&batch, Ok(response(&rows))).unwrap();
    first.remember(&memory, batch.units()).unwrap();
    first.forget(&memory).unwrap();
    let mut second = begin(["F1", "F2"]);
    second.recall(&memory).unwrap();
    assert_eq!(states(&second), ["waiting", "sent"]);
}

#[test]
fn an_unknown_outcome_is_known_however_the_unit_is_named() {
    let memory = Kept::default();
    let mut first = begin(["F1"]);
    let batch = send(&mut first);
    first.remember(&memory, batch.units()).unwrap();
    let recalled = |account, unit| {
        let mut next = Registration::new(account, [unit]);
        next.recall(&memory).unwrap();
        next
    };
    for (account, serial) in [
        (Some(710_101), "f1"),
        (None, "F1"),
        (Some(710_112), "F1"),
        (None, "f1"),
    ] {
        let mut next = recalled(account, unit(serial));
        assert_eq!(next.next_step(), Step::LookUp(0), "{account:?} {serial}");
        // What the look-up finds is remembered for all names.
        next.found(0, &[]);
        next.remember(&memory, &[0]).unwrap();
    }
    // A contract can be added to a unit, so with one it is a registration of its own.
    let mut with_contract = unit("F1");
    with_contract.unit.contract_number = Some("1234AB567890".to_owned());
    let next = recalled(None, with_contract);
    assert_eq!(states(&next), ["waiting"]);
    let mut found = recalled(None, unit("F1"));
    found.entries[0].state = UnitState::Registered { product: None };
    found.remember(&memory, &[0]).unwrap();
    assert_eq!(states(&recalled(Some(710_112), unit("f1"))), ["sent"]);
    assert_eq!(states(&recalled(Some(710_123), unit("f1"))), ["waiting"]);
}

#[test]
fn what_was_refused_may_be_mended_once_all_is_done() {
    let memory = Kept::default();
    let mut first = begin(["F1"]);
    let batch = send(&mut first);
    let rows = json!([{ "serialNumber": "F1", "status": 2, "message": "wrong" }]);
    first.answered(&batch, Ok(response(&rows))).unwrap();
    first.remember(&memory, batch.units()).unwrap();
    first.forget_refused(&memory).unwrap();
    let mut second = begin(["F1"]);
    second.recall(&memory).unwrap();
    assert_eq!(states(&second), ["waiting"]);
}

#[test]
fn a_memory_that_fails_is_an_error_and_no_blank() {
    let mut registration = begin(["F1"]);
    let error = registration.recall(&Lost).unwrap_err();
    assert_eq!(error.kind(), fortilake_client::Kind::Ledger);
    assert_eq!(
        error.to_string(),
        "cannot load or save the results of the registration"
    );
    let source = StdError::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("the disk is full"));
    assert!(registration.forget(&Lost).is_err());
}

#[test]
fn a_call_that_certainly_did_nothing_is_no_riddle() {
    let mut registration = begin(["F1"]);
    let batch = send(&mut registration);
    let error = Error::arguments("`products/register`", "was not sent");
    assert!(registration.answered(&batch, Err(error)).is_err());
    assert_eq!(states(&registration), ["waiting"]);
}
