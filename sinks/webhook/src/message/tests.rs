//! Tests of formatting and parsing ids.

use super::*;

fn digest(digit: char) -> Digest {
    Digest::parse(&digit.to_string().repeat(32)).unwrap()
}

fn slice(crawl: &str, digit: char, slice: u64) -> Id {
    let batch = digest(digit);
    Id {
        crawl: crawl.to_owned(),
        part: MessagePart::Slice { batch, slice },
    }
}

fn summary(crawl: &str, digit: char) -> Id {
    let edition = digest(digit);
    Id {
        crawl: crawl.to_owned(),
        part: MessagePart::Summary { edition },
    }
}

#[test]
fn ids_are_read_back_as_they_were_written() {
    let check = |id: Id, text: &str| {
        assert_eq!(id.to_string(), text);
        assert_eq!(Id::parse(text), Some(id));
    };
    check(
        slice("20260101T000000Z-4f2a", 'a', 3),
        "msg_20260101T000000Z-4f2a-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-3",
    );
    check(
        summary("20260101T000000Z-4f2a", '0'),
        "msg_20260101T000000Z-4f2a-00000000000000000000000000000000-summary",
    );
    check(
        slice("c-summary", '1', 0),
        "msg_c-summary-11111111111111111111111111111111-0",
    );
}

#[test]
fn other_texts_are_not_ids() {
    let digest = "a".repeat(32);
    for text in [
        String::new(),
        "msg_".to_owned(),
        format!("msg_-{digest}-summary"),
        format!("c-{digest}-summary"),
        format!("msg_c-{digest}"),
        format!("msg_c-{digest}-00"),
        format!("msg_c-{digest}-+1"),
        format!("msg_c-{}-1", digest.to_uppercase()),
        format!("msg_../../etc-{digest}-summary"),
        format!("msg_c.1-{digest}-summary"),
        format!("msg_c\r\n-{digest}-0"),
        // Ids of the first edition.
        "msg_c-products-0-0".to_owned(),
        "msg_c-summary".to_owned(),
    ] {
        assert_eq!(Id::parse(&text), None, "{text:?}");
    }
}

#[test]
fn a_final_message_comes_after_the_rows_of_its_crawl() {
    let mut ids = [
        slice("b", '0', 0),
        summary("a", '0'),
        slice("a", 'f', 11),
        slice("a", 'f', 2),
    ];
    ids.sort();
    let wanted = [
        slice("a", 'f', 2),
        slice("a", 'f', 11),
        summary("a", '0'),
        slice("b", '0', 0),
    ];
    assert_eq!(ids, wanted);
}

#[test]
fn crawl_ids_that_do_not_fit_into_message_ids_are_refused() {
    assert!(check_crawl("20260101T000000Z-4f2a").is_ok());
    for crawl in ["", "a.b", "a/b", "ü"] {
        let error = check_crawl(crawl).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal, "{crawl}");
    }
}
