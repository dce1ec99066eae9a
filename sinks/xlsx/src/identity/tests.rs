//! Tests of the properties.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn workbook(xml: &str) -> Cursor<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(PATH, SimpleFileOptions::default()).unwrap();
    zip.write_all(xml.as_bytes()).unwrap();
    zip.finish().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let mut identity = Identity {
        snapshot: "20260901T120000Z".to_owned(),
        crawl: "c & <1> \"_x000D_\" ü".to_owned(),
        complete: false,
        selection: Selection {
            accounts: Some((0..500).collect()),
            ..Selection::default()
        },
        failed: vec!["acme/products/list/account=1".to_owned(); 40],
    };
    assert_eq!(
        Identity::read(workbook(&identity.to_xml())).as_ref(),
        Some(&identity)
    );
    identity.failed.clear();
    assert_eq!(Identity::read(workbook(&identity.to_xml())), Some(identity));
}

#[test]
fn no_piece_is_longer_than_a_property_can_be() {
    let identity = Identity {
        snapshot: String::new(),
        crawl: String::new(),
        complete: true,
        selection: Selection::default(),
        failed: vec!["x".repeat(90); 90],
    };
    let xml = identity.to_xml();
    let pieces: Vec<_> = (0..).map_while(|number| piece(&xml, number)).collect();
    assert!(pieces.len() > 40);
    assert!(pieces.iter().all(|piece| piece.chars().count() <= 255));
}

#[test]
fn other_files_have_no_identity() {
    assert_eq!(Identity::read(workbook("<Properties></Properties>")), None);
    assert_eq!(
        Identity::read(Cursor::new(b"not a workbook".to_vec())),
        None
    );
}
