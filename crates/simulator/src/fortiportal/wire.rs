//! Writes the portal's rows in the form of the published examples.

use super::world::{Organization, Site, Vdom, World};
use crate::forticloud::wire::Wire as Habits;
use crate::json::{Json, Object};
use crate::scenario::Quirks;

/// When the manager was last polled. The portal writes its own times in UTC with microseconds.
const LAST_POLL: &str = "2025-10-06T06:46:59.828879Z";
/// The names of the report templates.
const REPORTS: [&str; 6] = [
    "Bandwidth",
    "Threats",
    "VPN",
    "Web Usage",
    "Applications",
    "Wireless",
];

/// Writes rows in the configured form.
#[derive(Clone, Copy)]
pub(crate) struct Wire<'a> {
    pub(crate) world: &'a World,
    pub(crate) quirks: &'a Quirks,
}

impl Wire<'_> {
    fn finish(self, row: Object) -> Object {
        let quirks = self.quirks;
        Habits { quirks }.finish(row)
    }

    pub(crate) fn organization(self, organization: &Organization) -> Object {
        let id = organization.id;
        let sites = self.world.sites_of(id).count();
        let versions = if sites > 0 {
            vec!["7.2".into()]
        } else {
            Vec::new()
        };
        let reports = Object::new()
            .with("assigned", i64::from(sites > 0))
            .with("total", count(REPORTS.len()));
        self.finish(
            Object::new()
                .with("adom_version_num", versions)
                .with("device_count", self.world.devices_of(id))
                .with("id", id)
                .with("name", organization.person.company.clone())
                .with("reports", reports)
                .with("site_count", count(sites))
                .with("status", Vec::new()),
        )
    }

    pub(crate) fn general(self, organization: &Organization) -> Object {
        let person = &organization.person;
        self.finish(
            Object::new()
                .with("blocked_host_enabled", false)
                .with("email", person.email.clone())
                .with("first_name", person.first_name.clone())
                .with("global_two_factor_enabled", false)
                .with("last_name", person.last_name.clone())
                .with("locale", "en")
                .with("logo_image", Json::Null)
                .with("name", person.company.clone())
                .with("policy_installation_scheduler", Json::Null)
                .with("policy_installation_time", Json::Null)
                .with("policy_installation_weekday", Json::Null)
                .with("sso_domains", Vec::new())
                .with("trusted_host_enabled", false)
                .with("use_mssp_locale", true)
                .with("validate_sso_domain_pattern", false),
        )
    }

    /// The contact data. Its keys are undocumented, so those of a user are used.
    pub(crate) fn contact(self, organization: &Organization) -> Object {
        let email = organization.person.email.clone();
        self.finish(address(Object::new().with("email", email)))
    }

    pub(crate) fn user(self, organization: &Organization) -> Object {
        let person = &organization.person;
        let sites = self.world.sites_of(organization.id);
        let sites: Vec<Json> = sites.map(|site| site.id.into()).collect();
        self.finish(
            address(Object::new())
                .with("auth_backend", "local")
                .with("customer", organization.id)
                .with("email", person.email.clone())
                .with("first_name", person.first_name.clone())
                .with("global_two_factor_enabled", false)
                .with("id", 11 + organization.id)
                .with("is_active", true)
                .with("last_name", person.last_name.clone())
                .with("pwdEnable", false)
                .with("pwdLength", 8)
                .with("pwdLowercase", false)
                .with("pwdNumbers", false)
                .with("pwdSpecialcharacters", false)
                .with("pwdUppercase", false)
                .with("role", role(2, "Customer Admin", "Customer"))
                .with("service_provider", 1)
                .with("sites", sites)
                .with("two_factor_enabled", false)
                .with("username", person.email.clone()),
        )
    }

    pub(crate) fn site(self, site: &Site) -> Object {
        self.finish(
            Object::new()
                .with("id", site.id)
                .with("name", site.name.clone())
                .with("contactName", "")
                .with("email", "")
                .with("phone", "")
                .with("sandbox", false)
                .with("customer", site.organization)
                .with("user", vec![site.user.into()]),
        )
    }

    pub(crate) fn site_with_vdoms(self, site: &Site) -> Object {
        let vdoms = self.world.vdoms_of(site.id);
        let vdoms: Vec<Json> = vdoms.map(|vdom| self.vdom(vdom).into()).collect();
        self.site(site).with("vdoms", vdoms)
    }

    pub(crate) fn vdom(self, vdom: &Vdom) -> Object {
        let owner = self.world.organization(vdom.organization);
        let organization = owner.map(|owner| {
            Object::new()
                .with("id", owner.id)
                .with("name", owner.person.company.clone())
        });
        self.finish(
            Object::new()
                .with("adom", owner.map(adom))
                .with("alias", "")
                .with("device_ha", vdom.member.is_some())
                .with("device_ha_info", vdom.ha_info())
                .with("device_oid", vdom.device_oid)
                .with("devid", vdom.device.clone())
                .with("fortianalyzer", vdom.logged.then(analyzer))
                .with("fortigate_name", vdom.device.clone())
                .with("fortimanager", manager())
                .with("id", vdom.id)
                .with("latitude", vdom.latitude)
                .with("longitude", vdom.longitude)
                .with("name", vdom.name)
                .with("organization", organization)
                .with("platform", vdom.platform.clone())
                .with("policypackage", Json::Null)
                .with("site", vdom.site)
                .with("sn", vdom.serial.clone())
                .with("status", "Synchronized")
                .with("vdom_oid", vdom.oid)
                .with("version", "7.2"),
        )
    }

    pub(crate) fn available(self, vdom: &Vdom) -> Object {
        let owner = self.world.organization(vdom.organization);
        let adom = owner.map_or("", |owner| owner.adom.name.as_str());
        let name = format!("{adom}/{}/{}", vdom.device, vdom.name);
        self.vdom(vdom)
            .with("aps", Vec::new())
            .with("display_name", name)
    }
}

