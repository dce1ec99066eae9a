//! The tables that a correct crawl must produce, derived from the tenant's data.
//!
//! Nothing here reads a response, or uses the code that writes responses. Deriving the tables from
//! responses would be shorter, but a mistake in a response would then also be in the expected
//! table, and no test would notice.

use jiff::civil::DateTime;
use serde_json::json;

use super::catalog::level_name;
use super::flex;
use super::model::{
    Account, Entitlement, Folder, LISTED_DESCRIPTION, License, ListedContract, Misfit, Product,
    Status, Unit, listed_dates,
};
use super::world::World;
use crate::scenario::{Quirks, Scope};
use crate::truth::{Draft, Tables};

mod details;

const TABLES: [&str; 14] = [
    "org_units",
    "accounts",
    "products",
    "entitlements",
    "product_contracts",
    "contract_terms",
    "asset_groups",
    "warranty_supports",
    "folders",
    "licenses",
    "contracts",
    "product_details",
    "product_locations",
    "product_licenses",
];

/// Adds the tables that a crawl of the tenant must publish.
pub(crate) fn truth(world: &World) -> Tables<'_> {
    let scenario = world.scenario();
    let mut builder = Builder {
        quirks: &scenario.quirks,
        scope: scenario.organization.scope,
        tables: Tables::new(&scenario.quirks, &TABLES),
    };
    for name in flex::TABLES {
        builder.tables.add(name);
    }
    if scenario.quirks.misfits {
        builder.tables.add("issues");
    }
    if builder.scope == Scope::Organization {
        let root = world.units.iter().find(|unit| unit.parent.is_none());
        for unit in &world.units {
            if scenario.organization.root_listed || unit.parent.is_some() {
                builder.unit(unit, root.map(|root| root.id));
            }
        }
    }
    for account in world.accounts() {
        if builder.scope == Scope::Organization {
            builder.account(&account);
        }
        builder.belongings(world, account.id);
    }
    builder.tables
}

struct Builder<'a> {
    quirks: &'a Quirks,
    scope: Scope,
    tables: Tables<'a>,
}

