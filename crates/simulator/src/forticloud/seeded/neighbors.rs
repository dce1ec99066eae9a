//! The parts of the tenant that other simulated systems know about.

use super::Seeded;
use crate::forticloud::catalog::FIREWALLS;
use crate::forticloud::model::Status;
use crate::scenario::Scenario;

/// A registered firewall.
#[derive(Debug)]
pub(crate) struct Firewall {
    pub(crate) serial: String,
    pub(crate) model: &'static str,
}

/// A company and its contact person.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) company: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
}

/// Returns the tenant's first `count` firewalls, or all if there are fewer.
pub(crate) fn firewalls(scenario: &Scenario, count: u64) -> Vec<Firewall> {
    let seeded = Seeded::new(scenario.clone());
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let products = 0..scenario.organization.products;
    products
        .filter(|product| Seeded::status(*product) == Status::Registered)
        .map(|product| (product, seeded.model(product)))
        .filter(|(_, model)| FIREWALLS.iter().any(|known| known.name == model.name))
        .map(|(product, model)| Firewall {
            serial: seeded.serial(product),
            model: model.name,
        })
        .take(count)
        .collect()
}

/// Returns the companies of the first accounts, and invents more if `count` exceeds them.
pub(crate) fn people(scenario: &Scenario, count: u64) -> Vec<Person> {
    let seeded = Seeded::new(scenario.clone());
    (0..count)
        .map(|index| seeded.account(index))
        .map(|account| Person {
            company: account.company,
            first_name: account.first_name,
            last_name: account.last_name,
            email: account.email,
        })
        .collect()
}
