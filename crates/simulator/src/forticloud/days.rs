//! Lets days pass in the tenant: registrations, renewals, moves and whatever else happens between two crawls.
//!
//! Everything follows from the seed and the day, so day 30 is always the same, and the tenant of day 30 is that of day
//! 29 after one more day. What the tenant is on a day cannot be computed without the days before it, unlike the data of
//! day 0. The price is that starting a tenant of a million products on a later day takes seconds.

use std::collections::{BTreeMap, HashSet};

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use super::catalog::{PLACES, model_of};
use super::model::{Product, Status};
use super::seeded::coverage::{Period, period};
use super::world::World;
use crate::changes::{Change, Event, Rows};
use crate::random::{RandomSequence, Stream};

/// How many of 10,000 devices an event happens to on a day.
///
/// Real rates are lower. These make something of everything happen within a month to the default tenant.
mod rate {
    pub(super) const REGISTERED: u64 = 30;
    pub(super) const REMOVED: u64 = 4;
    pub(super) const MOVED: u64 = 10;
    pub(super) const DECOMMISSIONED: u64 = 8;
    pub(super) const DESCRIBED: u64 = 20;
    pub(super) const RENEWED: u64 = 15;
    pub(super) const EXTENDED: u64 = 15;
}

/// How often a device is drawn until one fits.
const DRAWS: u64 = 50;

/// Lets the days of the scenario pass, and returns what happened.
pub(crate) fn pass(world: &mut World) -> Vec<Change> {
    let last = world.scenario().day;
    let mut log = Vec::new();
    if last == 0 {
        return log;
    }
    let mut registered = Vec::new();
    let ending = ending(world, last);
    for day in 1..=last {
        world.begin_day(day);
        let date = world.now().date();
        let ended = ending.get(&date.saturating_sub(1.day()));
        Day {
            dice: RandomSequence::new(world.scenario().seed, Stream::Day, day),
            world: &mut *world,
            number: day,
            date,
            touched: HashSet::new(),
            registered: &mut registered,
            log: &mut log,
        }
        .run(ended.map_or(&[], Vec::as_slice));
    }
    log
}

/// The devices whose coverage ends before the last day, by the day on which it ends.
fn ending(world: &World, last: u64) -> BTreeMap<Date, Vec<String>> {
    let days = World::date_of(0)..World::date_of(last);
    let mut ending = BTreeMap::<Date, Vec<String>>::new();
    for index in 0..world.seeded_products() {
        let product = world.seeded_product(index);
        if let Some(end) = last_day(&product).filter(|end| days.contains(end)) {
            ending.entry(end).or_default().push(product.serial);
        }
    }
    ending
}

/// The last day on which the device is covered.
fn last_day(product: &Product) -> Option<Date> {
    let ends = product.entitlements.iter();
    ends.map(|entitlement| entitlement.end.date()).max()
}

/// One day. A device takes part in one event at most, so that each event can be seen in the data of the next day.
struct Day<'a> {
    world: &'a mut World,
    dice: RandomSequence,
    number: u64,
    date: Date,
    touched: HashSet<String>,
    /// The devices that were registered on this and earlier days.
    registered: &'a mut Vec<String>,
    log: &'a mut Vec<Change>,
}

