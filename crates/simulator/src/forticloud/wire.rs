//! Writes the tenant's data in the form that the scenario configures.

use jiff::civil::DateTime;

use super::catalog::level_name;
use super::model::{
    ADDRESS_ID, Account, Contract, Entitlement, Folder, LICENSE_TYPE, LISTED_DESCRIPTION, License,
    ListedContract, Location, Misfit, Product, Status, Unit, WARRANTY_TYPE, expiry_key,
    listed_dates,
};
use super::world::World;
use crate::dates::written;
use crate::json::{Json, Object};
use crate::random::hash;
use crate::scenario::{Arrays, LicenseForm, NullDates, ParentKey, Quirks, RootParent};

/// Writes rows in the configured form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'a> {
    pub(crate) quirks: &'a Quirks,
}

impl Wire<'_> {
    pub(crate) fn integer(self, value: i64) -> Json {
        if self.quirks.quoted_integers {
            value.to_string().into()
        } else {
            value.into()
        }
    }

    fn padded(self, text: &str, width: usize) -> Json {
        if self.quirks.padded_text {
            format!("{text:<width$}").into()
        } else {
            text.to_owned().into()
        }
    }

    fn date(self, object: &mut Object, key: &'static str, at: Option<&DateTime>) {
        match (at, self.quirks.null_dates) {
            (Some(at), _) => object.push(key, written(self.quirks.dates, at)),
            (None, NullDates::Null) => object.push(key, Json::Null),
            (None, NullDates::Absent) => {}
            (None, NullDates::Minimum) => object.push(key, "0001-01-01T00:00:00"),
        }
    }

    /// Writes a list inside a row. If `captured_null` is true, recorded responses show null for an
    /// empty one.
    fn nested(self, object: &mut Object, key: &'static str, rows: Vec<Json>, captured_null: bool) {
        list(object, key, rows, self.quirks.nested_arrays, captured_null);
    }

    /// Writes a list of rows under a key of the response.
    pub(crate) fn rows(self, object: &mut Object, key: &'static str, rows: Vec<Object>) {
        let mut rows: Vec<Json> = rows.into_iter().map(Json::Object).collect();
        if self.quirks.duplicate_rows {
            rows.extend(rows.first().cloned());
        }
        // Of all lists of rows, only `assets` has ever been seen to be missing.
        let form = match self.quirks.top_arrays {
            Arrays::Absent if key != "assets" => Arrays::Null,
            form => form,
        };
        list(object, key, rows, form, true);
    }

    /// Adds undescribed members to the end of a row.
    pub(crate) fn finish(self, mut row: Object) -> Object {
        if self.quirks.unknown_fields {
            row.push("siteCode", "AX-0042");
            let phases = vec![Json::Integer(1), Json::Null, "x".into()];
            let extension = Object::new().with("phase", "GA").with("steps", phases);
            row.push("extension", extension);
        }
        row
    }

    pub(crate) fn unit(self, unit: &Unit) -> Object {
        let key = match self.quirks.parent_key {
            ParentKey::ParentId => "parentId",
            ParentKey::ParentIdUpper => "parentID",
        };
        let mut row = Object::new()
            .with("id", self.integer(unit.id))
            .with("name", unit.name.clone())
            .with("desc", unit.description.clone());
        match (unit.parent, self.quirks.root_parent) {
            (Some(parent), _) => row.push(key, self.integer(parent)),
            (None, RootParent::Null) => row.push(key, Json::Null),
            (None, RootParent::Zero) => row.push(key, self.integer(0)),
            (None, RootParent::Absent) => {}
        }
        self.finish(row)
    }

    pub(crate) fn account(self, account: &Account) -> Object {
        let country = if account.misfit {
            Object::new().with("code", account.country).into()
        } else {
            self.integer(account.country)
        };
        self.finish(
            Object::new()
                .with("id", self.integer(account.id))
                .with("parentId", self.integer(account.unit))
                .with("email", account.email.clone())
                .with("firstName", account.first_name.clone())
                .with("lastName", account.last_name.clone())
                .with("company", account.company.clone())
                .with("countryId", country),
        )
    }

    /// A product as `products/list` shows it.
    pub(crate) fn product(self, product: &Product, folders: &[Folder]) -> Object {
        let mut row = self.product_core(product);
        if !self.quirks.old_shape {
            if !self.quirks.missing_account_id {
                row.push("accountId", self.integer(product.account));
            }
            row.push("folderId", self.integer(product.folder));
            let path = World::folder_path(folders, product.folder);
            row.push("folderPath", path.to_owned());
            row.push("status", product.status.as_str());
        }
        self.finish(row)
    }

    /// The members that a product has in every form.
    fn product_core(self, product: &Product) -> Object {
        // Recorded responses contain both `null` and `[]`, so the form depends on the product.
        let null = hash(product.serial.as_bytes()).is_multiple_of(2);
        let mut row = Object::new().with("description", product.description.clone());
        let mut entitlements = self.entitlements(&product.entitlements);
        if product.misfit == Some(Misfit::Level)
            && let Some(Json::Object(first)) = entitlements.first_mut()
        {
            first.remove("level");
            first.push("level", "high");
        }
        self.nested(&mut row, "entitlements", entitlements, false);
        row.push("isDecommissioned", product.decommissioned);
        row.push("productModel", product.model.clone());
        match product.misfit {
            Some(Misfit::Registered) => row.push("registrationDate", "yesterday"),
            _ => self.date(&mut row, "registrationDate", Some(&product.registered)),
        }
        row.push("serialNumber", product.serial.clone());
        let warranty = self.entitlements(&product.warranty_supports);
        self.nested(&mut row, "warrantySupports", warranty, true);
        let groups = product.groups.iter().map(|group| {
            let row = Object::new().with("assetGroupId", self.integer(group.id));
            Json::Object(self.finish(row.with("assetGroup", group.name)))
        });
        self.nested(&mut row, "assetGroups", groups.collect(), null);
        let contracts = product
            .contracts
            .iter()
            .map(|contract| self.contract(contract));
        self.nested(&mut row, "contracts", contracts.collect(), null);
        self.date(
            &mut row,
            "productModelEoR",
            product.end_of_registration.as_ref(),
        );
        self.date(&mut row, "productModelEoS", product.end_of_support.as_ref());
        row
    }

    pub(crate) fn entitlements(self, entitlements: &[Entitlement]) -> Vec<Json> {
        let rows = entitlements.iter().enumerate();
        rows.map(|(index, entitlement)| {
            let mut row = Object::new();
            self.date(&mut row, "endDate", Some(&entitlement.end));
            row.push("level", self.integer(entitlement.level));
            row.push("levelDesc", self.padded(level_name(entitlement.level), 40));
            self.date(&mut row, "startDate", Some(&entitlement.start));
            row.push("type", self.integer(entitlement.kind));
            let width = if index == 0 { 23 } else { 255 };
            row.push("typeDesc", self.padded(entitlement.kind_name, width));
            if let Some(units) = entitlement.units {
                row.push("units", self.integer(units));
            }
            Json::Object(self.finish(row))
        })
        .collect()
    }

    fn contract(self, contract: &Contract) -> Json {
        let mut row = Object::new()
            .with("contractNumber", contract.number.clone())
            .with("sku", self.padded(&contract.sku, 30));
        let terms = contract.terms.iter().map(|term| {
            let mut row = Object::new();
            self.date(&mut row, "endDate", Some(&term.end));
            self.date(&mut row, "startDate", Some(&term.start));
            Json::Object(self.finish(row.with("supportType", term.support)))
        });
        self.nested(&mut row, "terms", terms.collect(), false);
        Json::Object(self.finish(row))
    }

    /// A product as `products/details` and the registrations show it.
    pub(crate) fn details(self, product: &Product, folders: &[Folder]) -> Object {
        // Values that don't fit a column only appear in lists.
        let fitting = Product {
            misfit: None,
            ..product.clone()
        };
        let mut row = self.product_core(&fitting);
        let license = product
            .license
            .as_ref()
            .map(|license| self.detailed_license(license));
        match (license, self.quirks.license_form) {
            (None, LicenseForm::Plural) => row.push("licenses", Json::Null),
            (None, _) => row.push("license", Json::Null),
            (Some(license), LicenseForm::Object) => row.push("license", license),
            (Some(license), LicenseForm::List) => row.push("license", vec![license.into()]),
            (Some(license), LicenseForm::Plural) => row.push("licenses", vec![license.into()]),
        }
        let location = product.location.as_ref();
        row.push("location", location.map(|location| self.location(location)));
        row.push("partner", product.partner);
        if !self.quirks.missing_account_id {
            row.push("accountId", self.integer(product.account));
        }
        row.push("folderId", self.integer(product.folder));
        let path = World::folder_path(folders, product.folder);
        row.push("folderPath", path.to_owned());
        if self.quirks.extended_lists {
            row.push("warrantyTypeName", WARRANTY_TYPE);
            // These keys can be redeemed, so they are secrets that must not be stored.
            row.push("licenseKeys", vec!["SIMULATED-SECRET-KEY".into()]);
        }
        self.finish(row)
    }

    fn location(self, location: &Location) -> Object {
        let mut row = Object::new().with("addressId", ADDRESS_ID);
        for (key, value) in &location.0 {
            row.push(key, value.clone());
        }
        self.finish(row)
    }

    fn detailed_license(self, license: &License) -> Object {
        let mut row = Object::new()
            .with("licenseNumber", license.number.clone())
            .with("licenseSKU", self.padded(&license.sku, 30))
            .with("licenseType", LICENSE_TYPE)
            .with("licenseFile", license_file(license))
            .with("serialNumber", license.serial.clone());
        let misspelt = expiry_key(self.quirks.license_form);
        self.date(&mut row, misspelt, license.expires.as_ref());
        self.finish(row)
    }

    pub(crate) fn folder(self, folder: &Folder, assets: i64) -> Object {
        let mut row = Object::new()
            .with("folderId", self.integer(folder.id))
            .with("folderName", folder.name.clone())
            .with("folderPath", folder.path.clone())
            .with("parentFolderId", self.integer(folder.parent));
        if self.quirks.extended_lists {
            row.push("assetCount", self.integer(assets));
        }
        self.finish(row)
    }

    pub(crate) fn license(self, license: &License) -> Object {
        let mut row = Object::new()
            .with("licenseNumber", license.number.clone())
            .with("licenseSKU", self.padded(&license.sku, 30))
            .with("serialNumber", license.serial.clone())
            .with("status", license.status.as_str());
        if self.quirks.extended_lists {
            // This code can be redeemed, so it is a secret that must not be stored.
            row.push("registrationCode", "SIMUL-ATEDX-SECRE-TCODE-XXXXXX");
            row.push("description", LISTED_DESCRIPTION);
            self.listed_dates(&mut row, license.status);
        }
        self.finish(row)
    }

    pub(crate) fn listed_contract(self, contract: &ListedContract) -> Object {
        let mut row = Object::new()
            .with("contractNumber", contract.number.clone())
            .with("contractSKU", self.padded(&contract.sku, 30))
            .with("status", contract.status.as_str());
        if self.quirks.extended_lists {
            self.listed_dates(&mut row, contract.status);
        }
        self.finish(row)
    }

    fn listed_dates(self, row: &mut Object, status: Status) {
        let dates = listed_dates(status);
        self.date(row, "startDate", dates.as_ref().map(|(start, _)| start));
        self.date(row, "endDate", dates.as_ref().map(|(_, end)| end));
    }
}

/// Returns the content of a license file.
pub(crate) fn license_file(license: &License) -> String {
    let kind = license.number.get(..2).unwrap_or_default();
    format!(
        "-----BEGIN {kind} VM LICENSE-----\nRVhBTVBMRS1MSUNFTkNFLUZJTEUtTk9ULVJFQUw=\n-----END {kind} VM LICENSE-----\n"
    )
}

fn list(object: &mut Object, key: &'static str, rows: Vec<Json>, form: Arrays, captured: bool) {
    if !rows.is_empty() {
        object.push(key, rows);
        return;
    }
    match form {
        Arrays::Captured if captured => object.push(key, Json::Null),
        Arrays::Captured | Arrays::Empty => object.push(key, Vec::new()),
        Arrays::Null => object.push(key, Json::Null),
        Arrays::Absent => {}
    }
}
