//! Tests of registering: batches, answers, and states left behind by runs that died.

mod memory;
mod property;

use fortilake_models::{
    Secret,
    generated::types::{Asset, AssetDetails, AssetStatus, Contract, ProductsRegisterResponse},
};
use serde_json::{Value, json};

use super::*;
use fortilake_client::Error;

/// The time at which units are sent.
const SENT_AT: Micros = 1_800_000_000_000_000;

fn unit(serial: &str) -> Unit {
    Unit {
        unit: RegistrationUnit {
            serial_number: serial.to_owned(),
            ..RegistrationUnit::default()
        },
        location: None,
    }
}

fn begin<const N: usize>(serials: [&str; N]) -> Registration {
    Registration::new(Some(710_101), serials.map(unit))
}

/// Returns the batch that has to come next, and marks its units as sent.
fn send(registration: &mut Registration) -> RegistrationBatch {
    let Step::Send(batch) = registration.next_step() else {
        panic!("expected a batch to send: {:?}", registration.next_step());
    };
    registration.sent(&batch, SENT_AT);
    batch
}

fn response(rows: &Value) -> ProductsRegisterResponse {
    serde_json::from_value(json!({ "status": 0, "assets": rows })).unwrap()
}

/// Describes the state of each unit in words.
fn states(registration: &Registration) -> Vec<String> {
    let word = |state: &UnitState| match state {
        UnitState::Waiting => "waiting".to_owned(),
        UnitState::Sent { .. } => "sent".to_owned(),
        UnitState::Registered { product } => {
            format!("registered {}", product.as_deref().unwrap_or(""))
        }
        UnitState::Refused { reason } => reason.clone(),
    };
    registration.units().map(|(_, state)| word(state)).collect()
}

#[test]
fn what_the_api_would_refuse_for_its_form_is_not_sent() {
    let mut key = unit("FGT4");
    key.unit.cloud_key = Some(Secret::from("SHORT"));
    let mut place = unit("FGT5");
    place.location = Some(LocationInput::default());
    let units = [
        unit(""),
        unit("FGT%"),
        unit("FGT3"),
        key,
        place,
        unit("FGT3"),
    ];
    let mut registration = Registration::new(None, units);
    assert_eq!(
        states(&registration),
        [
            "it has no serial number",
            "its serial number may only contain letters, digits and hyphens",
            "waiting",
            "its FortiCloud key must have 8 characters",
            "the address needs an ISO 3166-1 country code in capital letters, such as US or DE",
            "the same unit appears earlier in the list",
        ]
    );
    assert_eq!(send(&mut registration).units(), [2]);
}

#[test]
fn what_spreadsheets_make_of_a_list_is_refused() {
    let with = |contract: &str| {
        let mut unit = unit("FGT1");
        unit.unit.contract_number = Some(contract.to_owned());
        unit
    };
    let rounded = "its contract number was rounded by a spreadsheet; format the column as text";
    let units = [
        with("4.82111E+11"),
        with("4E+11"),
        unit("fgt1"),
        with("4821E100234"),
        unit("FGT1"),
    ];
    assert_eq!(
        states(&Registration::new(None, units)),
        [
            rounded,
            rounded,
            "waiting",
            "waiting",
            "the same unit appears earlier in the list"
        ]
    );
}

#[test]
fn what_looks_wrong_is_sent_on_request() {
    let mut place = unit("FGT1");
    place.location = Some(LocationInput {
        country_code: Some("XK".to_owned()),
        ..LocationInput::default()
    });
    let mut registration = Registration::unchecked(None, [place, unit("FGT%")]);
    assert_eq!(send(&mut registration).units(), [0]);
}

#[test]
fn a_call_has_no_more_units_than_errors_are_allowed() {
    let serials: Vec<String> = (0..12).map(|n| format!("FGT{n}")).collect();
    let units = || serials.iter().map(|serial| unit(serial));
    let mut registration = Registration::new(None, units());
    assert_eq!(send(&mut registration).units(), [0, 1, 2, 3, 4]);
    assert_eq!(
        send(&mut Registration::new(None, units()).batch(99))
            .units()
            .len(),
        10
    );
    assert_eq!(
        send(&mut Registration::new(None, units()).batch(0)).units(),
        [0]
    );
}

#[test]
fn two_contracts_for_one_unit_go_into_two_calls() {
    let with = |contract: &str| {
        let mut unit = unit("FGT1");
        unit.unit.contract_number = Some(contract.to_owned());
        unit
    };
    let mut registration = Registration::new(None, [with("A"), with("B"), unit("FGT2")]);
    assert_eq!(send(&mut registration).units(), [0, 2]);
    let rows =
        json!([{ "serialNumber": "FGT1", "status": 0 }, { "serialNumber": "FGT2", "status": 0 }]);
    let batch = RegistrationBatch(vec![0, 2]);
    registration.answered(&batch, Ok(response(&rows))).unwrap();
    assert_eq!(send(&mut registration).units(), [1]);
}

#[test]
fn a_request_names_each_place_once() {
    let place = |city: &str| LocationInput {
        city: Some(city.to_owned()),
        country_code: Some("DE".to_owned()),
        ..LocationInput::default()
    };
    let at = |serial: &str, city: &str| Unit {
        location: Some(place(city)),
        ..unit(serial)
    };
    let units = [
        at("F1", "Kiel"),
        unit("F2"),
        at("F3", "Ulm"),
        at("F4", "Kiel"),
    ];
    let mut registration = Registration::new(Some(7), units);
    let batch = send(&mut registration);
    let request = serde_json::to_value(registration.request(&batch)).unwrap();
    assert_eq!(
        request,
        json!({
            "accountId": 7,
            "registrationUnits": [
                { "serialNumber": "F1", "location": { "ref": "#/locations/0" } },
                { "serialNumber": "F2" },
                { "serialNumber": "F3", "location": { "ref": "#/locations/1" } },
                { "serialNumber": "F4", "location": { "ref": "#/locations/0" } },
            ],
            "locations": [
                { "city": "Kiel", "countryCode": "DE" },
                { "city": "Ulm", "countryCode": "DE" },
            ],
        })
    );
}

