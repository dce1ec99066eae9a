//! Tests of the seeded tenant.

use super::{Seeded, account_id};
use crate::forticloud::model::Status;
use crate::scenario::Scenario;

fn seeded(change: impl FnOnce(&mut Scenario)) -> Seeded {
    let mut scenario = Scenario::production();
    change(&mut scenario);
    Seeded::new(scenario)
}

#[test]
fn a_serial_says_which_product_it_is() {
    let seeded = seeded(|scenario| scenario.organization.products = 3_000_000);
    for product in [0, 1, 697, 999_999, 1_000_000, 2_345_678, 2_999_999] {
        assert_eq!(seeded.product_with(&seeded.serial(product)), Some(product));
    }
    for stranger in ["", "FGT60F", "FGT60FTK23xxxxxx", "FGT60FTK99000000", "ééé"] {
        assert_eq!(seeded.product_with(stranger), None, "{stranger}");
    }
}

#[test]
fn every_product_has_one_account_and_sizes_are_uneven() {
    let seeded = seeded(|_| {});
    let mut next = 0;
    let mut sizes = Vec::new();
    for account in seeded.accounts() {
        let products = seeded.products_of(account);
        assert_eq!(products.start, next);
        next = products.end;
        sizes.push(products.end - products.start);
        for product in products {
            assert_eq!(seeded.account_of(product), account_id(account));
        }
    }
    assert_eq!(next, 698);
    assert_eq!(sizes.iter().filter(|size| **size == 0).count(), 1);
    let largest = sizes.iter().max().copied().unwrap_or_default();
    assert!(largest > 60, "{sizes:?}");
}

#[test]
fn another_seed_is_another_tenant_and_the_same_seed_the_same() {
    let serials = |seed| {
        let seeded = seeded(|scenario| scenario.seed = seed);
        (0..698)
            .map(|product| seeded.serial(product))
            .collect::<Vec<_>>()
    };
    assert_eq!(serials(1), serials(1));
    assert_ne!(serials(1), serials(2));
}

#[test]
fn a_large_tenant_is_set_up_without_its_products() {
    let seeded = seeded(|scenario| {
        scenario.organization.accounts = 20_000;
        scenario.organization.products = 1_000_000;
    });
    let last = seeded.products_of(19_999);
    assert!(last.end == 1_000_000 || last.is_empty());
    assert_eq!(Seeded::status(58), Status::Pending);
    assert_eq!(seeded.account_index(account_id(19_999)), Some(19_999));
    assert_eq!(seeded.account_index(account_id(20_000)), None);
    assert_eq!(seeded.account_index(i64::MIN), None);
}