impl Builder<'_> {
    fn unit(&mut self, unit: &Unit, root: Option<i64>) {
        let draft = self
            .tables
            .draft()
            .with("ou_id", unit.id)
            .with("org_id", root)
            .text("name", &unit.name)
            .text("description", &unit.description)
            .with("parent_ou_id", unit.parent);
        self.tables.push("org_units", draft);
    }

    fn account(&mut self, account: &Account) {
        let draft = self
            .tables
            .draft()
            .with("account_id", account.id)
            .with("ou_id", account.unit)
            .text("email", &account.email)
            .text("first_name", &account.first_name)
            .text("last_name", &account.last_name)
            .text("company", &account.company)
            .with("country_id", (!account.misfit).then_some(account.country));
        self.tables.push("accounts", draft);
        if account.misfit {
            let value = json!({ "code": account.country });
            self.tables.issue(
                "accounts",
                &json!({ "account_id": account.id }),
                "country_id",
                value,
            );
        }
    }

    fn belongings(&mut self, world: &World, account: i64) {
        let folders = world.folders(account);
        // A response to a call without an account doesn't say which account the rows belong to.
        let asked = (self.scope == Scope::Organization).then_some(account);
        for product in world.products(account) {
            let silent = self.quirks.missing_account_id || self.quirks.old_shape;
            let owner = if silent { asked } else { Some(product.account) };
            self.product(&product, owner, &folders);
            // Details always contain the folder, whatever the form of the list.
            let silent = self.quirks.missing_account_id;
            let owner = if silent { asked } else { Some(product.account) };
            self.details(&product, owner, &folders);
        }
        for folder in &folders {
            let count = self
                .quirks
                .extended_lists
                .then(|| world.assets_in(account, folder.id));
            self.folder(folder, asked, count);
        }
        for license in world.licenses(account) {
            self.license(&license, asked);
        }
        for contract in world.contracts(account) {
            self.contract(&contract, asked);
        }
    }

    fn product(&mut self, product: &Product, account: Option<i64>, folders: &[Folder]) {
        let shape = !self.quirks.old_shape;
        let path = World::folder_path(folders, product.folder);
        let yesterday = product.misfit == Some(Misfit::Registered);
        let registered = (!yesterday).then_some(&product.registered);
        let draft = self
            .tables
            .draft()
            .with("account_id", account)
            .with("serial_number", product.serial.as_str())
            .text("product_model", &product.model)
            .with(
                "description",
                product
                    .description
                    .as_deref()
                    .map(|text| text.trim_end_matches(' ')),
            )
            .date("registration_date", "registrationDate", registered)
            .with("is_decommissioned", product.decommissioned)
            .with("status", shape.then(|| product.status.as_str()))
            .with("folder_id", shape.then_some(product.folder))
            .with("folder_path", shape.then_some(path))
            .date(
                "product_model_eor",
                "productModelEoR",
                product.end_of_registration.as_ref(),
            )
            .date(
                "product_model_eos",
                "productModelEoS",
                product.end_of_support.as_ref(),
            );
        self.tables.push("products", draft);
        if yesterday {
            let key = json!({ "account_id": account, "serial_number": product.serial });
            self.tables
                .issue("products", &key, "registration_date", "yesterday".into());
        }
        self.entitlements("entitlements", product, account, &product.entitlements);
        self.entitlements(
            "warranty_supports",
            product,
            account,
            &product.warranty_supports,
        );
        self.groups(product, account);
        self.contracts_of(product, account);
    }

    fn nested(&self, product: &Product, account: Option<i64>, index: usize) -> Draft {
        self.tables
            .draft()
            .with("account_id", account)
            .with("serial_number", product.serial.as_str())
            .with("_index", index)
    }

    fn entitlements(
        &mut self,
        table: &str,
        product: &Product,
        account: Option<i64>,
        entitlements: &[Entitlement],
    ) {
        for (index, entitlement) in entitlements.iter().enumerate() {
            let first = table == "entitlements" && index == 0;
            let high = first && product.misfit == Some(Misfit::Level);
            let draft = self
                .nested(product, account, index)
                .with("level", (!high).then_some(entitlement.level))
                .with("level_desc", level_name(entitlement.level))
                .with("type", entitlement.kind)
                .with("type_desc", entitlement.kind_name)
                .date("start_date", "startDate", Some(&entitlement.start))
                .date("end_date", "endDate", Some(&entitlement.end))
                .with("units", entitlement.units);
            self.tables.push(table, draft);
            if high {
                let key = json!({ "account_id": account, "serial_number": product.serial, "_index": index });
                self.tables.issue(table, &key, "level", "high".into());
            }
        }
    }

    fn groups(&mut self, product: &Product, account: Option<i64>) {
        for (index, group) in product.groups.iter().enumerate() {
            let draft = self
                .nested(product, account, index)
                .with("asset_group_id", group.id)
                .with("asset_group", group.name);
            self.tables.push("asset_groups", draft);
        }
    }

    fn contracts_of(&mut self, product: &Product, account: Option<i64>) {
        for (index, contract) in product.contracts.iter().enumerate() {
            let draft = self
                .nested(product, account, index)
                .text("contract_number", &contract.number)
                .text("sku", &contract.sku);
            self.tables.push("product_contracts", draft);
            for (term_index, term) in contract.terms.iter().enumerate() {
                let draft = self
                    .nested(product, account, term_index)
                    .with("contract_index", index)
                    .date("start_date", "startDate", Some(&term.start))
                    .date("end_date", "endDate", Some(&term.end))
                    .with("support_type", term.support);
                self.tables.push("contract_terms", draft);
            }
        }
    }

    fn folder(&mut self, folder: &Folder, account: Option<i64>, assets: Option<i64>) {
        let draft = self
            .tables
            .draft()
            .with("account_id", account)
            .with("folder_id", folder.id)
            .text("folder_name", &folder.name)
            .with("parent_folder_id", folder.parent)
            .text("folder_path", &folder.path)
            .with("asset_count", assets);
        self.tables.push("folders", draft);
    }

    fn listed(&self, status: Status) -> Option<(DateTime, DateTime)> {
        listed_dates(status).filter(|_| self.quirks.extended_lists)
    }

    fn license(&mut self, license: &License, account: Option<i64>) {
        let dates = self.listed(license.status);
        let described = self.quirks.extended_lists.then_some(LISTED_DESCRIPTION);
        let draft = self
            .tables
            .draft()
            .with("account_id", account)
            .text("license_number", &license.number)
            .text("sku", &license.sku)
            .with("serial_number", license.serial.as_deref())
            .with("status", license.status.as_str())
            .with("description", described)
            .date(
                "start_date",
                "startDate",
                dates.as_ref().map(|(start, _)| start),
            )
            .date("end_date", "endDate", dates.as_ref().map(|(_, end)| end));
        self.tables.push("licenses", draft);
    }

    fn contract(&mut self, contract: &ListedContract, account: Option<i64>) {
        let dates = self.listed(contract.status);
        let draft = self
            .tables
            .draft()
            .with("account_id", account)
            .text("contract_number", &contract.number)
            .text("sku", &contract.sku)
            .with("status", contract.status.as_str())
            .date(
                "start_date",
                "startDate",
                dates.as_ref().map(|(start, _)| start),
            )
            .date("end_date", "endDate", dates.as_ref().map(|(_, end)| end));
        self.tables.push("contracts", draft);
    }
}
