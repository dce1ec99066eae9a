//! The initial state of the tenant, before any write: a pure function of the scenario.
//!
//! Only the sizes are kept in memory. Accounts and products are generated on demand, and a serial
//! number reveals which product it belongs to. Keeping them in memory would be simpler, but tests
//! of large tenants would spend their time on setup. The price is that every response generates its
//! rows again.

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::{DateTime, date};

use super::catalog::{
    ACCESS_POINTS, COMPANY_FIRST, COMPANY_LAST, FIREWALLS, FIRST_NAMES, FOLDER_NAMES, Kind,
    LAST_NAMES, Model, OTHERS, SWITCHES, UNIT_NAMES, hostile,
};
use super::model::{Account, Folder, License, ListedContract, Misfit, ROOT_FOLDER, Status, Unit};
use crate::random::{RandomSequence, Stream, at, draw};
use crate::scenario::{Scenario, Scope};

pub(crate) use self::neighbors::{Firewall, Person, firewalls, people};

pub(crate) mod coverage;
mod neighbors;
pub(crate) mod product;
#[cfg(test)]
mod tests;

const ROOT_UNIT: i64 = 2_100_001;
const UNIT_STEP: i64 = 13;
const FIRST_ACCOUNT: i64 = 710_101;
const ACCOUNT_STEP: i64 = 11;
const FIRST_FOLDER: i64 = 880_100;
/// The number of folder ids reserved for each account.
const FOLDERS_PER_ACCOUNT: i64 = 16;

/// The initial state of a tenant.
#[derive(Debug)]
pub(crate) struct Seeded {
    pub(crate) scenario: Scenario,
    accounts: u64,
    /// The index of each account's first product, followed by the total number of products.
    offsets: Vec<u64>,
}

