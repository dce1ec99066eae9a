//! Tests that typed responses are read as leniently as rows.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    Operation,
    generated::types::{
        AuthenticatorFortitokenmobilelicenses, AuthenticatorFortitokenmobilelicensesPost,
        AuthenticatorFortitokens, AuthenticatorSysteminfo, PortalAccountOrganizationGeneral,
        PortalAccountOrganizationUsers, PortalAccountOrganizations, PortalAuthTokenlogin,
        PortalDeviceVdomSite, ProductsDetails, ProductsListResponse,
    },
};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/responses/",
            $name,
            ".json"
        ))
    };
}

fn read<T: DeserializeOwned>(answer: &Value) -> T {
    serde_json::from_str(&answer.to_string()).unwrap()
}

fn answer<O: Operation>(text: &str) -> O::Response {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_error_may_be_an_object_text_or_nothing() {
    let error = |error: Value| read::<ProductsListResponse>(&json!({ "error": error })).error;
    let object = error(json!({"errorCode": 301, "message": "No product found"})).unwrap();
    assert_eq!(object.error_code, Some(301));
    assert_eq!(object.message.as_deref(), Some("No product found"));
    let text = error(json!("No product found")).unwrap();
    assert_eq!(text.error_code, None);
    assert_eq!(text.message.as_deref(), Some("No product found"));
    assert_eq!(error(json!("")), None);
    assert_eq!(error(Value::Null), None);
}

#[test]
fn what_is_no_error_at_all_is_refused() {
    for error in [json!(7), json!(true), json!(["x"])] {
        let text = json!({ "error": error }).to_string();
        assert!(serde_json::from_str::<ProductsListResponse>(&text).is_err());
    }
}

#[test]
fn numbers_and_truths_come_in_several_forms() {
    let asset = |asset: Value| {
        let mut answer: ProductsListResponse = read(&json!({ "assets": [asset] }));
        answer.assets.remove(0)
    };
    for (written, read) in [
        (json!(true), Some(true)),
        (json!("TRUE"), Some(true)),
        (json!(0), Some(false)),
        (json!(" "), None),
        (Value::Null, None),
    ] {
        assert_eq!(
            asset(json!({ "isDecommissioned": written })).is_decommissioned,
            read
        );
    }
    let wrong = json!({"assets": [{"isDecommissioned": "perhaps"}]}).to_string();
    assert!(serde_json::from_str::<ProductsListResponse>(&wrong).is_err());

    let vdom = |latitude: Value| {
        let page = json!({"data": {"results": [{ "latitude": latitude }]}}).to_string();
        answer::<PortalDeviceVdomSite>(&page).data.unwrap().results[0].latitude
    };
    assert_eq!(vdom(json!(53)), Some(53.0));
    assert_eq!(vdom(json!("53.5511")), Some(53.5511));
    assert_eq!(vdom(json!("")), None);
}

#[test]
fn licenses_may_be_an_object_or_a_list() {
    let one = answer::<ProductsDetails>(fixture!("products-details-license-object"));
    assert_eq!(one.asset_details.unwrap().license.len(), 1);
    let list = answer::<ProductsDetails>(fixture!("products-details-license-array"));
    assert_eq!(list.asset_details.unwrap().licenses.len(), 1);
    let none = answer::<ProductsDetails>(fixture!("products-details"));
    assert!(none.asset_details.unwrap().license.is_empty());
}

#[test]
fn every_container_has_its_type() {
    let listed = answer::<PortalAccountOrganizations>(fixture!("fortiportal-organizations-list"));
    let page = listed.data.unwrap();
    assert_eq!(page.total_results_count, Some(2));
    assert_eq!(page.results[0].name.as_deref(), Some("Kestrel Clinics"));
    let bare =
        answer::<PortalAccountOrganizationGeneral>(fixture!("fortiportal-organization-general"));
    assert_eq!(bare.locale.as_deref(), Some("en"));
    let users =
        answer::<PortalAccountOrganizationUsers>(fixture!("fortiportal-organization-users"));
    assert_eq!((users.results.len(), users.size), (1, Some(10)));
    let tokens =
        answer::<AuthenticatorFortitokens>(fixture!("fortiauthenticator-fortitokens-list"));
    assert_eq!(tokens.meta.unwrap().total_count, Some(2));
    assert_eq!(tokens.objects[1].last_used_at, None);
    let counters = answer::<AuthenticatorFortitokenmobilelicenses>(fixture!(
        "fortiauthenticator-fortitokenmobilelicenses-get"
    ));
    assert_eq!(counters.available_ftm, Some(118));
    let unit = answer::<AuthenticatorSysteminfo>(fixture!("fortiauthenticator-systeminfo"));
    assert_eq!(unit.sn.as_deref(), Some("FAC-VMTM24900001"));
    assert_eq!(unit.ftm_usage_detail.unwrap().populated, Some(200));
}

#[test]
fn what_can_be_redeemed_cannot_be_printed() {
    let activated = answer::<AuthenticatorFortitokenmobilelicensesPost>(fixture!(
        "fortiauthenticator-fortitokenmobilelicenses-post"
    ));
    assert!(!format!("{activated:?}").contains("1234-5678"));
    assert_eq!(
        activated.license.unwrap().expose(),
        "1234-5678-9012-3456-7890"
    );
    let token = answer::<PortalAuthTokenlogin>(fixture!("fortiportal-tokenlogin"));
    assert!(!format!("{token:?}").contains("0a1b2c3d"));
    assert_eq!(token.expiry, None);
}
