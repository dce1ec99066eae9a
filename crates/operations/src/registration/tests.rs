//! Tests of registering: batches, answers, and what a dead run leaves behind.

mod memory;
mod property;

use fortilake_auth::models::{
    Secret,
    generated::asset_management_v3_product::{
        Asset, AssetStatus, Contract, ProductsRegisterResponse,
    },
};
use serde_json::{Value, json};

use super::*;
use crate::Error;

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

/// The batch that has to come next; its units are marked as sent.
fn send(registration: &mut Registration) -> Batch {
    let Step::Send(batch) = registration.next_step() else {
        panic!("nothing is to be sent: {:?}", registration.next_step());
    };
    registration.sent(&batch);
    batch
}

fn response(rows: &Value) -> ProductsRegisterResponse {
    serde_json::from_value(json!({ "status": 0, "assets": rows })).unwrap()
}

/// In words, what has become of each.
fn fates(registration: &Registration) -> Vec<String> {
    let word = |fate: &Fate| match fate {
        Fate::Waiting => "waiting".to_owned(),
        Fate::Sent => "sent".to_owned(),
        Fate::Registered { product } => format!("registered {}", product.as_deref().unwrap_or("")),
        Fate::Refused { reason } => reason.clone(),
    };
    registration.units().map(|(_, fate)| word(fate)).collect()
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
        fates(&registration),
        [
            "it has no serial number",
            "its serial number has more than letters, digits and hyphens",
            "waiting",
            "its FortiCloud key has not 8 characters",
            "the address needs a country of ISO 3166-1 in two capitals, such as US or DE",
            "the same unit stands further up",
        ]
    );
    assert_eq!(send(&mut registration).units(), [2]);
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
    let batch = Batch(vec![0, 2]);
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
        fates(&registration),
        [
            "registered FortiGate 60F",
            "the API gives no reason",
            "Product-> FortiCloud Key is Required.",
            "sent",
        ]
    );
    // The answer has no word of the last one.
    assert_eq!(registration.next_step(), Step::LookUp(3));
    registration.found(3, &[]);
    assert_eq!(registration.next_step(), Step::Done);
    assert_eq!(fates(&registration)[3], "sent");
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

#[test]
fn a_unit_without_an_answer_is_looked_up_before_it_is_sent() {
    let recalled = |unit: Unit| {
        let mut registration = Registration::new(None, [unit]);
        registration.entries[0].fate = Fate::Sent;
        assert_eq!(registration.next_step(), Step::LookUp(0));
        registration
    };
    let next = |unit: Unit, products: &[Asset]| {
        let mut registration = recalled(unit);
        registration.found(0, products);
        registration.next_step()
    };
    let again = Step::Send(Batch(vec![0]));
    assert_eq!(next(unit("F1"), &[]), again);
    assert_eq!(next(unit("F1"), &[asset("F1", "Pending", "")]), again);
    assert_eq!(next(unit("F1"), &[asset("F10", "Registered", "")]), again);
    assert_eq!(
        next(unit("F1"), &[asset("F1", "Registered", "")]),
        Step::Done
    );
    let mut covered = unit("F1");
    covered.unit.contract_number = Some("4821AB100234".to_owned());
    let other = [asset("F1", "Registered", "4821AB100235")];
    assert_eq!(next(covered.clone(), &other), again);
    let same = [asset("F1", "Registered", "4821AB100234")];
    assert_eq!(next(covered, &same), Step::Done);
}
