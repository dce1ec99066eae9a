//! Bar charts as inline SVG. They use no styles of their own, so the policy needs no exception for them.

use std::collections::BTreeMap;

use maud::{Markup, html};

const WIDTH: u64 = 640;
const HEIGHT: u64 = 180;
/// The space below the bars for the names of the months, and above them for the numbers.
const MARGIN: u64 = 22;

/// One bar per month, with its number above it.
pub(super) fn months(months: &BTreeMap<String, u64>) -> Markup {
    let max = months.values().copied().max().unwrap_or(0).max(1);
    let step = WIDTH / (months.len() as u64).max(1);
    let bars = months.iter().zip(0_u64..).map(|((month, count), number)| {
        let height = (HEIGHT - 2 * MARGIN) * count / max;
        let left = number * step;
        (month, count, left, height)
    });
    html! {
        svg class="chart" role="img" aria-label="Devices whose coverage ends, by month" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
            @for (month, count, left, height) in bars {
                rect class="bar" x=(left + 4) y=(HEIGHT - MARGIN - height) width=(step - 8) height=(height) rx="2" {}
                @if *count > 0 {
                    text class="number" x=(left + step / 2) y=(HEIGHT - MARGIN - height - 5) { (count) }
                }
                text class="name" x=(left + step / 2) y=(HEIGHT - 6) { (short(month)) }
            }
            line class="axis" x1="0" x2=(WIDTH) y1=(HEIGHT - MARGIN) y2=(HEIGHT - MARGIN) {}
        }
    }
}

/// `2026-10` as `10/26`, which fits below a bar.
fn short(month: &str) -> String {
    match month.split_once('-') {
        Some((year, month)) => format!("{month}/{}", year.get(2..).unwrap_or(year)),
        None => month.to_owned(),
    }
}

/// A bar that shows a share of the largest value in a column.
pub(super) fn share(value: u64, max: u64) -> Markup {
    let width = 100 * value / max.max(1);
    html! {
        svg class="share" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none" {
            rect class="bar" width=(width.max(1)) height="10" {}
        }
    }
}