impl Day<'_> {
    fn run(mut self, ended: &[String]) {
        for serial in ended {
            self.end(serial);
        }
        self.repeat(rate::REMOVED, Self::remove);
        self.repeat(rate::MOVED, Self::relocate);
        self.repeat(rate::DECOMMISSIONED, Self::decommission);
        self.repeat(rate::DESCRIBED, Self::describe);
        self.repeat(rate::RENEWED, Self::renew_any);
        self.repeat(rate::EXTENDED, Self::extend);
        self.repeat(rate::REGISTERED, Self::register);
    }

    fn repeat(&mut self, rate: u64, event: fn(&mut Self)) {
        let expected = self.world.scenario().organization.products * rate;
        let fraction = u64::from(self.dice.below(10_000) < expected % 10_000);
        for _ in 0..expected / 10_000 + fraction {
            event(self);
        }
    }

    /// The coverage of a device ended yesterday, unless it was renewed before.
    fn end(&mut self, serial: &str) {
        let yesterday = self.date.saturating_sub(1.day());
        let still = self
            .world
            .product(serial)
            .filter(|product| last_day(product) == Some(yesterday) && !product.decommissioned);
        let Some(product) = still else {
            return;
        };
        self.touched.insert(product.serial.clone());
        if self.dice.percent(60) {
            self.renew(product);
        } else {
            self.record(&product, Event::Lapsed);
        }
    }

    /// A device that nothing has happened to today.
    fn pick(&mut self, fits: impl Fn(&Product) -> bool) -> Option<Product> {
        let seeded = self.world.seeded_products();
        let all = seeded + self.registered.len() as u64;
        for _ in 0..DRAWS {
            let drawn = self.dice.below(all);
            let serial = match drawn.checked_sub(seeded) {
                None => self.world.seeded_serial(drawn),
                Some(new) => self.registered.get(usize::try_from(new).ok()?)?.clone(),
            };
            let product = self.world.product(&serial);
            let found = product.filter(|product| {
                product.status == Status::Registered
                    && !product.decommissioned
                    && !self.touched.contains(&product.serial)
                    && fits(product)
            });
            if let Some(product) = found {
                self.touched.insert(serial);
                return Some(product);
            }
        }
        None
    }

    fn register(&mut self) {
        let account = self.account();
        let model = self.world.model_of_next();
        let serial = self.world.fresh_serial(model);
        let mut product = self.world.fresh(account, model, serial);
        let seconds = self.dice.below_i64(86_400);
        product.registered = midnight(self.date).saturating_add(seconds.seconds());
        product.description = Some((*self.dice.pick(PLACES)).to_owned());
        // The others have the warranty that every new device comes with.
        if self.dice.percent(70) {
            let covered = self.period(&product, self.date);
            product.entitlements = covered.entitlements;
            product.contracts.push(covered.contract);
        }
        self.touched.insert(product.serial.clone());
        self.registered.push(product.serial.clone());
        let rows = rows(&product);
        self.record(&product, Event::Registered { rows });
        self.world.keep(product);
    }

    fn remove(&mut self) {
        let Some(product) = self.pick(|_| true) else {
            return;
        };
        self.world.remove(&product.serial);
        let rows = rows(&product);
        self.record(&product, Event::Removed { rows });
    }

    fn relocate(&mut self) {
        let target = self.account();
        let Some(product) = self.pick(|product| product.account != target) else {
            return;
        };
        let event = Event::Moved {
            from_account_id: product.account,
            from_folder_id: product.folder,
            rows: rows(&product),
        };
        let moved = Product {
            account: target,
            // Folders belong to an account.
            folder: 0,
            ..product
        };
        self.record(&moved, event);
        self.world.keep(moved);
    }

    fn decommission(&mut self) {
        let Some(product) = self.pick(|_| true) else {
            return;
        };
        self.record(&product, Event::Decommissioned);
        self.world.keep(Product {
            decommissioned: true,
            ..product
        });
    }

    fn describe(&mut self) {
        let Some(product) = self.pick(|_| true) else {
            return;
        };
        // The date makes the description differ from all earlier ones.
        let place = *self.dice.pick(PLACES);
        let description = format!("{place}, moved on {}", self.date);
        let description = description.trim_start_matches(", ").to_owned();
        self.record(
            &product,
            Event::Described {
                description: description.clone(),
            },
        );
        self.world.keep(Product {
            description: Some(description),
            ..product
        });
    }

    /// A customer renews before the coverage ends.
    fn renew_any(&mut self) {
        if let Some(product) = self.pick(|product| last_day(product).is_some()) {
            self.renew(product);
        }
    }

    /// Adds a contract that continues the coverage, or begins today if there is a gap.
    fn renew(&mut self, mut product: Product) {
        let next = last_day(&product).map(|end| end.saturating_add(1.day()));
        let start = next.map_or(self.date, |next| next.max(self.date));
        let covered = self.period(&product, start);
        let lines = covered.contract.terms.len() as u64;
        let until = covered.entitlements.iter().map(|line| line.end.date());
        let event = Event::Renewed {
            contract_number: covered.contract.number.clone(),
            until: until.max().unwrap_or(start),
            lines,
        };
        product.entitlements.extend(covered.entitlements);
        product.contracts.push(covered.contract);
        self.record(&product, event);
        self.world.keep(product);
    }

    /// Moves the end of the device's last contract.
    fn extend(&mut self) {
        let Some(mut product) = self.pick(|product| !product.contracts.is_empty()) else {
            return;
        };
        let Some(contract) = product.contracts.last_mut() else {
            return;
        };
        let later = |end: &mut DateTime| *end = end.saturating_add(1.year());
        contract
            .terms
            .iter_mut()
            .for_each(|term| later(&mut term.end));
        // The entitlements of a contract are added together with it, so those of the last contract are the last.
        let lines = contract.terms.len();
        let number = contract.number.clone();
        let first = product.entitlements.len().saturating_sub(lines);
        let entitlements = product.entitlements.iter_mut().skip(first);
        entitlements.for_each(|entitlement| later(&mut entitlement.end));
        let event = Event::Extended {
            contract_number: number,
            until: last_day(&product).unwrap_or(self.date),
            lines: lines as u64,
        };
        self.record(&product, event);
        self.world.keep(product);
    }

    /// An account; those with many devices are more likely.
    fn account(&mut self) -> i64 {
        let drawn = self.dice.below(self.world.seeded_products());
        self.world.seeded_account_of(drawn)
    }

    fn period(&mut self, product: &Product, start: Date) -> Period {
        let years = *self.dice.pick(&[1, 1, 3, 5]);
        let letter = self.dice.pick(&['B', 'Q', 'T']);
        let number = format!("2000{letter}R{:06}", self.world.number());
        let model = model_of(&product.serial).unwrap_or_else(|| self.world.model_of_next());
        period(model, number, midnight(start), years)
    }

    fn record(&mut self, product: &Product, event: Event) {
        self.log.push(Change {
            day: self.number,
            date: self.date,
            serial_number: product.serial.clone(),
            account_id: product.account,
            event,
        });
    }
}

fn midnight(date: Date) -> DateTime {
    date.at(0, 0, 0, 0)
}

fn rows(product: &Product) -> Rows {
    let terms = product
        .contracts
        .iter()
        .map(|contract| contract.terms.len());
    let rows = [
        ("products", 1),
        ("entitlements", product.entitlements.len()),
        ("warranty_supports", product.warranty_supports.len()),
        ("asset_groups", product.groups.len()),
        ("product_contracts", product.contracts.len()),
        ("contract_terms", terms.sum()),
    ];
    let rows = rows.into_iter().filter(|(_, count)| *count > 0);
    rows.map(|(table, count)| (table, count as u64)).collect()
}
