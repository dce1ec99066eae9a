//! The current state of the tenant: the initial one plus changes by calls and faults.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, date};

use super::catalog::{Model, model_of};
use super::model::{Account, Folder, License, ListedContract, Product, ROOT_FOLDER, Status, Unit};
use super::seeded::product::warranty;
use super::seeded::{Seeded, account_id, folder_base, unit_id};
use crate::scenario::Scenario;

/// A product in a list that has not been generated yet.
#[derive(Debug)]
pub(crate) enum Key {
    Seeded(u64),
    Stored(String),
}

/// The properties of a product that a search can check cheaply.
#[derive(Debug)]
pub(crate) struct Brief {
    pub(crate) serial: String,
    pub(crate) model: String,
    pub(crate) status: Status,
}

/// The current data of the tenant.
#[derive(Debug)]
pub(crate) struct World {
    seeded: Seeded,
    day: u64,
    pub(crate) units: Vec<Unit>,
    /// The initial accounts of each OU.
    residents: HashMap<i64, Vec<u64>>,
    moved: BTreeMap<i64, i64>,
    created: Vec<Account>,
    /// New and changed products, by serial number.
    products: HashMap<String, Product>,
    vanished: HashSet<String>,
    /// Serial numbers that were added to an account, before and after its initial ones.
    front: HashMap<i64, Vec<String>>,
    back: HashMap<i64, Vec<String>>,
    folders: HashMap<i64, Vec<Folder>>,
    /// Contracts and registration codes that have been used.
    pub(crate) used: HashSet<String>,
    next: i64,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let seeded = Seeded::new(scenario);
        // Computed once: listing the accounts of an OU would otherwise have to go through all
        // accounts of the tenant.
        let mut residents: HashMap<i64, Vec<u64>> = HashMap::new();
        for account in seeded.accounts() {
            residents
                .entry(seeded.home(account))
                .or_default()
                .push(account);
            if let Some(second) = seeded.second_home(account) {
                residents.entry(second).or_default().push(account);
            }
        }
        Self {
            units: seeded.units(),
            residents,
            seeded,
            day: 0,
            moved: BTreeMap::new(),
            created: Vec::new(),
            products: HashMap::new(),
            vanished: HashSet::new(),
            front: HashMap::new(),
            back: HashMap::new(),
            folders: HashMap::new(),
            used: HashSet::new(),
            next: 0,
        }
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.seeded.scenario
    }

    /// Returns the current time for written data. It depends on the day of the tenant only, so that answers don't depend
    /// on the clock.
    pub(crate) fn now(&self) -> DateTime {
        Self::date_of(self.day).at(7, 40, 11, 0)
    }

    /// Returns the date of a day of the tenant.
    pub(crate) fn date_of(day: u64) -> Date {
        // Scenarios limit the number of days to ten years.
        let days = i64::try_from(day).unwrap_or_default();
        date(2025, 10, 6).saturating_add(days.days())
    }

    pub(crate) fn begin_day(&mut self, day: u64) {
        self.day = day;
    }

    /// Returns the next number for objects that calls create.
    pub(crate) fn number(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    // Accounts and OUs.

    pub(crate) fn unit(&self, id: i64) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.id == id)
    }

    pub(crate) fn next_unit_id(&mut self) -> i64 {
        let number = self.number().unsigned_abs();
        unit_id(self.scenario().organization.ous + number)
    }

    pub(crate) fn account(&self, id: i64) -> Option<Account> {
        match self.seeded.account_index(id) {
            Some(index) => Some(self.seeded_account(index)),
            None => self
                .created
                .iter()
                .find(|account| account.id == id)
                .cloned(),
        }
    }

    fn seeded_account(&self, index: u64) -> Account {
        let mut account = self.seeded.account(index);
        // Accounts are generated again for every response, so a move is remembered separately and
        // applied here.
        account.unit = self.moved.get(&account.id).copied().unwrap_or(account.unit);
        account
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = Account> {
        let seeded = self
            .seeded
            .accounts()
            .map(|index| self.seeded_account(index));
        seeded.chain(self.created.iter().cloned())
    }

    /// Returns the accounts of an OU in listing order.
    pub(crate) fn accounts_under(&self, unit: i64) -> Vec<Account> {
        let residents = self
            .residents
            .get(&unit)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let stayed = residents
            .iter()
            .filter(|index| !self.moved.contains_key(&account_id(**index)))
            .map(|index| self.seeded.account(*index));
        let came = self.moved.iter().filter(|(_, to)| **to == unit);
        let came = came.filter_map(|(id, _)| self.seeded.account_index(*id));
        let came = came.map(|index| self.seeded_account(index));
        let created = self.created.iter().filter(|account| account.unit == unit);
        stayed.chain(came).chain(created.cloned()).collect()
    }

    pub(crate) fn create_account(&mut self, mut account: Account) -> Account {
        account.id = account_id(self.seeded.accounts().end + self.created.len() as u64);
        self.created.push(account.clone());
        account
    }

    pub(crate) fn move_account(&mut self, id: i64, unit: i64) {
        match self.created.iter_mut().find(|account| account.id == id) {
            Some(account) => account.unit = unit,
            None => {
                self.moved.insert(id, unit);
            }
        }
    }

    // Products.

    /// Returns an account's products in listing order.
    pub(crate) fn keys(&self, account: i64) -> Vec<Key> {
        let stored = |serials: Option<&Vec<String>>| {
            let serials = serials.into_iter().flatten();
            let present = serials.filter(|serial| !self.vanished.contains(*serial));
            present.cloned().map(Key::Stored).collect::<Vec<_>>()
        };
        let mut keys = stored(self.front.get(&account));
        if let Some(index) = self.seeded.account_index(account) {
            let seeded = self.seeded.products_of(index);
            keys.extend(seeded.filter_map(|product| self.current(account, product)));
        }
        keys.extend(stored(self.back.get(&account)));
        keys
    }

    /// Returns the key of an initial product, unless it has vanished or moved to another account.
    fn current(&self, account: i64, product: u64) -> Option<Key> {
        if self.products.is_empty() && self.vanished.is_empty() {
            return Some(Key::Seeded(product));
        }
        let serial = self.seeded.serial(product);
        if self.vanished.contains(&serial) {
            return None;
        }
        match self.products.get(&serial) {
            None => Some(Key::Seeded(product)),
            Some(changed) => (changed.account == account).then_some(Key::Stored(serial)),
        }
    }

    pub(crate) fn brief(&self, key: &Key) -> Option<Brief> {
        match key {
            Key::Seeded(product) => Some(Brief {
                serial: self.seeded.serial(*product),
                model: self.seeded.model(*product).name.to_owned(),
                status: Seeded::status(*product),
            }),
            Key::Stored(serial) => self.products.get(serial).map(|product| Brief {
                serial: serial.clone(),
                model: product.model.clone(),
                status: product.status,
            }),
        }
    }

    pub(crate) fn make(&self, key: &Key) -> Option<Product> {
        match key {
            Key::Seeded(product) => Some(self.seeded.product(*product)),
            Key::Stored(serial) => self.products.get(serial).cloned(),
        }
    }

    pub(crate) fn products(&self, account: i64) -> impl Iterator<Item = Product> {
        let keys = self.keys(account).into_iter();
        keys.filter_map(|key| self.make(&key))
    }

    pub(crate) fn product(&self, serial: &str) -> Option<Product> {
        if self.vanished.contains(serial) {
            return None;
        }
        let seeded = || self.seeded.product_with(serial);
        match self.products.get(serial) {
            Some(product) => Some(product.clone()),
            None => seeded().map(|product| self.seeded.product(product)),
        }
    }

    /// Stores a product that is new, changed, or has moved to another account.
    pub(crate) fn keep(&mut self, product: Product) {
        let serial = product.serial.clone();
        let account = product.account;
        self.vanished.remove(&serial);
        for serials in self.front.values_mut().chain(self.back.values_mut()) {
            if self
                .products
                .get(&serial)
                .is_none_or(|before| before.account != account)
            {
                serials.retain(|other| *other != serial);
            }
        }
        let seeded = self.seeded.product_with(&serial);
        let home = seeded.map(|index| self.seeded.account_of(index));
        let listed = [&self.front, &self.back].into_iter().any(|lists| {
            lists
                .get(&account)
                .is_some_and(|serials| serials.contains(&serial))
        });
        if home != Some(account) && !listed {
            self.back.entry(account).or_default().push(serial.clone());
        }
        self.products.insert(serial, product);
    }

    /// Creates a new unit with its included warranty.
    pub(crate) fn fresh(&self, account: i64, model: &Model, serial: String) -> Product {
        Product {
            account,
            serial,
            model: model.name.to_owned(),
            description: None,
            registered: self.now(),
            decommissioned: false,
            status: Status::Registered,
            folder: 0,
            end_of_registration: None,
            end_of_support: None,
            entitlements: warranty(self.now()),
            warranty_supports: Vec::new(),
            groups: Vec::new(),
            contracts: Vec::new(),
            license: None,
            location: None,
            partner: None,
            misfit: None,
        }
    }

    /// Returns an unused serial number.
    pub(crate) fn fresh_serial(&mut self, model: &Model) -> String {
        loop {
            let serial = format!("{}TM25{:06}", model.prefix, 900_900 + self.number());
            if self.product(&serial).is_none() {
                return serial;
            }
        }
    }

    // Days.

    pub(crate) fn seeded_products(&self) -> u64 {
        self.seeded.products()
    }

    /// Returns a product as it was on day 0.
    pub(crate) fn seeded_product(&self, index: u64) -> Product {
        self.seeded.product(index)
    }

    pub(crate) fn seeded_serial(&self, index: u64) -> String {
        self.seeded.serial(index)
    }

    /// Returns the account that a product was in on day 0.
    pub(crate) fn seeded_account_of(&self, index: u64) -> i64 {
        self.seeded.account_of(index)
    }

    /// Returns the model of the next new product.
    pub(crate) fn model_of_next(&self) -> &'static Model {
        self.seeded
            .model(self.seeded_products() + self.next.unsigned_abs())
    }

    /// Removes a product.
    pub(crate) fn remove(&mut self, serial: &str) {
        self.vanished.insert(serial.to_owned());
    }

    /// Removes the account's first product.
    pub(crate) fn vanish(&mut self, account: i64) {
        let first = self.keys(account).first().and_then(|key| self.brief(key));
        self.vanished.extend(first.map(|brief| brief.serial));
    }

    /// Adds a new product before all others of the account.
    pub(crate) fn appear(&mut self, account: i64) {
        let Some(model) = model_of("FGT60F") else {
            return;
        };
        let serial = self.fresh_serial(model);
        let serials = self.front.entry(account).or_default();
        serials.insert(0, serial.clone());
        let product = self.fresh(account, model, serial.clone());
        self.products.insert(serial, product);
    }

    // Other objects of an account.

    pub(crate) fn folders(&self, account: i64) -> Vec<Folder> {
        match self.folders.get(&account) {
            Some(folders) => folders.clone(),
            None => match self.seeded.account_index(account) {
                Some(index) => self.seeded.folders(index),
                None => Vec::new(),
            },
        }
    }

    pub(crate) fn set_folders(&mut self, account: i64, folders: Vec<Folder>) {
        self.folders.insert(account, folders);
    }

    /// Counts an account's products in a folder.
    pub(crate) fn assets_in(&self, account: i64, folder: i64) -> i64 {
        let products = self.products(account);
        let inside = products.filter(|product| product.folder == folder);
        i64::try_from(inside.count()).unwrap_or(i64::MAX)
    }

    pub(crate) fn next_folder_id(&mut self) -> i64 {
        folder_base(self.seeded.accounts().end) + self.number()
    }

    /// Returns the path of a folder. An unknown id counts as the root.
    pub(crate) fn folder_path(folders: &[Folder], id: i64) -> &str {
        let folder = folders.iter().find(|folder| folder.id == id);
        folder.map_or(ROOT_FOLDER, |folder| folder.path.as_str())
    }

    pub(crate) fn licenses(&self, account: i64) -> Vec<License> {
        let keys = self.keys(account);
        let used = keys.iter().filter_map(|key| match key {
            Key::Seeded(product) => self.seeded.license(*product),
            Key::Stored(serial) => self.products.get(serial)?.license.clone(),
        });
        let index = self.seeded.account_index(account);
        let pending = index.map(|index| self.seeded.pending_licenses(index));
        used.chain(pending.into_iter().flatten()).collect()
    }

    pub(crate) fn contracts(&self, account: i64) -> Vec<ListedContract> {
        let mut seen = HashSet::new();
        let contracts = self.products(account).flat_map(|product| product.contracts);
        let used = contracts.map(|contract| ListedContract {
            number: contract.number,
            sku: contract.sku,
            status: Status::Registered,
        });
        let index = self.seeded.account_index(account);
        let pending = index.map(|index| self.seeded.pending_contracts(index));
        used.chain(pending.into_iter().flatten())
            .filter(|contract| seen.insert(contract.number.clone()))
            .collect()
    }
}
