//! Changes to existing products.

use serde_json::Value;

use super::envelope::{Arguments, Reply};
use super::model::{Location, Product};
use super::wire::Wire;
use super::world::World;
use crate::json::{Json, Object};

pub(crate) fn description(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let mut product = find(world, asked.required("serialNumber")?)?;
    product.description = asked.text("description").map(str::to_owned);
    world.keep(product);
    Ok(Reply::success(Object::new()))
}

pub(crate) fn location(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let mut product = find(world, asked.required("serialNumber")?)?;
    product.location = match asked.arguments.get("location") {
        None | Some(Value::Null) => None,
        Some(location) => Some(location_of(location).map_err(|text| Reply::refused(102, text))?),
    };
    world.keep(product);
    Ok(Reply::success(Object::new()))
}

/// Parses a location and checks its countries, states and phone numbers.
pub(crate) fn location_of(location: &Value) -> Result<Location, &'static str> {
    const KEYS: [&str; 9] = [
        "company",
        "address",
        "city",
        "stateOrProvince",
        "countryCode",
        "postalCode",
        "email",
        "phone",
        "fax",
    ];
    if !location.is_object() {
        return Err("Invalid location provided.");
    }
    let text = |key: &str| {
        let text = location.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let country = text("countryCode");
    if !is_code(&country) {
        return Err("Invalid countryCode provided.");
    }
    let coded = ["US", "CA", "IN", "BR", "UA"].contains(&country.as_str());
    if coded && !is_code(&text("stateOrProvince")) {
        return Err("Invalid stateOrProvince provided.");
    }
    if !is_phone(&text("phone")) {
        return Err("Invalid phone provided.");
    }
    if !is_phone(&text("fax")) {
        return Err("Invalid fax provided.");
    }
    Ok(Location(KEYS.map(|key| (key, text(key))).to_vec()))
}

fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether the text is `+`, the country's calling code, one space and the number, or empty.
fn is_phone(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.strip_prefix('+').and_then(|text| text.split_once(' '));
    text.is_empty()
        || parts.is_some_and(|(country, number)| {
            country.len() <= 3 && digits(country) && digits(&number.replace('-', ""))
        })
}

pub(crate) fn folder(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let products = find_all(world, asked)?;
    let folder = asked.integer("folderId").unwrap_or(0);
    for product in &products {
        let folders = world.folders(product.account);
        if folder != 0 && !folders.iter().any(|known| known.id == folder) {
            return Err(Reply::refused(102, "Invalid folderId provided."));
        }
    }
    for product in products {
        world.keep(Product { folder, ..product });
    }
    Ok(Reply::success(Object::new()))
}

pub(crate) fn decommission(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    for product in find_all(world, asked)? {
        world.keep(Product {
            decommissioned: true,
            ..product
        });
    }
    Ok(Reply::success(Object::new()))
}

pub(crate) fn transfer(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let source = asked.required_integer("sourceAccountId")?;
    let target = asked.required_integer("targetAccountId")?;
    if [source, target]
        .iter()
        .any(|id| world.account(*id).is_none())
    {
        return Err(Reply::denied());
    }
    let products = find_all(world, asked)?;
    if products.iter().any(|product| product.account != source) {
        return Err(Reply::refused(102, "Invalid serial number provided."));
    }
    let mut rows: Vec<Json> = Vec::new();
    for product in products {
        let moved = Product {
            account: target,
            // Folders belong to an account, so the product is put into the root folder of the new
            // one.
            folder: 0,
            ..product
        };
        let wire = Wire {
            quirks: &world.scenario().quirks,
        };
        rows.push(wire.product(&moved, &[]).into());
        world.keep(moved);
    }
    Ok(Reply::success(Object::new().with("assets", rows)))
}

fn find(world: &World, serial: &str) -> Result<Product, Reply> {
    let missing = || Reply::refused(102, "Invalid serial number provided.");
    world.product(serial).ok_or_else(missing)
}

/// Returns the products of a call: a list of serial numbers, or a single one, which one existing
/// client sends.
fn find_all(world: &World, asked: &Arguments) -> Result<Vec<Product>, Reply> {
    let listed = asked.list("serialNumbers").iter().map(Value::as_str);
    let serials: Option<Vec<&str>> = listed.collect();
    let serials = match (serials, asked.text("serialNumber")) {
        (Some(serials), _) if !serials.is_empty() => serials,
        (_, Some(serial)) => vec![serial],
        _ => return Err(Reply::refused(101, "serialNumbers cannot be empty.")),
    };
    serials
        .into_iter()
        .map(|serial| find(world, serial))
        .collect()
}
