//! Registration of products, licenses and services.

use serde_json::{Map, Value};

use super::catalog::{FIRST_GROUP, GROUP_NAMES, LICENSED, Model, SUBSCRIPTION, model_of};
use super::envelope::{Arguments, ErrorMember, Reply};
use super::model::{Contract, Group, License, Location, Product, Status};
use super::seeded::coverage::period;
use super::wire::Wire;
use super::world::World;
use super::writes::location_of;
use crate::dates::written;
use crate::incoming::integer;
use crate::json::{Json, Object};

/// The maximum number of units per call.
const MAX_UNITS: usize = 10;
/// The maximum number of errors per call. Units after that many errors are not tried.
const MAX_ERRORS: usize = 5;
/// Models whose registration needs the key on their label. Which real models need it is
/// undocumented; here, all access points do.
const NEEDS_CLOUD_KEY: &str = "FortiAP";

pub(crate) fn register(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let units = units(asked)?;
    let mut errors = 0;
    let mut rows: Vec<Json> = Vec::new();
    for unit in &units {
        let registered = match errors {
            MAX_ERRORS => Err("Product-> Too many errors in this request.".to_owned()),
            _ => register_unit(world, asked, account, unit),
        };
        // Not more than the maximum, because from then on every unit fails without being tried.
        errors = (errors + usize::from(registered.is_err())).min(MAX_ERRORS);
        rows.push(result(world, unit, registered).into());
    }
    let mut reply = Reply::success(Object::new().with("assets", rows));
    if errors > 0 {
        reply.http = 400;
        reply.status = 2;
        reply.error = Some(ErrorMember::new(301, "Failed"));
        "Failed".clone_into(&mut reply.message);
    }
    Ok(reply)
}

/// Returns the units of a call, or an error if one of them is malformed.
fn units(asked: &Arguments) -> Result<Vec<&Map<String, Value>>, Reply> {
    let units = asked.list("registrationUnits");
    if units.is_empty() {
        return Err(Reply::refused(101, "registrationUnits cannot be empty."));
    }
    if units.len() > MAX_UNITS {
        let text = format!("No more than {MAX_UNITS} registration units are allowed.");
        return Err(Reply::refused(102, text));
    }
    let invalid = |what: &str, index: usize| {
        Reply::refused(
            102,
            format!("Invalid {what} provided for registration units[{index}]. "),
        )
    };
    let mut checked = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let unit = unit.as_object().ok_or_else(|| invalid("unit", index))?;
        if text(unit, "serialNumber").is_none() {
            return Err(invalid("serial number", index));
        }
        if text(unit, "cloudKey").is_some_and(|key| key.len() != 8) {
            return Err(invalid("cloud key", index));
        }
        checked.push(unit);
    }
    Ok(checked)
}

fn text<'a>(unit: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    unit.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A registered unit, and the contract it was registered with.
struct Registered {
    product: Product,
    contract: Option<Contract>,
}

