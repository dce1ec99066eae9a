//! What other systems know of the tenant.

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

/// A company and who speaks for it.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) company: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
}

/// The first firewalls of the tenant, fewer if there are no more.
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

/// The companies behind the first accounts, and further ones if there are no more.
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
