//! The tables of the portal that a correct crawl must produce, derived from its data.

use serde_json::{Value, json};

use super::world::{Organization, Site, Vdom, World};
use crate::scenario::Quirks;
use crate::truth::{Draft, Tables};

const ORGANIZATIONS: &str = "portal_organizations";
const SITES: &str = "portal_sites";
const VDOMS: &str = "portal_vdoms";

pub(crate) fn truth<'a>(world: &World, quirks: &'a Quirks) -> Tables<'a> {
    let mut tables = Tables::new(quirks, &[ORGANIZATIONS, SITES, VDOMS]);
    for organization in &world.organizations {
        let draft = organization_row(tables.draft(), world, organization);
        tables.push(ORGANIZATIONS, draft);
        for site in world.sites_of(organization.id) {
            tables.push(SITES, site_row(tables.draft(), site));
            for vdom in world.vdoms_of(site.id) {
                let draft = vdom_row(tables.draft(), organization, vdom);
                tables.push(VDOMS, draft);
            }
        }
    }
    tables
}

fn organization_row(draft: Draft, world: &World, organization: &Organization) -> Draft {
    let sites = world.sites_of(organization.id).count();
    let versions = if sites == 0 {
        json!([])
    } else {
        json!(["7.2"])
    };
    draft
        .with("organization_id", organization.id)
        .text("name", &organization.person.company)
        .with("device_count", world.devices_of(organization.id))
        .with("site_count", sites)
        .with("adom_version_num", versions)
        .with("reports_assigned", i64::from(sites > 0))
        .with("reports_total", 6)
        .with("status", json!([]))
}

fn site_row(draft: Draft, site: &Site) -> Draft {
    draft
        .with("site_id", site.id)
        .with("organization_id", site.organization)
        .text("name", &site.name)
        .with("contact_name", "")
        .with("email", "")
        .with("phone", "")
        .with("sandbox", false)
        .with("user", json!([site.user]))
}

fn vdom_row(draft: Draft, organization: &Organization, vdom: &Vdom) -> Draft {
    let analyzer = vdom
        .logged
        .then(|| unit(2, "FAZ-MSSP", "192.0.2.21", "FAZ-VMTM24900021"));
    let draft = draft
        .with("site_id", vdom.site)
        .with("vdom_id", vdom.id)
        .text("name", vdom.name)
        .with("serial_number", vdom.serial.as_str())
        .text("platform", &vdom.platform)
        .with("version", "7.2")
        .with("status", "Synchronized")
        .text("devid", &vdom.device)
        .text("fortigate_name", &vdom.device)
        .with("alias", "")
        .with("device_oid", vdom.device_oid)
        .with("vdom_oid", vdom.oid)
        .with("device_ha", vdom.member.is_some())
        .with("device_ha_info", vdom.ha_info())
        .with("latitude", vdom.latitude)
        .with("longitude", vdom.longitude)
        .with("organization_id", organization.id)
        .text("organization_name", &organization.person.company)
        .with("policypackage", Value::Null)
        .with("fortianalyzer", analyzer);
    adom(manager(draft), organization)
}

fn manager(draft: Draft) -> Draft {
    draft
        .with("fortimanager_id", 1)
        .with("fortimanager_name", "FMG-MSSP")
        .with("fortimanager_host", "192.0.2.20")
        .with("fortimanager_port", 443)
        .with("fortimanager_xml_port", 8080)
        .with("fortimanager_serial_number", "FMG-VMTM24900020")
        .with("fortimanager_version", "v7.2.5-build1574 240314 (GA)")
        .with("fortimanager_numeric_version", "7.2.5")
        .with("fortimanager_username", "fortiportal")
        .with("fortimanager_status", true)
        .with("fortimanager_ha", false)
        .with("fortimanager_polling", 51)
        .with("fortimanager_last_poll_time", "2025-10-06T06:46:59.828879")
        .extra("fortimanager.last_poll_time", "Z")
}

fn adom(draft: Draft, organization: &Organization) -> Draft {
    let adom = &organization.adom;
    let manager = unit(1, "FMG-MSSP", "192.0.2.20", "FMG-VMTM24900020");
    draft
        .with("adom_id", adom.id)
        .text("adom_name", &adom.name)
        .with("adom_oid", adom.oid)
        .with("adom_version", "7.2")
        .with("adom_flags", "no_vpn_console")
        .with("adom_customer", json!([organization.id]))
        .with("adom_fortimanager", manager)
}

/// A manager or analyzer as a single JSON value.
fn unit(id: i64, name: &str, host: &str, serial: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "host": host,
        "port": 443,
        "xmlPort": 8080,
        "sn": serial,
        "version": "v7.2.5-build1574 240314 (GA)",
        "numericVersion": "7.2.5",
        "username": "fortiportal",
        "status": true,
        "ha": false,
        "polling": 51,
        "last_poll_time": "2025-10-06T06:46:59.828879Z",
    })
}