fn register_unit(
    world: &mut World,
    asked: &Arguments,
    account: i64,
    unit: &Map<String, Value>,
) -> Result<Registered, String> {
    let serial = text(unit, "serialNumber").unwrap_or_default();
    let number = text(unit, "contractNumber");
    let model = model_of(serial).filter(|_| is_serial(serial));
    let model = model.ok_or("Product-> Invalid serial number.")?;
    if number.is_some_and(|number| !is_contract(number)) {
        return Err("Product-> Invalid contract number.".to_owned());
    }
    if text(unit, "replacedSerialNumber").is_some_and(|serial| world.product(serial).is_none()) {
        return Err("Product-> Invalid replaced serial number.".to_owned());
    }
    let mut product = match world.product(serial) {
        Some(product) if product.status == Status::Registered => {
            if number.is_none() {
                return Err("Product-> Product already registered, but no contract associated with request. Please check again.".to_owned());
            }
            if product.account != account {
                return Err("Product-> Product is registered to another account.".to_owned());
            }
            product
        }
        _ if model.name.starts_with(NEEDS_CLOUD_KEY) && text(unit, "cloudKey").is_none() => {
            return Err("Product-> FortiCloud Key is Required.".to_owned());
        }
        _ => world.fresh(account, model, serial.to_owned()),
    };
    if let Some(description) = text(unit, "description") {
        product.description = Some(description.to_owned());
    }
    if let Some(folder) = unit.get("folderId").and_then(integer) {
        if folder != 0
            && !world
                .folders(account)
                .iter()
                .any(|known| known.id == folder)
        {
            return Err("Product-> Invalid folder.".to_owned());
        }
        product.folder = folder;
    }
    if let Some(groups) = groups_of(unit)? {
        product.groups = groups;
    }
    if let Some(location) = referred_location(asked, unit)? {
        product.location = Some(location);
    }
    let contract = match number {
        Some(number) => Some(attach(world, &mut product, model, number)?),
        None => None,
    };
    // Stored only at the end, so that a refused unit leaves no trace.
    world.keep(product.clone());
    Ok(Registered { product, contract })
}