impl Seeded {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let accounts = match scenario.organization.scope {
            Scope::Organization => scenario.organization.accounts,
            Scope::Local => 1,
        };
        let offsets = offsets(scenario.seed, accounts, scenario.organization.products);
        Self {
            scenario,
            accounts,
            offsets,
        }
    }

    pub(crate) fn accounts(&self) -> Range<u64> {
        0..self.accounts
    }

    /// Returns the indexes of an account's products.
    pub(crate) fn products_of(&self, account: u64) -> Range<u64> {
        let index = at_end(account);
        match (self.offsets.get(index), self.offsets.get(index + 1)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    pub(crate) fn products(&self) -> u64 {
        self.offsets.last().copied().unwrap_or_default()
    }

    pub(crate) fn account_of(&self, product: u64) -> i64 {
        let following = self.offsets.partition_point(|start| *start <= product);
        account_id(following.saturating_sub(1) as u64)
    }

    pub(crate) fn account_index(&self, id: i64) -> Option<u64> {
        let distance = id.checked_sub(FIRST_ACCOUNT)?;
        let index = u64::try_from(distance / ACCOUNT_STEP).ok()?;
        (distance % ACCOUNT_STEP == 0 && index < self.accounts).then_some(index)
    }

    pub(crate) fn units(&self) -> Vec<Unit> {
        (0..self.scenario.organization.ous)
            .map(|index| self.unit(index))
            .collect()
    }

    fn unit(&self, index: u64) -> Unit {
        let parent = (index > 0).then(|| {
            let drawn = draw(self.scenario.seed, Stream::UnitParent, index);
            // Two of three units are placed under one of the first few, so that the tree is wide.
            unit_id(
                drawn
                    % if drawn.is_multiple_of(3) {
                        index
                    } else {
                        index.min(4)
                    },
            )
        });
        let name = match index.checked_sub(1) {
            None => "Nordlicht Holding".to_owned(),
            Some(child) => numbered(UNIT_NAMES, child),
        };
        let description = match index {
            _ if self.scenario.quirks.hostile_text => hostile(index),
            0 => "Root of the organization".to_owned(),
            _ if index.is_multiple_of(3) => "Tenants run for third parties".to_owned(),
            _ => String::new(),
        };
        Unit {
            id: unit_id(index),
            name,
            description,
            parent,
        }
    }

    /// Returns the OU that an account belongs to.
    pub(crate) fn home(&self, account: u64) -> i64 {
        let drawn = draw(self.scenario.seed, Stream::AccountUnit, account);
        unit_id(drawn % self.scenario.organization.ous)
    }

    /// Returns a second OU that lists the account, if there is one.
    pub(crate) fn second_home(&self, account: u64) -> Option<i64> {
        let ous = i64::try_from(self.scenario.organization.ous).ok()?;
        let shared = account < self.scenario.organization.shared_accounts && ous > 1;
        let next = (self.home(account) - ROOT_UNIT) / UNIT_STEP + 1;
        shared.then(|| ROOT_UNIT + next % ous * UNIT_STEP)
    }

    pub(crate) fn account(&self, index: u64) -> Account {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::AccountPerson, index);
        // The lengths of the two lists have no common divisor, so names repeat as late as possible.
        let first = COMPANY_FIRST[at(index, COMPANY_FIRST.len())];
        let (last, country) = COMPANY_LAST[at(index, COMPANY_LAST.len())];
        let round = index / (COMPANY_FIRST.len() * COMPANY_LAST.len()) as u64;
        let company = match round {
            0 => format!("{first} {last}"),
            _ => format!("{first} {last} {}", round + 1),
        };
        let host: String = first.chars().filter(char::is_ascii_alphanumeric).collect();
        let mailbox = *dice.pick(&["it", "network", "fortinet", "security"]);
        Account {
            id: account_id(index),
            unit: self.home(index),
            email: format!("{mailbox}@{}-{}.example", host.to_lowercase(), index + 1),
            first_name: (*dice.pick(FIRST_NAMES)).to_owned(),
            last_name: (*dice.pick(LAST_NAMES)).to_owned(),
            company,
            country,
            misfit: self.scenario.quirks.misfits && index % 4 == 1,
        }
    }

    fn folder_count(&self, account: u64) -> u64 {
        draw(self.scenario.seed, Stream::FolderCount, account) % (FOLDER_NAMES.len() as u64 + 1)
    }

    pub(crate) fn folders(&self, account: u64) -> Vec<Folder> {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::Folders, account);
        let base = folder_base(account);
        let mut folders: Vec<Folder> = Vec::new();
        for (id, name) in (base..)
            .zip(FOLDER_NAMES)
            .take(at_end(self.folder_count(account)))
        {
            let parent = folders.first().filter(|_| dice.percent(50));
            let above = parent.map_or(ROOT_FOLDER, |folder| folder.path.as_str());
            folders.push(Folder {
                id,
                name: (*name).to_owned(),
                parent: parent.map_or(0, |folder| folder.id),
                path: format!("{above}/{name}"),
            });
        }
        folders
    }

    /// Returns licenses without a product. Licenses that are in use are part of their products.
    pub(crate) fn pending_licenses(&self, account: u64) -> Vec<License> {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::Licenses, account);
        (0..dice.below(3))
            .map(|index| License {
                number: format!("FGVM4791{:06}", (account * 3 + index) % 1_000_000),
                sku: "FG-VM04V".to_owned(),
                serial: None,
                status: Status::Pending,
                expires: None,
            })
            .collect()
    }

    /// Returns contracts without a product.
    pub(crate) fn pending_contracts(&self, account: u64) -> Vec<ListedContract> {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::Contracts, account);
        (0..dice.below(3))
            .map(|index| ListedContract {
                number: format!("5210LD{:06}", (account * 3 + index) % 1_000_000),
                sku: "FC-10-0040F-247-02-12".to_owned(),
                status: Status::Pending,
            })
            .collect()
    }

    /// Returns the serial number of a product. This is cheap, so that a search doesn't have to
    /// generate the products.
    pub(crate) fn serial(&self, product: u64) -> String {
        // The last eight characters of any two products differ, because 7919 and one million have
        // no common divisor.
        const LETTERS: &[u8; 20] = b"KFMQRSVWXYZABCDEGHLN";
        let prefix = self.model(product).prefix;
        let letter = char::from(LETTERS[at(product / 1_000_000, LETTERS.len())]);
        let year = self.registered(product).year() % 100;
        let number = (product * 7919 + 900_101) % 1_000_000;
        format!("{prefix}T{letter}{year:02}{number:06}")
    }

    /// Returns the index of the product with this serial number.
    pub(crate) fn product_with(&self, serial: &str) -> Option<u64> {
        // The modular inverse: 7919 times this number is 1 modulo one million.
        const INVERSE: u64 = 17_679;
        let start = serial.len().checked_sub(6)?;
        let number: u64 = serial.get(start..)?.parse().ok()?;
        let low = (number + 1_000_000 - 900_101) % 1_000_000 * INVERSE % 1_000_000;
        let end = self.offsets.last().copied().unwrap_or_default();
        (low..end)
            .step_by(1_000_000)
            .find(|product| self.serial(*product) == serial)
    }

    pub(crate) fn model(&self, product: u64) -> &'static Model {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::Model, product);
        // Spread evenly: of any run of products, 133 in 698 are firewalls, give or take one.
        if (product + 1) * 133 / 698 > product * 133 / 698 {
            return dice.pick(FIREWALLS);
        }
        match dice.below(100) {
            0..=43 => dice.pick(SWITCHES),
            44..=93 => dice.pick(ACCESS_POINTS),
            _ => dice.pick(OTHERS),
        }
    }

    fn registered(&self, product: u64) -> DateTime {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::Registered, product);
        let day = dice.below_i64(10 * 365);
        let second = dice.below_i64(86_400);
        date(2015, 6, 1)
            .at(0, 0, 0, 0)
            .saturating_add(day.days().seconds(second))
    }

    pub(crate) fn status(product: u64) -> Status {
        if product % 116 == 58 {
            Status::Pending
        } else {
            Status::Registered
        }
    }

    fn misfit(&self, product: u64) -> Option<Misfit> {
        match product % 7 {
            3 if self.scenario.quirks.misfits => Some(Misfit::Level),
            5 if self.scenario.quirks.misfits => Some(Misfit::Registered),
            _ => None,
        }
    }
}

