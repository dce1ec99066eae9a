//! A simple reader that converts answers to tables, which are then compared with the expected ones.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_simulator::Row;
use serde_json::{Map, Value, json};

use crate::client::{ACCOUNTS, ASSETS, Client, UNITS};
use crate::columns::{
    ACCOUNT, CONTRACT, Columns, DETAILED_LICENSE, DETAILS, ENTITLEMENT, FOLDER, GROUP, Kind,
    LICENSE, LISTED, LOCATION, NESTED, PRODUCT, SECRETS, TERM, UNIT,
};
use crate::{flex, neighbors};

type Tables = BTreeMap<String, Vec<Row>>;

/// Crawls a tenant and compares every table with the expected one, row by row.
pub(crate) async fn check(scenario: &str) -> Tables {
    let client = Client::new(scenario);
    check_client(&client).await
}

pub(crate) async fn check_client(client: &Client) -> Tables {
    let mut crawl = Crawl::default();
    crawl.run(client).await;
    flex::crawl(client, &mut crawl).await;
    neighbors::crawl(client, &mut crawl).await;
    let truth = client.simulator.truth().tables;
    for (table, expected) in &truth {
        let read = crawl.tables.remove(table).unwrap_or_default();
        let (read, expected) = (sorted(&read), sorted(expected));
        for (read, expected) in read.iter().zip(&expected) {
            assert_eq!(read, expected, "{table}");
        }
        assert_eq!(read.len(), expected.len(), "{table}");
    }
    assert!(crawl.tables.is_empty(), "{:?}", crawl.tables.keys());
    truth
}

fn sorted(rows: &[Row]) -> Vec<String> {
    let mut rows: Vec<_> = rows
        .iter()
        .map(|row| serde_json::to_string(row).unwrap())
        .collect();
    rows.sort();
    rows
}

#[derive(Default)]
pub(crate) struct Crawl {
    tables: Tables,
    /// The keys of the rows read so far, by table.
    seen: BTreeSet<String>,
    /// Products whose details have not been read yet, with their accounts.
    unread: Vec<(Option<i64>, Value)>,
}

impl Crawl {
    async fn run(&mut self, client: &Client) {
        let (status, body) = client.call(&format!("{UNITS}list"), json!({})).await;
        if status == 400 {
            return self.belongings(client, None).await;
        }
        let organization = &body["organizationUnits"];
        let mut units = vec![integer(&organization["orgId"])];
        for unit in rows(&organization["orgUnits"]) {
            let fixed = [("org_id", integer(&organization["orgId"]))];
            let mut row = self.row("org_units", UNIT, unit, &fixed, &["ou_id"]);
            if row["parent_ou_id"] == json!(0) {
                row.insert("parent_ou_id".to_owned(), Value::Null);
            }
            units.push(row["ou_id"].clone());
            self.push("org_units", row, &["ou_id"]);
        }
        let mut accounts = BTreeSet::new();
        for unit in units {
            let (_, body) = client
                .call(&format!("{ACCOUNTS}list"), json!({ "parentId": unit }))
                .await;
            for account in rows(&body["accounts"]) {
                let row = self.row("accounts", ACCOUNT, account, &[], &["account_id"]);
                accounts.insert(row["account_id"].as_i64().unwrap());
                self.push("accounts", row, &["account_id"]);
            }
        }
        for account in accounts {
            self.belongings(client, Some(account)).await;
        }
    }

    async fn belongings(&mut self, client: &Client, account: Option<i64>) {
        for status in ["Registered", "Pending"] {
            if !self.search(client, account, status, "%").await {
                self.search(client, account, status, "F").await;
                self.search(client, account, status, "S").await;
            }
        }
        self.details(client).await;
        for (table, path, key, columns, id) in [
            (
                "folders",
                "folders/list",
                "assetFolders",
                FOLDER,
                "folder_id",
            ),
            (
                "licenses",
                "licenses/list",
                "licenses",
                LICENSE,
                "license_number",
            ),
            (
                "contracts",
                "contracts/list",
                "contracts",
                LISTED,
                "contract_number",
            ),
        ] {
            let body = client.asset(path, arguments(account)).await;
            for row in rows(&body[key]) {
                let fixed = [("account_id", json!(account))];
                let row = self.row(table, columns, row, &fixed, &["account_id", id]);
                self.push(table, row, &["account_id", id]);
            }
        }
    }

    async fn details(&mut self, client: &Client) {
        for (account, serial) in std::mem::take(&mut self.unread) {
            let arguments = json!({ "serialNumber": serial });
            let body = client.asset("products/details", arguments).await;
            let details = &body["assetDetails"];
            let fixed = [("account_id", json!(account))];
            let row = self.row("product_details", DETAILS, details, &fixed, &[]);
            let above = [
                ("account_id", row["account_id"].clone()),
                ("serial_number", row["serial_number"].clone()),
            ];
            self.push("product_details", row, &["account_id", "serial_number"]);
            if details["location"].is_object() {
                let row = self.row(
                    "product_locations",
                    LOCATION,
                    &details["location"],
                    &above,
                    &[],
                );
                self.push("product_locations", row, &["account_id", "serial_number"]);
            }
            let licenses = details.get("licenses").unwrap_or(&details["license"]);
            let one = [licenses.clone()];
            let licenses = if licenses.is_object() {
                &one
            } else {
                rows(licenses)
            };
            let licenses = Value::Array(licenses.to_vec());
            self.nested("product_licenses", DETAILED_LICENSE, &licenses, &above);
        }
    }

