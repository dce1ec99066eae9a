//! Tests of FortiPortal and FortiAuthenticator, whose responses wrap rows differently.

use super::*;

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

#[test]
fn organizations_lie_two_levels_down() {
    let page = fixture!("fortiportal-organizations-list");
    insta::assert_snapshot!(rows("portal/account/organizations", page), @r#"
    portal_organizations: organization_id=4 name="Kestrel Clinics" device_count=3 site_count=2 adom_version_num="[\n          \"7.2\"\n        ]" reports_assigned=1 reports_total=6 status="[]"
    portal_organizations: organization_id=5 name="Fjordmark Retail" device_count=0 site_count=0 adom_version_num="[]" reports_assigned=0 reports_total=6 status="[]"
    "#);
}

#[test]
fn sites_without_an_organization_get_the_one_that_was_asked() {
    let page = fixture!("fortiportal-sites-simple");
    insta::assert_snapshot!(rows("portal/device/site/customer", page), @r#"
    portal_sites: site_id=6 organization_id=4 name="clinic-east" contact_name="" email="" phone="" sandbox=false user="[\n          12\n        ]"
    portal_sites: site_id=8 organization_id=4 name="clinic-west" contact_name="" email="" phone="" sandbox=false user="[\n          12\n        ]"
    "#);
    let page = r#"{"data": {"results": [{"id": 6}], "totalResultsCount": 1}}"#;
    insta::assert_snapshot!(rows("portal/device/site/customer", page), @"portal_sites: site_id=6 organization_id=4");
}

#[test]
fn vdoms_carry_the_serial_number_of_their_device() {
    let page = fixture!("fortiportal-site-vdoms");
    insta::assert_snapshot!(rows("portal/device/vdom/site", page), @r#"portal_vdoms: site_id=6 vdom_id=31 name="root" serial_number="FGT60FTK23900177" platform="FortiGate-60F" version="7.2" status="Synchronized" devid="KES-EAST-FGT1" fortigate_name="KES-EAST-FGT1" alias="" device_oid=160 vdom_oid=3 device_ha=false device_ha_info="" latitude=53.5511 longitude=9.9937 organization_id=4 organization_name="Kestrel Clinics" fortimanager_id=1 fortimanager_name="FMG-MSSP" fortimanager_host="192.0.2.20" fortimanager_port=443 fortimanager_xml_port=8080 fortimanager_serial_number="FMG-VMTM24900020" fortimanager_version="v7.2.5-build1574 240314 (GA)" fortimanager_numeric_version="7.2.5" fortimanager_username="fortiportal" fortimanager_status=true fortimanager_ha=false fortimanager_polling=51 fortimanager_last_poll_time=2025-10-06T06:46:59.828879 adom_id=2 adom_name="KESTREL" adom_oid=163 adom_version="7.2" adom_flags="no_vpn_console" adom_customer="[\n            4\n          ]" adom_fortimanager="{\n            \"ha\": false,\n            \"host\": \"192.0.2.20\",\n            \"id\": 1,\n            \"last_poll_time\": \"2025-10-06T06:46:59.828879Z\",\n            \"name\": \"FMG-MSSP\",\n            \"numericVersion\": \"7.2.5\",\n            \"polling\": 51,\n            \"port\": 443,\n            \"sn\": \"FMG-VMTM24900020\",\n            \"status\": true,\n            \"username\": \"fortiportal\",\n            \"version\": \"v7.2.5-build1574 240314 (GA)\",\n            \"xmlPort\": 8080\n          }" _extra="{\"fortimanager.last_poll_time\":\"Z\"}""#);
}

#[test]
fn vdoms_of_one_cluster_are_rows_of_their_own() {
    let page = fixture!("fortiportal-site-vdoms-cluster");
    insta::assert_snapshot!(rows("portal/device/vdom/site", page), @r#"
    portal_vdoms: site_id=6 vdom_id=31 name="root" serial_number="FG100FTK23900201" platform="FortiGate-100F" version="7.0.6" status="Synchronized" device_ha=true device_ha_info="FG100FTK23900201,FG100FTK23900202" organization_id=4 organization_name="Kestrel Clinics" policypackage="{\n          \"name\": \"default\"\n        }" fortianalyzer="{\n          \"id\": 2,\n          \"name\": \"FAZ-MSSP\"\n        }"
    portal_vdoms: site_id=6 vdom_id=32 name="guest" serial_number="FG100FTK23900201" platform="FortiGate-100F" version="7.0.6" status="Modified" device_ha=true device_ha_info="FG100FTK23900201,FG100FTK23900202" fortimanager_id=1 fortimanager_serial_number="FMG-VMTM24900020" fortimanager_last_poll_time=2025-10-06T06:46:59.828879 _extra="{\"fortimanager.last_poll_time\":\"Z\",\"fortimanager.ha_vrrp\":false}"
    "#);
    assert_eq!(decoded("portal/device/vdom/site", page).unknown_fields, 1);
}

#[test]
fn counters_are_a_row_by_themselves() {
    let page = fixture!("fortiauthenticator-fortitokenmobilelicenses-get");
    let counters = "authenticator/fortitokenmobilelicenses";
    insta::assert_snapshot!(rows(counters, page), @r#"ftm_licenses: serial_number="FAC-VMTM24900001" firmware="FACVMKVM v8.0.3, build0099 (GA)" ha_serial_number="" total_ftm=200 used_ftm=82 available_ftm=118"#);
    let page = r#"{"total_ftm": "200", "used_ftm": 82, "pending_ftm": 3}"#;
    insta::assert_snapshot!(rows(counters, page), @r#"ftm_licenses: serial_number="FAC-VMTM24900001" firmware="FACVMKVM v8.0.3, build0099 (GA)" ha_serial_number="" total_ftm=200 used_ftm=82 _extra="{\"pending_ftm\":3}""#);
}

#[test]
fn a_unit_that_does_not_tell_its_serial_number_has_a_row_all_the_same() {
    let page = fixture!("fortiauthenticator-fortitokenmobilelicenses-get");
    let layout = endpoint("authenticator/fortitokenmobilelicenses")
        .unwrap()
        .layout
        .unwrap();
    let decoded = decode(layout, page, &PageContext::default()).unwrap();
    let records = &decoded.tables[0].records;
    assert_eq!(records.num_rows(), 1);
    for column in ["serial_number", "ha_serial_number", "firmware"] {
        assert!(
            records.column_by_name(column).unwrap().is_null(0),
            "{column}"
        );
    }
}

#[test]
fn a_whole_answer_of_nothing_has_no_row() {
    let layout = endpoint("authenticator/fortitokenmobilelicenses")
        .unwrap()
        .layout
        .unwrap();
    for page in ["null", "{}", "[]"] {
        let decoded = decode(layout, page, &CONTEXT).unwrap();
        assert_eq!(decoded.tables[0].records.num_rows(), 0, "{page}");
    }
    for page in ["", "7", r#""text""#, "{", "{} x"] {
        assert!(decode(layout, page, &CONTEXT).is_err(), "{page}");
    }
}

#[test]
fn the_license_is_a_secret_where_it_can_be_redeemed() {
    let activate = endpoint("authenticator/fortitokenmobilelicenses:post").unwrap();
    assert!(activate.is_secret("License"));
    assert!(activate.is_secret("token"));
    let tokens = endpoint("authenticator/fortitokens").unwrap();
    assert!(!tokens.is_secret("license"));
}

#[test]
fn details_are_a_row_in_each_of_their_tables() {
    let page = fixture!("products-details");
    insta::assert_snapshot!(rows("products/details", page), @r#"
    product_details: account_id=710112 serial_number="FGT60FTK23900101" product_model="FortiGate 60F" description="Store 014 edge" registration_date=2023-03-14T09:21:37 is_decommissioned=false folder_id=880121 folder_path="/My Assets/Stores/North" partner="Polarbit Distribution"
    product_locations: account_id=710112 serial_number="FGT60FTK23900101" address_id="905512" company="Fjordmark Retail AS" address="Havnegata 18" city="Bergen" state_or_province="Vestland" country_code="NO" postal_code="5004" email="it@fjordmark.example" phone="+47 55501234" fax=""
    "#);
}

#[test]
fn an_object_and_a_list_of_licenses_are_counted_as_one_list() {
    let page = fixture!("products-details-license-both");
    insta::assert_snapshot!(rows("products/details", page), @r#"
    product_details: account_id=710112 serial_number="FVVM02TM24900607"
    product_licenses: account_id=710112 serial_number="FVVM02TM24900607" _index=0 license_number="FVVM4790001234" sku="FWB-VM02" expiration_date=2027-01-17T00:00:00
    product_licenses: account_id=710112 serial_number="FVVM02TM24900607" _index=1 license_number="FVVM4790001235" sku="FWB-VM02" expiration_date=2028-01-17T00:00:00
    "#);
    for page in [
        fixture!("products-details-license-object"),
        fixture!("products-details-license-array"),
    ] {
        let text = rows("products/details", page);
        let licenses = text
            .lines()
            .filter(|row| row.starts_with("product_licenses"));
        assert_eq!(licenses.count(), 1, "{text}");
    }
}