/// Distributes the products over the accounts: a few have most of them, and one has none.
fn offsets(seed: u64, accounts: u64, products: u64) -> Vec<u64> {
    let empty = draw(seed, Stream::EmptyAccount, 0) % accounts;
    let weight = |account: u64| {
        let drawn = draw(seed, Stream::AccountSize, account) % 1000;
        if account == empty && accounts > 1 {
            0
        } else {
            20 + drawn * drawn * drawn / 1_000_000
        }
    };
    let mut sums = Vec::with_capacity(at_end(accounts) + 1);
    sums.push(0);
    let mut sum = 0u64;
    for account in 0..accounts {
        sum += weight(account);
        sums.push(sum);
    }
    let total = u128::from(sum.max(1));
    sums.iter()
        .map(|sum| u128::from(*sum) * u128::from(products) / total)
        .map(|offset| u64::try_from(offset).unwrap_or(products))
        .collect()
}

fn at_end(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX - 1)
}

pub(crate) fn unit_id(index: u64) -> i64 {
    ROOT_UNIT + i64::try_from(index).unwrap_or_default() * UNIT_STEP
}

pub(crate) fn account_id(index: u64) -> i64 {
    FIRST_ACCOUNT + i64::try_from(index).unwrap_or_default() * ACCOUNT_STEP
}

pub(crate) fn folder_base(account: u64) -> i64 {
    FIRST_FOLDER + i64::try_from(account).unwrap_or_default() * FOLDERS_PER_ACCOUNT
}

fn numbered(names: &[&str], index: u64) -> String {
    let name = names[at(index, names.len())];
    match index / names.len() as u64 {
        0 => name.to_owned(),
        round => format!("{name} {}", round + 1),
    }
}

/// Whether this model gets its coverage from licenses.
pub(crate) fn is_virtual(model: &Model) -> bool {
    model.kind == Kind::Virtual
}
