//! Generates a complete product.

use jiff::ToSpan;
use jiff::civil::{DateTime, date};

use super::coverage::period;
use super::{Seeded, folder_base, is_virtual};
use crate::dates::with_fraction;
use crate::forticloud::catalog::{FIRST_GROUP, GROUP_NAMES, PLACES, hostile};
use crate::forticloud::model::{Contract, Entitlement, Group, License, Location, Product, Status};
use crate::random::{RandomSequence, Stream};

impl Seeded {
    pub(crate) fn product(&self, product: u64) -> Product {
        let mut dice = RandomSequence::new(self.scenario.seed, Stream::Product, product);
        let model = self.model(product);
        let account = self.account_of(product);
        let status = Self::status(product);
        let milestone = |text: &str| text.parse::<DateTime>().ok();
        let mut made = Product {
            account,
            serial: self.serial(product),
            model: model.name.to_owned(),
            description: self.description(&mut dice, product),
            registered: self.registered(product),
            decommissioned: status == Status::Registered && dice.percent(9),
            status,
            folder: self.folder(&mut dice, account),
            end_of_registration: model.milestones.and_then(|(first, _)| milestone(first)),
            end_of_support: model.milestones.and_then(|(_, last)| milestone(last)),
            entitlements: Vec::new(),
            warranty_supports: Vec::new(),
            groups: groups(&mut dice),
            contracts: Vec::new(),
            license: self.license(product),
            location: dice.percent(20).then(|| self.location(account)),
            partner: dice.percent(30).then_some("Polarbit Distribution"),
            misfit: self.misfit(product),
        };
        if status == Status::Registered {
            cover(&mut made, &mut dice, product, model);
        }
        if self.scenario.quirks.warranty_supports && product.is_multiple_of(5) {
            made.warranty_supports = made.entitlements.iter().take(2).cloned().collect();
        }
        self.add_fractions(&mut made);
        made
    }

    fn description(&self, dice: &mut RandomSequence, product: u64) -> Option<String> {
        let text = *dice.pick(PLACES);
        if self.scenario.quirks.hostile_text {
            return Some(hostile(product));
        }
        (!dice.percent(30)).then(|| text.to_owned())
    }

    fn folder(&self, dice: &mut RandomSequence, account: i64) -> i64 {
        let index = self.account_index(account).unwrap_or_default();
        let folders = self.folder_count(index);
        if folders == 0 || dice.percent(40) {
            return 0;
        }
        let folder = i64::try_from(dice.below(folders)).unwrap_or_default();
        folder_base(index) + folder
    }

    /// Returns the license of a virtual product.
    pub(crate) fn license(&self, product: u64) -> Option<License> {
        let model = self.model(product);
        is_virtual(model).then(|| License {
            number: format!("{}479{product:07}", &model.prefix[..4]),
            sku: format!("{}-V04", &model.prefix[..3]),
            serial: Some(self.serial(product)),
            status: Status::Registered,
            // Most licenses never expire.
            expires: product.is_multiple_of(3).then(|| {
                let expires = date(2027, 1, 17).at(0, 0, 0, 0);
                with_fraction(self.scenario.quirks.dates, expires)
            }),
        })
    }

    fn location(&self, account: i64) -> Location {
        let account = self.account(self.account_index(account).unwrap_or_default());
        Location(vec![
            ("company", account.company),
            ("address", "Havnegata 18".to_owned()),
            ("city", "Bergen".to_owned()),
            ("stateOrProvince", "Vestland".to_owned()),
            ("countryCode", "NO".to_owned()),
            ("postalCode", "5004".to_owned()),
            ("email", account.email),
            ("phone", "+47 55501234".to_owned()),
            ("fax", String::new()),
        ])
    }

    fn add_fractions(&self, product: &mut Product) {
        let dates = self.scenario.quirks.dates;
        let add = |at: &mut DateTime| *at = with_fraction(dates, *at);
        add(&mut product.registered);
        let milestones = [
            &mut product.end_of_registration,
            &mut product.end_of_support,
        ];
        milestones.into_iter().flatten().for_each(add);
        let supports = product
            .entitlements
            .iter_mut()
            .chain(&mut product.warranty_supports);
        for entitlement in supports {
            add(&mut entitlement.start);
            add(&mut entitlement.end);
        }
        for term in product
            .contracts
            .iter_mut()
            .flat_map(|contract| &mut contract.terms)
        {
            add(&mut term.start);
            add(&mut term.end);
        }
    }
}

/// Returns one to four consecutive periods of coverage. A few products are covered without a
/// contract.
fn cover(
    product: &mut Product,
    dice: &mut RandomSequence,
    index: u64,
    model: &crate::forticloud::catalog::Model,
) {
    let contracts = !dice.percent(5);
    let periods = match dice.below(100) {
        0..=29 => 1,
        30..=74 => 2,
        75..=94 => 3,
        _ => 4,
    };
    let mut start = product.registered;
    for number in 0..periods {
        let years = *dice.pick(&[1, 3, 5]);
        let letters = char::from(b'A' + u8::try_from(number).unwrap_or_default());
        let number = format!(
            "{:04}{letters}{}{:06}",
            1000 + index / 1_000_000,
            dice.pick(&['B', 'Q', 'T']),
            index % 1_000_000
        );
        let mut covered = period(model, number, start, years);
        start = start.saturating_add(years.years());
        product.entitlements.append(&mut covered.entitlements);
        if contracts {
            product.contracts.push(timed(covered.contract, dice));
        }
    }
}

/// Gives some terms a time of day, although their entitlements show midnight, as in recorded
/// responses.
fn timed(mut contract: Contract, dice: &mut RandomSequence) -> Contract {
    if dice.percent(25) {
        let time = 3.hours().minutes(6).seconds(54);
        for term in &mut contract.terms {
            term.start = term.start.saturating_add(time);
            term.end = term.end.saturating_add(time);
        }
    }
    contract
}

fn groups(dice: &mut RandomSequence) -> Vec<Group> {
    let count = match dice.below(100) {
        0..=84 => 0,
        85..=94 => 1,
        _ => 2,
    };
    (FIRST_GROUP..)
        .zip(GROUP_NAMES)
        .skip(usize::from(dice.percent(50)))
        .take(count)
        .map(|(id, &name)| Group { id, name })
        .collect()
}

/// Returns the entitlements of a unit that was registered without a contract.
pub(crate) fn warranty(start: DateTime) -> Vec<Entitlement> {
    let first = start.date().at(0, 0, 0, 0);
    let last = first.saturating_add(1.year()).saturating_sub(1.day());
    [(5, 1, "Hardware"), (6, 2, "Firmware & General Updates")]
        .map(|(level, kind, kind_name)| Entitlement {
            level,
            kind,
            kind_name,
            start: first,
            end: last,
            units: None,
        })
        .to_vec()
}
