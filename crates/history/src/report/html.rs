//! Renders the report. All text goes through maud, which escapes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan as _;
use jiff::civil::Date;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::chart;
use super::facts::{Changes, Customer, Ending, Model, ReportFacts, Top};

const STYLE: &str = include_str!("style.css");

/// How many rows the tables of models, customers and failed scopes have at most.
const ROWS: usize = 50;

/// The whole file.
pub(super) fn render(facts: &ReportFacts) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "Fortinet inventory as of " (facts.as_of) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Fortinet inventory" }
                p.soft { "As of " (facts.as_of) ", from snapshot " (facts.snapshot) }
                (coverage(facts))
                (fleet(facts))
                (renewals(facts))
                (end_of_support(facts))
                (changes(facts.changes.as_ref()))
                (quality(facts))
            }
        }
    };
    page.into_string() + "\n"
}

/// Nothing may be loaded or run. The one style sheet is allowed by its digest.
fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

/// Text from outside: on its own, so that its direction does not affect its surroundings, and without control characters.
fn plain(text: &str) -> Markup {
    let text = text.replace(|c: char| c.is_control(), " ");
    html! { bdi { (text) } }
}

fn date(date: Option<Date>) -> Markup {
    html! { @if let Some(date) = date { (date) } }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn card(number: u64, what: &str) -> Markup {
    html! { div.card { b { (number) } span { (what) } } }
}

/// Says how many entries a list does not show.
fn left_out(shown: usize, total: u64, what: &str) -> Markup {
    let more = total.saturating_sub(shown as u64);
    html! { @if more > 0 { p.soft { "And " (count(more, what)) " that are not shown." } } }
}

fn coverage(facts: &ReportFacts) -> Markup {
    let failed = facts.scopes.failed;
    html! {
        h2 { "Coverage and age" }
        @if facts.complete {
            p.state.good { "Complete: everything was read." }
        } @else if failed > 0 {
            p.state.bad { "Partial: " (count(failed, "scope")) " could not be read. The missing rows are not part of the numbers below." }
        } @else {
            p.state.bad { "Not complete." }
        }
        @if facts.is_selection {
            p { "The crawl was limited to some sources, accounts or product models." }
        }
        @if facts.scopes.carried > 0 {
            p { (count(facts.scopes.carried, "scope")) " carried over from an earlier crawl." }
        }
        p { "Read until " (facts.read_at) @match facts.age_in_days {
            0 => ", on the day of this report.",
            1.. => { ", " (count(facts.age_in_days.unsigned_abs(), "day")) " before the day of this report." }
            _ => { ", " (count(facts.age_in_days.unsigned_abs(), "day")) " after the day of this report." }
        } }
        @if !facts.failed.is_empty() {
            div.scroll { table {
                thead { tr { th { "Not read" } th { "Source" } th { "Account" } th { "Why" } } }
                tbody { @for scope in facts.failed.iter().take(ROWS) { tr {
                    td { (scope.endpoint) }
                    td { (plain(&scope.source)) }
                    td.fixed { @if let Some(account) = scope.account_id { (account) } }
                    td.wide { (plain(&scope.error)) }
                } } }
            } }
            (left_out(ROWS.min(facts.failed.len()), facts.failed.len() as u64, "scope"))
        }
    }
}

fn fleet(facts: &ReportFacts) -> Markup {
    let mut models: Vec<(&String, &Model)> = facts.models.iter().collect();
    models.sort_by_key(|(name, model)| (std::cmp::Reverse(model.devices), *name));
    let most = models.first().map_or(0, |(_, model)| model.devices);
    html! {
        h2 { "Fleet" }
        div.cards {
            (card(facts.devices - facts.decommissioned, "devices in use"))
            (card(facts.decommissioned, "decommissioned"))
            (card(facts.models.len() as u64, "models"))
            (card(facts.customers.len() as u64, "customers with devices"))
        }
        div.scroll { table {
            thead { tr { th { "Model" } th.number { "Devices" } th.plot {} th { "EoR" } th { "End of support" } } }
            tbody { @for (name, model) in models.iter().take(ROWS) { tr {
                td { (plain(name)) }
                td.number { (model.devices) }
                td.plot { (chart::share(model.devices, most)) }
                td.fixed { (date(model.eor)) }
                td.fixed { (date(model.eos)) }
            } } }
        } }
        (left_out(ROWS.min(models.len()), models.len() as u64, "model"))
    }
}

fn renewals(facts: &ReportFacts) -> Markup {
    let mut customers: Vec<(&String, &Customer)> = facts.customers.iter().collect();
    customers.sort_by_key(|(name, customer)| (std::cmp::Reverse(customer.devices), *name));
    html! {
        h2 { "Renewals within a year" }
        p.soft { "Devices with coverage that ends and is not renewed yet, by month. Decommissioned devices are left out." }
        div.scroll { (chart::months(&facts.months)) }
        h2 { "Customers" }
        div.scroll { table {
            thead { tr { th { "Customer" } th.number { "Devices" } th.number { "Ending" } th.number { "Lapsed" } th { "Next end" } } }
            tbody { @for (name, customer) in customers.iter().take(ROWS) { tr {
                td.wide { (plain(name)) }
                td.number { (customer.devices) }
                td.number { (customer.ending) }
                td.number { (customer.lapsed) }
                td.fixed { (date(customer.first_end)) }
            } } }
        } }
        (left_out(ROWS.min(customers.len()), customers.len() as u64, "customer"))
        h2 { "Ending next" }
        (endings(&facts.ending, "Nothing ends within a year."))
        h2 { "Lapsed within the last year" }
        (endings(&facts.lapsed, "Nothing has lapsed."))
    }
}

fn endings(list: &Top<Ending>, none: &str) -> Markup {
    html! {
        @if list.entries.is_empty() {
            p { (none) }
        } @else {
            div.scroll { table {
                thead { tr { th { "End" } th { "Customer" } th { "Serial number" } th { "Model" } th { "Description" } th { "Coverage" } } }
                tbody { @for entry in &list.entries { tr {
                    td.fixed { (entry.end) }
                    td { (plain(&entry.customer)) }
                    td.fixed { (plain(&entry.serial)) }
                    td { (plain(&entry.model)) }
                    td.wide { (plain(&entry.description)) }
                    td.wide { (plain(&entry.supports.join(", "))) }
                } } }
            } }
            (left_out(list.entries.len(), list.total, "row"))
        }
    }
}

fn end_of_support(facts: &ReportFacts) -> Markup {
    let limit = facts.as_of.saturating_add(1.year());
    let mut models: Vec<_> = facts.models.iter().collect();
    models.retain(|(_, model)| model.eos.is_some_and(|eos| eos <= limit));
    models.sort_by_key(|(name, model)| (model.eos, *name));
    html! {
        h2 { "End of support within 12 months" }
        @if models.is_empty() {
            p { "No model in use reaches its end of support." }
        } @else {
            div.scroll { table {
                thead { tr { th { "End of support" } th { "Model" } th.number { "Devices" } th {} } }
                tbody { @for (name, model) in models { tr {
                    td.fixed { (date(model.eos)) }
                    td { (plain(name)) }
                    td.number { (model.devices) }
                    td { @if model.eos < Some(facts.as_of) { "passed" } }
                } } }
            } }
        }
    }
}

fn changes(changes: Option<&Changes>) -> Markup {
    html! {
        h2 { "Changes" }
        @match changes {
            None => p { "There is no earlier complete snapshot to compare with." },
            Some(changes) => {
                p.soft { "Since snapshot " (changes.since) ". Accounts that could not be read count as unchanged." }
                @if changes.tables.is_empty() {
                    p { "Nothing changed." }
                } @else {
                    div.scroll { table {
                        thead { tr { th { "Table" } th.number { "New" } th.number { "Changed" } th.number { "Gone" } th.number { "Moved" } th.number { "Renewed" } } }
                        tbody { @for (table, counts) in &changes.tables { tr {
                            td { (table) }
                            td.number { (counts.inserted) }
                            td.number { (counts.updated) }
                            td.number { (counts.deleted) }
                            td.number { (counts.moved) }
                            td.number { (counts.renewed) }
                        } } }
                    } }
                }
                @if !changes.devices.entries.is_empty() {
                    div.scroll { table {
                        thead { tr { th { "Device" } th { "Customer" } th { "Serial number" } th { "Model" } } }
                        tbody { @for device in &changes.devices.entries { tr {
                            td { (device.what) }
                            td.wide { (plain(&device.customer)) }
                            td.fixed { (plain(&device.serial)) }
                            td { (plain(&device.model)) }
                        } } }
                    } }
                    (left_out(changes.devices.entries.len(), changes.devices.total, "device"))
                }
            }
        }
    }
}

fn quality(facts: &ReportFacts) -> Markup {
    html! {
        h2 { "Data quality" }
        @if facts.issues.is_empty() {
            p { "Every value fit its column." }
        } @else {
            div.scroll { table {
                thead { tr { th { "Table" } th { "Column" } th.number { "Values" } th { "Why, for example" } } }
                tbody { @for ((table, column), (count, reason)) in &facts.issues { tr {
                    td { (plain(table)) }
                    td { (plain(column)) }
                    td.number { (count) }
                    td.wide { (plain(reason)) }
                } } }
            } }
        }
        h2 { "Tables" }
        div.scroll { table {
            thead { tr { th { "Table" } th.number { "Rows" } } }
            tbody { @for table in &facts.tables { tr { td { (table.table) } td.number { (table.rows) } } } }
        } }
        p.soft { "Read by " (facts.generator) "." }
    }
}