#[test]
fn rows_are_known_by_their_serial_numbers() {
    let mut registration = begin(["FGT1", "FGT2", "FGT3", "FGT4"]);
    let batch = send(&mut registration);
    let rows = json!([
        { "serialNumber": "FGT3", "status": 2, "message": "Product-> FortiCloud Key is Required. " },
        { "serialNumber": "fgt1 ", "status": "0", "productModel": "FortiGate 60F " },
        { "serialNumber": "FGT2", "status": 2, "message": "" },
    ]);
    registration.answered(&batch, Ok(response(&rows))).unwrap();
    assert_eq!(
        states(&registration),
        [
            "registered FortiGate 60F",
            "the API gave no reason",
            "Product-> FortiCloud Key is Required.",
            "sent",
        ]
    );
    // The response does not mention the last unit.
    assert_eq!(registration.next_step(), Step::LookUp(3));
    registration.detailed(3, None);
    assert_eq!(registration.next_step(), Step::Wait);
    registration.waited();
    assert_eq!(registration.next_step(), Step::LookUp(3));
    registration.detailed(3, None);
    assert_eq!(registration.next_step(), Step::Done);
    assert_eq!(states(&registration)[3], "sent");
}

#[test]
fn what_is_refused_beyond_the_errors_of_a_call_is_sent_once_more() {
    let serials = ["F0", "F1", "F2", "F3", "F4", "F5", "F6"];
    let mut registration = begin(serials).batch(10);
    let batch = send(&mut registration);
    let row = |serial| json!({ "serialNumber": serial, "status": 2, "message": "wrong" });
    let rows = serials.map(row);
    registration
        .answered(&batch, Ok(response(&json!(rows))))
        .unwrap();
    assert_eq!(send(&mut registration).units(), [5, 6]);
}

fn asset(serial: &str, status: &str, contract: &str) -> Asset {
    Asset {
        serial_number: Some(serial.to_owned()),
        status: serde_json::from_value::<AssetStatus>(json!(status)).ok(),
        contracts: vec![Contract {
            contract_number: Some(contract.to_owned()),
            ..Contract::default()
        }],
        ..Asset::default()
    }
}

/// A registration in an account, with a unit that an earlier run has sent.
fn recalled(unit: Unit) -> Registration {
    let mut registration = Registration::new(Some(710_101), [unit]);
    registration.entries[0].state = UnitState::Sent { at: SENT_AT };
    assert_eq!(registration.next_step(), Step::LookUp(0));
    registration
}

#[test]
fn a_unit_without_an_answer_is_never_sent_again_by_itself() {
    let covered = || {
        let mut unit = unit("F1");
        unit.unit.contract_number = Some("4821AB100234".to_owned());
        unit
    };
    for (unit, product, next) in [
        (unit("F1"), asset("F1", "Registered", ""), Step::Done),
        (unit("F1"), asset("F1", "Pending", ""), Step::Wait),
        (unit("F1"), asset("F10", "Registered", ""), Step::Wait),
        (
            covered(),
            asset("F1", "Registered", "4821AB100235"),
            Step::Wait,
        ),
        (
            covered(),
            asset("F1", "Registered", "4821AB100234"),
            Step::Done,
        ),
    ] {
        let mut registration = recalled(unit);
        registration.found(0, &[product]);
        assert_eq!(registration.next_step(), next);
    }
}

#[test]
fn details_tell_whether_a_unit_is_registered() {
    let details = |serial: &str, account: i64, date: &str| AssetDetails {
        serial_number: Some(serial.to_owned()),
        account_id: Some(account),
        registration_date: Some(date.to_owned()),
        ..AssetDetails::default()
    };
    for (shown, next) in [
        (details("f1 ", 710_101, "2026-11-28T10:00:00"), Step::Done),
        (details("F2", 710_101, "2026-11-28T10:00:00"), Step::Wait),
        (details("F1", 710_102, "2026-11-28T10:00:00"), Step::Wait),
        (details("F1", 710_101, ""), Step::Wait),
    ] {
        let mut registration = recalled(unit("F1"));
        registration.detailed(0, Some(&shown));
        assert_eq!(registration.next_step(), next, "{shown:?}");
    }
}

#[test]
fn a_unit_is_sent_again_on_request_if_it_was_sent_long_ago() {
    let after = Duration::from_mins(10);
    for (passed, next) in [
        (Duration::from_secs(599), Step::Wait),
        (after, Step::Send(RegistrationBatch(vec![0]))),
    ] {
        let mut registration = recalled(unit("F1"));
        registration.resend_unknown(later(SENT_AT, passed), after);
        registration.detailed(0, None);
        assert_eq!(registration.next_step(), next);
    }
    // A sending time in the future, from a clock that was ahead, does not make a unit older.
    let mut registration = recalled(unit("F1"));
    registration.resend_unknown(SENT_AT - 1, Duration::ZERO);
    registration.detailed(0, None);
    assert_eq!(registration.next_step(), Step::Wait);
}