    /// Reads every page of a search. Returns whether it found anything.
    async fn search(
        &mut self,
        client: &Client,
        account: Option<i64>,
        status: &str,
        pattern: &str,
    ) -> bool {
        let mut arguments = arguments(account);
        arguments["serialNumber"] = pattern.into();
        arguments["status"] = status.into();
        let path = format!("{ASSETS}products/list");
        let (_, first) = client.call(&path, arguments.clone()).await;
        self.page(&first, account);
        let pages = integer(&first["totalPages"]).as_i64().unwrap_or_default();
        let base = integer(&first["pageNumber"]).as_i64().unwrap_or_default();
        for page in 1..pages {
            arguments["pageNumber"] = (base + page).into();
            let (_, body) = client.call(&path, arguments.clone()).await;
            assert_eq!(integer(&body["pageNumber"]), json!(base + page));
            self.page(&body, account);
        }
        !rows(&first["assets"]).is_empty()
    }

    fn page(&mut self, body: &Value, account: Option<i64>) {
        const KEY: &[&str] = &["account_id", "serial_number"];
        for asset in rows(&body["assets"]) {
            let fixed = [("account_id", json!(account))];
            let product = self.row("products", PRODUCT, asset, &fixed, KEY);
            let fixed = [
                ("account_id", product["account_id"].clone()),
                ("serial_number", product["serial_number"].clone()),
            ];
            if !self.push("products", product, KEY) {
                continue;
            }
            self.unread.push((account, asset["serialNumber"].clone()));
            self.nested("entitlements", ENTITLEMENT, &asset["entitlements"], &fixed);
            self.nested(
                "warranty_supports",
                ENTITLEMENT,
                &asset["warrantySupports"],
                &fixed,
            );
            self.nested("asset_groups", GROUP, &asset["assetGroups"], &fixed);
            self.nested("product_contracts", CONTRACT, &asset["contracts"], &fixed);
            for (index, contract) in rows(&asset["contracts"]).iter().enumerate() {
                let [account, serial] = fixed.clone();
                let fixed = [account, serial, ("contract_index", index.into())];
                self.nested("contract_terms", TERM, &contract["terms"], &fixed);
            }
        }
    }

    fn nested(&mut self, table: &str, columns: Columns, list: &Value, above: &[(&str, Value)]) {
        for (index, row) in rows(list).iter().enumerate() {
            let mut fixed = above.to_vec();
            fixed.push(("_index", index.into()));
            let key = ["account_id", "serial_number", "_index"];
            let row = self.row(table, columns, row, &fixed, &key);
            self.tables.entry(table.to_owned()).or_default().push(row);
        }
    }

    /// Reads a row into its columns, and everything without a column into `_extra`.
    pub(crate) fn row(
        &mut self,
        table: &str,
        columns: Columns,
        value: &Value,
        fixed: &[(&str, Value)],
        key: &[&str],
    ) -> Row {
        let mut row = Row::new();
        let mut extra = Map::new();
        let mut issues = Vec::new();
        for (column, _, _) in columns {
            row.insert((*column).to_owned(), Value::Null);
        }
        for (column, value) in fixed {
            row.insert((*column).to_owned(), value.clone());
        }
        for (name, value) in value.as_object().unwrap() {
            let Some((column, _, kind)) = columns.iter().find(|(_, key, _)| key == name) else {
                if !NESTED.contains(&name.as_str()) && !SECRETS.contains(&name.as_str()) {
                    extra.insert(name.clone(), value.clone());
                }
                continue;
            };
            let read = match kind {
                Kind::Any => trimmed(value),
                Kind::Integer => integer(value),
                Kind::Date => date(value, name, &mut extra),
            };
            if read.is_null()
                && !value.is_null()
                && !value.as_str().is_some_and(|text| text.starts_with("0001-"))
            {
                issues.push((*column, value.clone()));
            }
            row.insert((*column).to_owned(), read);
        }
        let extra = if extra.is_empty() {
            Value::Null
        } else {
            Value::Object(extra)
        };
        row.insert("_extra".to_owned(), extra);
        for (column, value) in issues {
            let key: Map<_, _> = key
                .iter()
                .map(|key| ((*key).to_owned(), row[*key].clone()))
                .collect();
            let issue =
                json!({ "table_name": table, "key": key, "column_name": column, "value": value });
            let issue = issue.as_object().unwrap().clone().into_iter().collect();
            self.push("issues", issue, &["table_name", "key", "column_name"]);
        }
        row
    }

    /// Stores a row, unless a row with its key was stored before.
    pub(crate) fn push(&mut self, table: &str, row: Row, key: &[&str]) -> bool {
        let key: Vec<_> = key.iter().map(|column| &row[*column]).collect();
        let new = self
            .seen
            .insert(format!("{table} {}", serde_json::to_string(&key).unwrap()));
        if new {
            self.tables.entry(table.to_owned()).or_default().push(row);
        }
        new
    }
}

fn arguments(account: Option<i64>) -> Value {
    account.map_or_else(|| json!({}), |account| json!({ "accountId": account }))
}

fn rows(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn trimmed(value: &Value) -> Value {
    match value {
        Value::String(text) => text.trim_end_matches(' ').into(),
        other => other.clone(),
    }
}

fn integer(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<i64>().map_or(Value::Null, Value::from),
        Value::Number(_) => value.clone(),
        _ => Value::Null,
    }
}

fn date(value: &Value, name: &str, extra: &mut Map<String, Value>) -> Value {
    let Some(text) = value
        .as_str()
        .filter(|text| text.len() >= 19 && !text.starts_with("0001-"))
    else {
        return Value::Null;
    };
    let (seconds, rest) = text.split_at(19);
    let offset = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (fraction, offset) = rest.split_at(offset);
    if !offset.is_empty() {
        extra.insert(name.to_owned(), offset.into());
    }
    let seconds = seconds.replace(' ', "T");
    match fraction {
        "" => seconds.into(),
        fraction => format!("{seconds}{fraction:0<7}").into(),
    }
}