/// Whether the text may be a serial number. Real ones vary in length and may contain hyphens, so
/// this can't be strict.
fn is_serial(serial: &str) -> bool {
    (12..=20).contains(&serial.len())
        && serial
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether the text may be a contract number. Most have twelve characters, but some examples are
/// shorter.
fn is_contract(number: &str) -> bool {
    (6..=12).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn groups_of(unit: &Map<String, Value>) -> Result<Option<Vec<Group>>, String> {
    let Some(ids) = unit.get("assetGroupIds").and_then(Value::as_array) else {
        return Ok(None);
    };
    let group = |id: &Value| {
        let id = integer(id)?;
        let index = usize::try_from(id.checked_sub(FIRST_GROUP)?).ok()?;
        GROUP_NAMES.get(index).map(|&name| Group { id, name })
    };
    let groups: Option<Vec<Group>> = ids.iter().map(group).collect();
    let groups = groups.ok_or("Product-> Invalid asset group.")?;
    Ok(Some(groups))
}

/// Returns the location that `{"ref": "#/locations/N"}` refers to.
fn referred_location(
    asked: &Arguments,
    unit: &Map<String, Value>,
) -> Result<Option<Location>, String> {
    let Some(pointer) = unit
        .get("location")
        .and_then(|location| location.get("ref"))
    else {
        return Ok(None);
    };
    let index = pointer
        .as_str()
        .and_then(|text| text.strip_prefix("#/locations/"));
    let index = index.and_then(|index| index.parse::<usize>().ok());
    let location = index.and_then(|index| asked.list("locations").get(index));
    let location = location.ok_or("Product-> Invalid location.")?;
    location_of(location)
        .map(Some)
        .map_err(|text| format!("Product-> {text}"))
}

/// Assigns a contract to a product, so that it can't be used again.
fn attach(
    world: &mut World,
    product: &mut Product,
    model: &Model,
    number: &str,
) -> Result<Contract, String> {
    if !world.used.insert(number.to_owned()) {
        return Err("Product-> Contract is in use already.".to_owned());
    }
    let mut covered = period(model, number.to_owned(), world.now(), 3);
    product.entitlements.append(&mut covered.entitlements);
    product.contracts.push(covered.contract.clone());
    Ok(covered.contract)
}

/// A row of the response: the keys of a listed product, those of the registration, and a numeric
/// status.
fn result(
    world: &World,
    unit: &Map<String, Value>,
    registered: Result<Registered, String>,
) -> Object {
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let (product, contract, message) = match registered {
        Ok(registered) => (Some(registered.product), registered.contract, String::new()),
        Err(message) => (None, None, message),
    };
    let product = product.as_ref();
    let (number, sku) = contract
        .map(|contract| (contract.number, contract.sku))
        .unzip();
    let terms = product.map(|product| wire.entitlements(&product.entitlements));
    let folder = product.map_or(0, |product| product.folder);
    let path = product.map(|product| {
        World::folder_path(&world.folders(product.account), product.folder).to_owned()
    });
    let mut row = listed_part(wire, unit, product);
    row.push(
        "additionalInfo",
        text(unit, "additionalInfo").map(str::to_owned),
    );
    row.push("contractNumber", number);
    row.push("contractTerms", terms);
    row.push("location", Json::Null);
    row.push("message", message);
    row.push("sku", sku);
    row.push("status", if product.is_some() { 0_i64 } else { 2 });
    row.push("folderId", wire.integer(folder));
    row.push("folderPath", path);
    row
}

/// The members that the row shares with a listed product. Most are null even if the unit was
/// registered.
fn listed_part(wire: Wire<'_>, unit: &Map<String, Value>, product: Option<&Product>) -> Object {
    let serial = text(unit, "serialNumber").unwrap_or_default().to_owned();
    let description = product.and_then(|product| product.description.clone());
    let date = product.map(|product| written(wire.quirks.dates, &product.registered));
    let mut row = Object::new()
        .with("description", description)
        .with("entitlements", Json::Null)
        .with("isDecommissioned", false)
        .with("productModel", product.map(|product| product.model.clone()))
        .with("registrationDate", date)
        .with("serialNumber", serial);
    for key in [
        "warrantySupports",
        "assetGroups",
        "contracts",
        "productModelEoR",
        "productModelEoS",
    ] {
        row.push(key, Json::Null);
    }
    row
}

/// Assigns a license to a product, or creates the product that it is for.
pub(crate) fn license(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let code = asked.required("licenseRegistrationCode")?;
    let groups: Vec<usize> = code.split('-').map(str::len).collect();
    let letters = |byte: u8| byte == b'-' || byte.is_ascii_alphanumeric();
    if groups != [5, 5, 5, 5, 6] || !code.bytes().all(letters) {
        return Err(Reply::refused(
            102,
            "Invalid license registration code provided.",
        ));
    }
    let nothing = || Object::new().with("assetDetails", Json::Null);
    let serial = asked
        .text("serialNumber")
        .filter(|serial| !serial.is_empty());
    let mut product = if let Some(serial) = serial {
        match world.product(serial) {
            Some(product) if product.account == account => product,
            _ => return Ok(Reply::failed(-2, "No product found", nothing())),
        }
    } else {
        let serial = world.fresh_serial(LICENSED);
        world.fresh(account, LICENSED, serial)
    };
    if !world.used.insert(code.to_owned()) {
        return Ok(Reply::failed(
            -2,
            "The license is registered already.",
            nothing(),
        ));
    }
    product.license = Some(License {
        number: format!("FGVM4792{:06}", world.number()),
        sku: "FG-VM04V".to_owned(),
        serial: Some(product.serial.clone()),
        status: Status::Registered,
        expires: None,
    });
    Ok(registered(world, asked, product))
}

/// Registers a subscription, which creates the product that it is for.
pub(crate) fn service(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let number = asked.required("contractNumber")?;
    let serial = world.fresh_serial(&SUBSCRIPTION);
    let mut product = world.fresh(account, &SUBSCRIPTION, serial);
    product.entitlements.clear();
    if let Err(text) = attach(world, &mut product, &SUBSCRIPTION, number) {
        let payload = Object::new().with("assetDetails", Json::Null);
        return Ok(Reply::failed(-2, text, payload));
    }
    Ok(registered(world, asked, product))
}

fn registered(world: &mut World, asked: &Arguments, mut product: Product) -> Reply {
    if let Some(description) = asked.text("description") {
        product.description = Some(description.to_owned());
    }
    world.keep(product.clone());
    let wire = Wire {
        quirks: &world.scenario().quirks,
    };
    let details = wire.details(&product, &world.folders(product.account));
    Reply::success(Object::new().with("assetDetails", details))
}
