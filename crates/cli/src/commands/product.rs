//! `fortilake product`: registers products, and changes or shows registered products.

mod memory;
mod register;
mod units;

use fortilake_models::{
    Nullable,
    generated::types::{
        LocationInput, ProductsDecommission, ProductsDecommissionRequest, ProductsDescription,
        ProductsDescriptionRequest, ProductsDetails, ProductsDetailsRequest, ProductsFolder,
        ProductsFolderRequest, ProductsLocation, ProductsLocationRequest, ProductsTransfer,
        ProductsTransferRequest,
    },
};
use fortilake_operations::check_location;

use super::{operation, view::View};
use crate::{
    args::{LocationArgs, ProductAction, UncheckedArgs, WriteArgs},
    console::Console,
    exit::Result,
};

const DETAILS: View = View {
    rows: "/assetDetails",
    columns: &[],
};

const TRANSFERRED: View = View {
    rows: "/assets",
    columns: &["serialNumber", "productModel", "accountId", "folderPath"],
};

/// Runs the subcommand.
pub(crate) fn run(action: &ProductAction, console: Console) -> Result {
    match action {
        ProductAction::Register(args) => register::run(args, console),
        ProductAction::Describe {
            serial,
            description,
            write,
        } => {
            let request = ProductsDescriptionRequest {
                serial_number: serial.clone(),
                description: Some(description.clone()),
            };
            let what = format!("will set the description of {serial}");
            operation::write::<ProductsDescription>(&what, &request, &View::BLANK, write, console)
        }
        ProductAction::Locate {
            serial,
            location,
            check,
            write,
            ..
        } => locate(serial, location, *check, write, console),
        ProductAction::Move {
            serials,
            folder,
            write,
            ..
        } => {
            let request = ProductsFolderRequest {
                serial_numbers: serials.clone(),
                // Without a folder, null is sent, which moves the products to the top.
                folder_id: Nullable::from(*folder),
            };
            let place = folder.map_or("the top".to_owned(), |folder| format!("folder {folder}"));
            let what = format!("will move {} to {place}", products(serials));
            operation::write::<ProductsFolder>(&what, &request, &View::BLANK, write, console)
        }
        ProductAction::Decommission { serials, write } => {
            let request = ProductsDecommissionRequest {
                serial_numbers: serials.clone(),
            };
            let products = products(serials);
            let what = format!("will decommission {products}, which cannot be undone");
            operation::write::<ProductsDecommission>(&what, &request, &View::BLANK, write, console)
        }
        ProductAction::Transfer {
            serials,
            from,
            to,
            write,
        } => {
            let request = ProductsTransferRequest {
                source_account_id: *from,
                target_account_id: *to,
                serial_numbers: serials.clone(),
            };
            let what = format!(
                "will transfer {} from account {from} to account {to}",
                products(serials)
            );
            operation::write::<ProductsTransfer>(&what, &request, &TRANSFERRED, write, console)
        }
        ProductAction::Details { serial, read } => {
            let request = ProductsDetailsRequest {
                serial_number: serial.clone(),
            };
            operation::read::<ProductsDetails>(&request, &DETAILS, read, console)
        }
    }
}

fn locate(
    serial: &str,
    args: &LocationArgs,
    check: UncheckedArgs,
    write: &WriteArgs,
    console: Console,
) -> Result {
    let location = args.location();
    if let Some(location) = &location {
        operation::checked(check, || check_location(location))?;
    }
    let what = match location {
        Some(_) => format!("will set the location of {serial}"),
        None => format!("will remove the location of {serial}"),
    };
    let request = ProductsLocationRequest {
        serial_number: serial.to_owned(),
        location: Nullable::from(location),
    };
    operation::write::<ProductsLocation>(&what, &request, &View::BLANK, write, console)
}

fn products(serials: &[String]) -> String {
    match serials {
        [serial] => serial.clone(),
        serials => format!("{} products", serials.len()),
    }
}

impl LocationArgs {
    /// The address; `None` without a country, which every other part requires.
    fn location(&self) -> Option<LocationInput> {
        self.country.as_ref()?;
        Some(LocationInput {
            company: self.company.clone(),
            address: self.address.clone(),
            city: self.city.clone(),
            state_or_province: self.state_or_province.clone(),
            country_code: self.country.clone(),
            postal_code: self.postal_code.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            fax: self.fax.clone(),
        })
    }
}
