//! The columns that product details add to the product list.

use super::Builder;
use crate::forticloud::model::{
    ADDRESS_ID, Folder, LICENSE_TYPE, Product, WARRANTY_TYPE, expiry_key,
};
use crate::forticloud::world::World;
use crate::truth::Draft;

/// The location's columns, except `address_id`, with their names in the API.
const LOCATION: [(&str, &str); 9] = [
    ("company", "company"),
    ("address", "address"),
    ("city", "city"),
    ("state_or_province", "stateOrProvince"),
    ("country_code", "countryCode"),
    ("postal_code", "postalCode"),
    ("email", "email"),
    ("phone", "phone"),
    ("fax", "fax"),
];

impl Builder<'_> {
    pub(super) fn details(&mut self, product: &Product, account: Option<i64>, folders: &[Folder]) {
        let path = World::folder_path(folders, product.folder);
        let description = product.description.as_deref();
        let warranty = self.quirks.extended_lists.then_some(WARRANTY_TYPE);
        let draft = self
            .detail(product, account)
            .text("product_model", &product.model)
            .with(
                "description",
                description.map(|text| text.trim_end_matches(' ')),
            )
            .date(
                "registration_date",
                "registrationDate",
                Some(&product.registered),
            )
            .with("is_decommissioned", product.decommissioned)
            .with("folder_id", product.folder)
            .with("folder_path", path)
            .date(
                "product_model_eor",
                "productModelEoR",
                product.end_of_registration.as_ref(),
            )
            .date(
                "product_model_eos",
                "productModelEoS",
                product.end_of_support.as_ref(),
            )
            .with("partner", product.partner)
            .with("warranty_type_name", warranty);
        self.tables.push("product_details", draft);
        if let Some(location) = &product.location {
            let mut draft = self.detail(product, account).with("address_id", ADDRESS_ID);
            for (column, field) in LOCATION {
                let text = location.0.iter().find(|(key, _)| *key == field);
                draft = draft.text(column, text.map_or("", |(_, text)| text.as_str()));
            }
            self.tables.push("product_locations", draft);
        }
        if let Some(license) = &product.license {
            let draft = self
                .detail(product, account)
                .with("_index", 0)
                .text("license_number", &license.number)
                .text("sku", &license.sku)
                .with("license_type", LICENSE_TYPE)
                .with("license_serial_number", license.serial.as_deref())
                .date(
                    "expiration_date",
                    expiry_key(self.quirks.license_form),
                    license.expires.as_ref(),
                );
            self.tables.push("product_licenses", draft);
        }
    }

    fn detail(&self, product: &Product, account: Option<i64>) -> Draft {
        self.tables
            .draft()
            .with("account_id", account)
            .with("serial_number", product.serial.as_str())
    }
}
