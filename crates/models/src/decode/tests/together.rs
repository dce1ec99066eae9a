//! Pages that are decoded together give the rows that they give alone.

use arrow_select::concat::concat_batches;
use proptest::prelude::*;

use super::{CONTEXT, direct::pages};
use crate::{
    Layout,
    decode::{Decoded, Issue, Page, PageContext, decode, decode_pages},
    endpoint,
};

/// Contexts that differ in whatever can differ between the pages of a list.
const CONTEXTS: [PageContext<'_>; 3] = [
    CONTEXT,
    PageContext {
        source: "other",
        crawl_id: "earlier",
        observed_at: 1_600_000_000_000_000,
        asked: &[("parentId", 2_100_015), ("site", 7)],
        given: &[("firmware", "v8")],
    },
    PageContext {
        observed_at: 1_700_000_000_000_001,
        asked: &[],
        ..CONTEXT
    },
];

fn with_contexts(texts: &[String]) -> Vec<Page<'_>> {
    let texts = texts.iter().zip(CONTEXTS.iter().cycle());
    let pages = texts.map(|(text, &context)| Page { text, context });
    pages.collect()
}

/// What the pages give one after the other, or the position of the first one that cannot be read.
fn alone(layout: &'static Layout, pages: &[Page<'_>]) -> Result<Vec<Decoded>, usize> {
    let pages = pages.iter().enumerate();
    let decoded = pages.map(|(at, page)| decode(layout, page.text, &page.context).map_err(|_| at));
    decoded.collect()
}

/// The issues of pages, as issues of one page.
fn issues(alone: &[Decoded]) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (at, page) in alone.iter().enumerate() {
        for issue in &page.issues {
            let rows = alone[..at]
                .iter()
                .map(|page| &page.tables[issue.root_table]);
            let before: usize = rows.map(|table| table.records.num_rows()).sum();
            let root = issue.root.saturating_add(u32::try_from(before).unwrap());
            issues.push(Issue {
                root,
                ..issue.clone()
            });
        }
    }
    issues
}

fn sorted(mut issues: Vec<Issue>) -> Vec<String> {
    issues.sort_by_key(|issue| format!("{issue:?}"));
    issues.iter().map(|issue| format!("{issue:?}")).collect()
}

proptest! {
    #[test]
    fn rows_are_those_of_the_pages_alone((layout, texts) in pages(0..6)) {
        let pages = with_contexts(&texts);
        let together = decode_pages(layout, &pages);
        let (alone, together) = match (alone(layout, &pages), together) {
            (Ok(alone), Ok(together)) => (alone, together),
            (Err(unreadable), Err((position, _))) => {
                prop_assert_eq!(position, unreadable);
                return Ok(());
            }
            (alone, _) => return Err(TestCaseError::fail(format!("only one failed: {alone:?}"))),
        };
        prop_assert_eq!(
            together.unknown_fields,
            alone.iter().map(|page| page.unknown_fields).sum::<u64>()
        );
        prop_assert_eq!(sorted(together.issues), sorted(issues(&alone)));
        for (at, table) in together.tables.iter().enumerate() {
            let records: Vec<_> = alone.iter().map(|page| page.tables[at].records.clone()).collect();
            let expected = concat_batches(&table.table.schema(), &records).unwrap();
            prop_assert_eq!(&table.records, &expected);
            let mut ends = Vec::new();
            let mut roots = Vec::new();
            let mut outermost = 0;
            for page in &alone {
                let page_table = &page.tables[at];
                ends.push(ends.last().unwrap_or(&0) + page_table.records.num_rows());
                roots.extend(page_table.roots.iter().map(|root| root + outermost));
                let rows = page.tables[table.root].records.num_rows();
                outermost += u32::try_from(rows).unwrap();
            }
            prop_assert_eq!(&table.page_ends, &ends);
            prop_assert_eq!(&table.roots, &roots);
        }
    }
}

#[test]
fn an_unusual_page_among_usual_ones_loses_nothing() {
    let layout = endpoint("products/list").unwrap().layout.unwrap();
    let usual = r#"{"assets": [{"serialNumber": "F1"}]}"#.to_owned();
    let unusual = r#"{"assets": [{"serialNumber": "F2", "contracts": "none"}]}"#.to_owned();
    let texts = [usual.clone(), unusual, usual];
    let together = decode_pages(layout, &with_contexts(&texts)).unwrap();
    assert_eq!(together.tables[0].page_ends, [1, 2, 3]);
    assert_eq!(together.tables[0].records.num_rows(), 3);
}

#[test]
fn an_error_names_the_page_that_cannot_be_read() {
    let layout = endpoint("products/list").unwrap().layout.unwrap();
    let texts = [
        "{}".to_owned(),
        r#"{"assets": []"#.to_owned(),
        "{}".to_owned(),
    ];
    let (position, error) = decode_pages(layout, &with_contexts(&texts)).unwrap_err();
    assert_eq!(position, 1);
    assert_eq!(
        error.to_string(),
        decode(layout, &texts[1], &CONTEXT).unwrap_err().to_string()
    );
}