/// The rest of an address, which is always empty.
fn address(mut row: Object) -> Object {
    for key in [
        "address1", "address2", "city", "country", "fax", "phone", "state", "zip",
    ] {
        row.push(key, "");
    }
    row
}

fn role(id: i64, name: &'static str, kind: &'static str) -> Object {
    Object::new()
        .with("id", id)
        .with("name", name)
        .with("service_provider", 1)
        .with("service_type", kind)
}

pub(crate) fn roles() -> impl Iterator<Item = Object> {
    let roles = [
        (1, "Service Provider Admin", "SPUser"),
        (2, "Customer Admin", "Customer"),
    ];
    roles
        .into_iter()
        .map(|(id, name, kind)| role(id, name, kind))
}

pub(crate) fn reports() -> impl Iterator<Item = Object> {
    let reports = (1_i64..).zip(REPORTS);
    reports.map(|(id, name)| Object::new().with("id", id).with("name", name))
}

pub(crate) fn adom(organization: &Organization) -> Object {
    let adom = &organization.adom;
    Object::new()
        .with("customer", vec![organization.id.into()])
        .with("flags", "no_vpn_console")
        .with("fortimanager", manager())
        .with("id", adom.id)
        .with("name", adom.name.clone())
        .with("oid", adom.oid)
        .with("version", "7.2")
}

pub(crate) fn manager() -> Object {
    unit(1, "FMG-MSSP", "192.0.2.20", "FMG-VMTM24900020")
}

/// An analyzer. No published example contains one, so it has the form of a manager.
pub(crate) fn analyzer() -> Object {
    unit(2, "FAZ-MSSP", "192.0.2.21", "FAZ-VMTM24900021")
}

fn unit(id: i64, name: &'static str, host: &'static str, serial: &'static str) -> Object {
    Object::new()
        .with("ha", false)
        .with("host", host)
        .with("id", id)
        .with("last_poll_time", LAST_POLL)
        .with("name", name)
        .with("numericVersion", "7.2.5")
        .with("polling", 51)
        .with("port", 443)
        .with("sn", serial)
        .with("status", true)
        .with("username", "fortiportal")
        .with("version", "v7.2.5-build1574 240314 (GA)")
        .with("xmlPort", 8080)
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
