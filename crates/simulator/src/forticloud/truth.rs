//! The tables that follow from the tenant's data.
//!
//! Nothing here looks at an answer or at the code that writes them, so that the two cannot share a mistake.

use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::catalog::level_name;
use super::dates::offset_of;
use super::model::{
    Account, Entitlement, Folder, LISTED_DESCRIPTION, License, ListedContract, Misfit, Product,
    Status, Unit, listed_dates,
};
use super::world::World;
use crate::scenario::{Dates, Quirks, Scope};
use crate::truth::{Row, Truth};

const TABLES: [&str; 11] = [
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
];

pub(crate) fn truth(world: &World) -> Truth {
    let scenario = world.scenario();
    let mut builder = Builder {
        quirks: &scenario.quirks,
        scope: scenario.organization.scope,
        truth: Truth {
            tables: TABLES.map(|table| (table.to_owned(), Vec::new())).into(),
        },
    };
    if scenario.quirks.misfits {
        builder.truth.tables.insert("issues".to_owned(), Vec::new());
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
    builder.truth
}

/// A row in the making.
struct Draft {
    row: Row,
    extra: Map<String, Value>,
    dates: Dates,
}

impl Draft {
    fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.row.insert(column.to_owned(), value.into());
        self
    }

    fn text(self, column: &str, text: &str) -> Self {
        self.with(column, text.trim_end_matches(' '))
    }

    /// A timestamp, and the offset that was written after it under the API's name.
    fn date(mut self, column: &str, field: &str, at: Option<&DateTime>) -> Self {
        if let Some(offset) = at.and_then(|at| offset_of(self.dates, at)) {
            self.extra.insert(field.to_owned(), offset.into());
        }
        self.with(column, at.map(moment))
    }
}

fn moment(at: &DateTime) -> String {
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%S");
    match at.subsec_nanosecond() / 1000 {
        0 => seconds.to_string(),
        microsecond => format!("{seconds}.{microsecond:06}"),
    }
}

struct Builder<'a> {
    quirks: &'a Quirks,
    scope: Scope,
    truth: Truth,
}

impl Builder<'_> {
    fn draft(&self) -> Draft {
        let mut extra = Map::new();
        if self.quirks.unknown_fields {
            extra.insert("siteCode".to_owned(), "AX-0042".into());
            let extension = json!({ "phase": "GA", "steps": [1, null, "x"] });
            extra.insert("extension".to_owned(), extension);
        }
        Draft {
            row: Row::new(),
            extra,
            dates: self.quirks.dates,
        }
    }

    fn push(&mut self, table: &str, draft: Draft) {
        let extra = Some(draft.extra).filter(|extra| !extra.is_empty());
        let mut row = draft.row;
        row.insert(
            "_extra".to_owned(),
            extra.map_or(Value::Null, Value::Object),
        );
        self.truth
            .tables
            .entry(table.to_owned())
            .or_default()
            .push(row);
    }

    fn issue(&mut self, table: &str, key: &Value, column: &str, value: Value) {
        let row = [
            ("table", table.into()),
            ("key", key.clone()),
            ("column", column.into()),
            ("value", value),
        ];
        let row = row.map(|(column, value)| (column.to_owned(), value)).into();
        self.truth
            .tables
            .entry("issues".to_owned())
            .or_default()
            .push(row);
    }

    fn unit(&mut self, unit: &Unit, root: Option<i64>) {
        let draft = self
            .draft()
            .with("ou_id", unit.id)
            .with("org_id", root)
            .text("name", &unit.name)
            .text("description", &unit.description)
            .with("parent_ou_id", unit.parent);
        self.push("org_units", draft);
    }

    fn account(&mut self, account: &Account) {
        let draft = self
            .draft()
            .with("account_id", account.id)
            .with("ou_id", account.unit)
            .text("email", &account.email)
            .text("first_name", &account.first_name)
            .text("last_name", &account.last_name)
            .text("company", &account.company)
            .with("country_id", (!account.misfit).then_some(account.country));
        self.push("accounts", draft);
        if account.misfit {
            let value = json!({ "code": account.country });
            self.issue(
                "accounts",
                &json!({ "account_id": account.id }),
                "country_id",
                value,
            );
        }
    }

    fn belongings(&mut self, world: &World, account: i64) {
        let folders = world.folders(account);
        // A call that names no account says nothing of whose the rows are.
        let asked = (self.scope == Scope::Organization).then_some(account);
        for product in world.products(account) {
            let silent = self.quirks.missing_account_id || self.quirks.old_shape;
            let owner = if silent { asked } else { Some(product.account) };
            self.product(&product, owner, &folders);
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
        self.push("products", draft);
        if yesterday {
            let key = json!({ "account_id": account, "serial_number": product.serial });
            self.issue("products", &key, "registration_date", "yesterday".into());
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
        self.draft()
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
            self.push(table, draft);
            if high {
                let key = json!({ "account_id": account, "serial_number": product.serial, "_index": index });
                self.issue(table, &key, "level", "high".into());
            }
        }
    }

    fn groups(&mut self, product: &Product, account: Option<i64>) {
        for (index, group) in product.groups.iter().enumerate() {
            let draft = self
                .nested(product, account, index)
                .with("asset_group_id", group.id)
                .with("asset_group", group.name);
            self.push("asset_groups", draft);
        }
    }

    fn contracts_of(&mut self, product: &Product, account: Option<i64>) {
        for (index, contract) in product.contracts.iter().enumerate() {
            let draft = self
                .nested(product, account, index)
                .text("contract_number", &contract.number)
                .text("sku", &contract.sku);
            self.push("product_contracts", draft);
            for (term_index, term) in contract.terms.iter().enumerate() {
                let draft = self
                    .nested(product, account, term_index)
                    .with("contract_index", index)
                    .date("start_date", "startDate", Some(&term.start))
                    .date("end_date", "endDate", Some(&term.end))
                    .with("support_type", term.support);
                self.push("contract_terms", draft);
            }
        }
    }

    fn folder(&mut self, folder: &Folder, account: Option<i64>, assets: Option<i64>) {
        let draft = self
            .draft()
            .with("account_id", account)
            .with("folder_id", folder.id)
            .text("folder_name", &folder.name)
            .with("parent_folder_id", folder.parent)
            .text("folder_path", &folder.path)
            .with("asset_count", assets);
        self.push("folders", draft);
    }

    fn listed(&self, status: Status) -> Option<(DateTime, DateTime)> {
        listed_dates(status).filter(|_| self.quirks.extended_lists)
    }

    fn license(&mut self, license: &License, account: Option<i64>) {
        let dates = self.listed(license.status);
        let described = self.quirks.extended_lists.then_some(LISTED_DESCRIPTION);
        let draft = self
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
        self.push("licenses", draft);
    }

    fn contract(&mut self, contract: &ListedContract, account: Option<i64>) {
        let dates = self.listed(contract.status);
        let draft = self
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
        self.push("contracts", draft);
    }
}
