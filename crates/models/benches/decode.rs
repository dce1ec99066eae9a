//! The decoder, and the dates that it reads most.

use std::{fmt::Write as _, hint::black_box};

use divan::{Bencher, counter::BytesCount};
use fortilake_models::{Page, PageContext, decode_pages, endpoint, parse_timestamp};

fn main() {
    divan::main();
}

/// How many products a page of the API has.
const PRODUCTS: u32 = 25;

/// A page of products with nine entitlements and eight contract terms each.
fn page(first: u32) -> String {
    let mut text = r#"{"status": 0, "pageNumber": 1, "totalPages": 9, "assets": ["#.to_owned();
    for number in first..first + PRODUCTS {
        let comma = if number == first { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"serialNumber": "FGT60F{number:010}", "productModel": "FortiGate 60F",
            "accountId": 710101, "description": "Store {number} edge", "status": "Registered",
            "isDecommissioned": false, "registrationDate": "2024-03-0{}T08:15:00","#,
            1 + number % 9
        )
        .expect("a string takes all text");
        let entitlement = r#"{"level": 6, "levelDesc": "Web/Online", "type": 3,
            "typeDesc": "Enhanced Support", "startDate": "2024-03-01T08:15:00",
            "endDate": "2027-03-01T08:15:00"}"#;
        let term = r#"{"startDate": "2024-03-01T08:15:00", "endDate": "2027-03-01T08:15:00",
            "supportType": "FortiCare Premium"}"#;
        write!(
            text,
            r#""entitlements": [{}], "contracts": [{{"contractNumber": "{number:08}AB",
            "sku": "FC-10-0060-247-02-12", "terms": [{}]}}]}}"#,
            [entitlement; 9].join(","),
            [term; 8].join(",")
        )
        .expect("a string takes all text");
    }
    text.push_str("]}");
    text
}

/// Pages that are decoded together, as a crawl decodes small ones.
#[divan::bench(args = [1, 8])]
fn pages(bencher: Bencher<'_, '_>, count: u32) {
    let texts: Vec<String> = (0..count).map(|at| page(at * PRODUCTS)).collect();
    let layout = endpoint("products/list").and_then(|endpoint| endpoint.layout);
    let layout = layout.expect("the endpoint has a layout");
    let context = PageContext {
        source: "acme",
        crawl_id: "bench",
        observed_at: 1_700_000_000_000_000,
        asked: &[("accountId", 710_101)],
        given: &[],
    };
    let pages: Vec<_> = texts.iter().map(|text| Page { text, context }).collect();
    bencher
        .counter(BytesCount::new(
            texts.iter().map(String::len).sum::<usize>(),
        ))
        .bench(|| decode_pages(layout, black_box(&pages)));
}

#[divan::bench(args = ["2024-03-01T08:15:00", "2024-03-01T08:15:00.123-8:00", "01.03.2024"])]
fn date(text: &str) -> bool {
    parse_timestamp(black_box(text)).is_some()
}
