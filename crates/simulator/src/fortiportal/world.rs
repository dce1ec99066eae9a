//! The data of the portal: organizations, their sites, and VDOMs of the tenant's firewalls.

use crate::forticloud::seeded::{Firewall, Person, firewalls, people};
use crate::random::{Stream, at, draw};
use crate::scenario::Scenario;

const FIRST_ORGANIZATION: i64 = 4;
const FIRST_SITE: i64 = 6;
const FIRST_VDOM: i64 = 31;
const SITE_NAMES: [&str; 5] = ["east", "west", "north", "south", "harbor"];

/// The portal's data, which never changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) organizations: Vec<Organization>,
    pub(crate) sites: Vec<Site>,
    pub(crate) vdoms: Vec<Vdom>,
}

/// An organization, which is a customer of the portal.
#[derive(Debug)]
pub(crate) struct Organization {
    pub(crate) id: i64,
    pub(crate) person: Person,
    pub(crate) adom: Adom,
}

/// The part of a `FortiManager` that belongs to one organization.
#[derive(Debug, Clone)]
pub(crate) struct Adom {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) oid: i64,
}

/// A site of an organization.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) organization: i64,
    pub(crate) user: i64,
}

/// A VDOM of a device. These are the rows with serial numbers.
#[derive(Debug)]
pub(crate) struct Vdom {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
    pub(crate) serial: String,
    pub(crate) platform: String,
    pub(crate) device: String,
    pub(crate) device_oid: i64,
    pub(crate) oid: i64,
    /// For a cluster, which of its two members the row is about.
    pub(crate) member: Option<u8>,
    /// The site. `None` for a device that has not been assigned to one.
    pub(crate) site: Option<i64>,
    pub(crate) organization: i64,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// Whether its logs go to a `FortiAnalyzer`.
    pub(crate) logged: bool,
}

impl Vdom {
    pub(crate) fn ha_info(&self) -> String {
        let member = self.member.map(|member| format!("member {member} of 2"));
        member.unwrap_or_default()
    }
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let portal = &scenario.portal;
        if !portal.enabled {
            return Self {
                organizations: Vec::new(),
                sites: Vec::new(),
                vdoms: Vec::new(),
            };
        }
        let people = people(scenario, portal.organizations);
        let organizations: Vec<_> = (0..).zip(people).map(organization).collect();
        let sites = sites(&organizations, portal.sites);
        let mut world = Self {
            organizations,
            sites,
            vdoms: Vec::new(),
        };
        for (index, firewall) in (0..).zip(firewalls(scenario, portal.devices)) {
            let drawn = draw(scenario.seed, Stream::PortalSite, index);
            world.add(index, drawn, &firewall);
        }
        world
    }

    pub(crate) fn organization(&self, id: i64) -> Option<&Organization> {
        self.organizations
            .iter()
            .find(|organization| organization.id == id)
    }

    pub(crate) fn site(&self, id: i64) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    pub(crate) fn sites_of(&self, organization: i64) -> impl Iterator<Item = &Site> {
        let sites = self.sites.iter();
        sites.filter(move |site| site.organization == organization)
    }

    pub(crate) fn vdoms_of(&self, site: i64) -> impl Iterator<Item = &Vdom> {
        self.vdoms
            .iter()
            .filter(move |vdom| vdom.site == Some(site))
    }

    /// Counts the devices in the sites of an organization.
    pub(crate) fn devices_of(&self, organization: i64) -> i64 {
        let assigned = self
            .vdoms
            .iter()
            .filter(|vdom| vdom.organization == organization && vdom.site.is_some());
        let mut serials: Vec<&str> = assigned.map(|vdom| vdom.serial.as_str()).collect();
        // The rows of one device are adjacent.
        serials.dedup();
        count(serials.len())
    }

    /// Adds a device. Some have several VDOMs and some are clusters; both cause repeated serial
    /// numbers.
    fn add(&mut self, index: u64, drawn: u64, firewall: &Firewall) {
        let number = i64::try_from(index).unwrap_or(i64::MAX);
        let waiting = index % 10 == 9 || self.sites.is_empty();
        let site = (!waiting).then(|| &self.sites[at(drawn, self.sites.len())]);
        let owner = site.map(|site| site.organization);
        let owner = owner.and_then(|id| self.organization(id));
        let Some(owner) = owner.or(self.organizations.first()) else {
            return;
        };
        let names: &[&'static str] = match index % 5 {
            2 => &["root", "guest", "dmz"],
            _ => &["root"],
        };
        let members: &[Option<u8>] = match index % 7 {
            3 => &[Some(1), Some(2)],
            _ => &[None],
        };
        let prefix = owner.adom.name.get(..3).unwrap_or("FPC");
        let device = format!("{prefix}-FGT{}", index + 1);
        let (site, organization) = (site.map(|site| site.id), owner.id);
        // Multiples of 1/10000 degree, so that the numbers are short.
        let degrees = |base: i32, salt: u64| f64::from(base + small((drawn ^ salt) >> 32)) / 1e4;
        let rows = names
            .iter()
            .flat_map(|name| members.iter().map(move |member| (*name, *member)));
        for (oid, (name, member)) in (3..).zip(rows) {
            self.vdoms.push(Vdom {
                id: FIRST_VDOM + count(self.vdoms.len()),
                name,
                serial: firewall.serial.clone(),
                platform: firewall.model.replace(' ', "-"),
                device: device.clone(),
                device_oid: 160 + number,
                oid,
                member,
                site,
                organization,
                latitude: degrees(535_511, 0),
                longitude: degrees(99_937, u64::MAX),
                logged: index % 4 == 1,
            });
        }
    }
}

fn organization((index, person): (i64, Person)) -> Organization {
    let letters = person.company.chars().filter(char::is_ascii_alphabetic);
    let name = letters.take(8).collect::<String>().to_ascii_uppercase();
    Organization {
        id: FIRST_ORGANIZATION + index,
        adom: Adom {
            id: 2 + index,
            name,
            oid: 163 + index,
        },
        person,
    }
}

/// Creates the sites of all organizations, except the last one if there are several.
fn sites(organizations: &[Organization], each: u64) -> Vec<Site> {
    let settled = match organizations {
        [settled @ .., _] if !settled.is_empty() => settled,
        all => all,
    };
    let places = settled
        .iter()
        .flat_map(|organization| (0..each).map(move |index| (organization, index)));
    let sites = (0..).zip(places).map(|(number, (organization, index))| {
        let prefix = organization.adom.name.to_ascii_lowercase();
        let place = SITE_NAMES[at(index, SITE_NAMES.len())];
        let round = index / SITE_NAMES.len() as u64;
        Site {
            id: FIRST_SITE + 2 * number,
            name: match round {
                0 => format!("{prefix}-{place}"),
                _ => format!("{prefix}-{place}-{}", round + 1),
            },
            organization: organization.id,
            user: 8 + organization.id,
        }
    });
    sites.collect()
}

/// Maps a random number to a few degrees.
fn small(drawn: u64) -> i32 {
    i32::try_from(drawn % 40_000).unwrap_or_default()
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
