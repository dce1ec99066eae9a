//! Tests when the plan reads only the user's own account, and when it must not.

use super::*;

#[test]
fn without_an_organization_the_users_own_account_is_read() {
    let tenant = Tenant {
        units: Vec::new(),
        products: BTreeMap::from([(0, vec!["F1"])]),
        ..Tenant::default()
    };
    let crawled = in_order(&tenant, settings());
    insta::assert_snapshot!(crawled.scopes, @"
    units/list: 0 pages, 0 rows
    products/list: 2 pages, 1 rows
    ");
    let (_, note) = &crawled.notes[0];
    insta::assert_snapshot!(note, @"local scope: only the user's own account is read, because denied");
}

#[test]
fn only_the_apis_own_refusal_leads_to_the_users_own_account() {
    let nobody = Facts::Units {
        organization: None,
        units: Ids::default(),
    };
    let unnamed = Facts::Units {
        organization: None,
        units: ids([1].into_iter()),
    };
    for outcome in [
        Outcome::Page(nobody),
        Outcome::Page(unnamed),
        failure(FailureKind::Refused),
        failure(FailureKind::Rejected),
        failure(FailureKind::Lost),
    ] {
        let mut plan = FortiCloudPlanner::new(settings());
        let units = plan.begin().fetches.remove(0);
        let step = plan.follow(&units, &outcome);
        let local = |fetch: &&Fetch| fetch.endpoint == "products/list";
        assert_eq!(step.fetches.iter().filter(local).count(), 0, "{outcome:?}");
        assert!(step.closed[0].pages.is_err(), "{outcome:?}");
    }
}

#[test]
fn a_known_organization_never_leads_to_local_scope() {
    let tenant = Tenant {
        units: Vec::new(),
        ..Tenant::default()
    };
    let settings = Settings {
        organization_seen: true,
        ..settings()
    };
    let scopes = in_order(&tenant, settings).scopes;
    assert!(
        scopes.starts_with("units/list: failed: denied; an earlier crawl of this source read"),
        "{scopes}"
    );
}

#[test]
fn a_required_organization_that_is_refused_is_a_failure() {
    let tenant = Tenant {
        units: Vec::new(),
        ..Tenant::default()
    };
    let settings = Settings {
        scope: ScopeMode::Organization,
        ..settings()
    };
    insta::assert_snapshot!(in_order(&tenant, settings).scopes, @"units/list: failed: denied");
}

#[test]
fn a_named_account_is_read_although_its_own_row_is_refused() {
    let settings = Settings {
        accounts: vec![12],
        ..settings()
    };
    let tenant = Tenant {
        refused: ["accounts/list 12".to_owned()].into(),
        ..Tenant::default()
    };
    insta::assert_snapshot!(in_order(&tenant, settings).scopes, @"
    accounts/list 12: 0 pages, 0 rows
    products/list 12: 2 pages, 1 rows
    ");
}
