//! Puts the sheets together with the other parts of a workbook.

use std::io::{BufReader, Seek, Write};

use fortilake_sink::Crawl;
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::cell::{append, escape};
use crate::identity::{self, Identity};
use crate::sheet::{self, Finished};
use crate::xml::{DECLARATION, MAIN};

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// Writes a workbook. The same sheets always produce the same bytes.
pub(crate) fn write<W: Write + Seek>(
    out: W,
    sheets: Vec<Finished>,
    identity: &Identity,
    crawl: &Crawl,
) -> ZipResult<W> {
    let mut zip = ZipWriter::new(out);
    let mut part = |path: &str, xml: &str| {
        zip.start_file(path, SimpleFileOptions::default())?;
        zip.write_all(xml.as_bytes())?;
        ZipResult::Ok(())
    };
    part("[Content_Types].xml", &content_types(sheets.len()))?;
    part("_rels/.rels", &relations())?;
    part("docProps/core.xml", &core(identity, crawl))?;
    part(identity::PATH, &identity.to_xml())?;
    part("xl/workbook.xml", &workbook(&sheets))?;
    part("xl/_rels/workbook.xml.rels", &sheet_relations(sheets.len()))?;
    part("xl/styles.xml", &styles())?;
    for sheet in sheets {
        // The sheet is copied as it is, without compressing it again.
        let mut archive = ZipArchive::new(BufReader::new(sheet.archive))?;
        zip.raw_copy_file(archive.by_index(0)?)?;
    }
    zip.finish()
}

fn content_types(sheets: usize) -> String {
    let mut parts = String::new();
    let mut part = |path: &str, kind: &str| {
        append(
            &mut parts,
            format_args!(
                "<Override PartName=\"/{path}\" ContentType=\"application/vnd.openxmlformats-{kind}+xml\"/>"
            ),
        );
    };
    part("docProps/core.xml", "package.core-properties");
    part(identity::PATH, "officedocument.custom-properties");
    part("xl/workbook.xml", "officedocument.spreadsheetml.sheet.main");
    part("xl/styles.xml", "officedocument.spreadsheetml.styles");
    for number in 1..=sheets {
        part(
            &sheet::path(number),
            "officedocument.spreadsheetml.worksheet",
        );
    }
    format!(
        "{DECLARATION}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" \
         ContentType=\"application/xml\"/>{parts}</Types>"
    )
}

/// A list of relations: type and target, with the ids `rId1`, `rId2` and so on.
fn relationships(relations: impl IntoIterator<Item = (String, String)>) -> String {
    let mut xml = format!("{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">");
    for (number, (kind, target)) in (1..).zip(relations) {
        append(
            &mut xml,
            format_args!("<Relationship Id=\"rId{number}\" Type=\"{kind}\" Target=\"{target}\"/>"),
        );
    }
    xml.push_str("</Relationships>");
    xml
}

fn relations() -> String {
    let relation = |kind: String, target: &str| (kind, target.to_owned());
    relationships([
        relation(
            format!("{OFFICE}/relationships/officeDocument"),
            "xl/workbook.xml",
        ),
        relation(
            format!("{PACKAGE}/relationships/metadata/core-properties"),
            "docProps/core.xml",
        ),
        relation(
            format!("{OFFICE}/relationships/custom-properties"),
            identity::PATH,
        ),
    ])
}

fn sheet_relations(sheets: usize) -> String {
    let sheets = (1..=sheets).map(|number| {
        let target = format!("worksheets/sheet{number}.xml");
        (format!("{OFFICE}/relationships/worksheet"), target)
    });
    let styles = (
        format!("{OFFICE}/relationships/styles"),
        "styles.xml".to_owned(),
    );
    relationships(sheets.chain([styles]))
}

fn core(identity: &Identity, crawl: &Crawl) -> String {
    let mut comment = String::new();
    let state = match identity.failed.len() {
        0 => "It is complete.".to_owned(),
        1 => "It is not complete: 1 scope failed. The sheet `coverage` lists it.".to_owned(),
        failed => {
            format!("It is not complete: {failed} scopes failed. The sheet `coverage` lists them.")
        }
    };
    escape(
        &mut comment,
        &format!(
            "Snapshot {}, written by {}. {state}",
            identity.snapshot, crawl.generator
        ),
    );
    let mut created = String::new();
    escape(&mut created, &crawl.started_at);
    format!(
        "{DECLARATION}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:description>{comment}</dc:description>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:created></cp:coreProperties>"
    )
}

/// The list of sheets. The filter of a sheet also is a hidden name, which some programs expect.
fn workbook(sheets: &[Finished]) -> String {
    let mut list = String::new();
    let mut names = String::new();
    for (index, sheet) in sheets.iter().enumerate() {
        let Finished { name, range, .. } = sheet;
        let number = index + 1;
        append(
            &mut list,
            format_args!("<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>"),
        );
        append(
            &mut names,
            format_args!(
                "<definedName name=\"_xlnm._FilterDatabase\" localSheetId=\"{index}\" hidden=\"1\">'{name}'!{range}</definedName>"
            ),
        );
    }
    format!(
        "{DECLARATION}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}/relationships\"><bookViews><workbookView/>\
         </bookViews><sheets>{list}</sheets><definedNames>{names}</definedNames></workbook>"
    )
}

/// The formats, in the order of the constants in `cell.rs`: none, header, text, time, time with milliseconds.
fn styles() -> String {
    let formats = [
        "numFmtId=\"0\"",
        "numFmtId=\"49\" fontId=\"1\"",
        "numFmtId=\"49\"",
        "numFmtId=\"164\"",
        "numFmtId=\"165\"",
    ];
    let formats: String = formats
        .map(|format| format!("<xf {format} xfId=\"0\" applyNumberFormat=\"1\" applyFont=\"1\"/>"))
        .concat();
    let font = "<sz val=\"11\"/><name val=\"Calibri\"/>";
    format!(
        "{DECLARATION}<styleSheet xmlns=\"{MAIN}\"><numFmts count=\"2\"><numFmt numFmtId=\"164\" \
         formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/><numFmt numFmtId=\"165\" \
         formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss.000\"/></numFmts><fonts count=\"2\"><font>{font}</font><font><b/>{font}\
         </font></fonts><fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill \
         patternType=\"gray125\"/></fill></fills><borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/>\
         </border></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"5\">{formats}</cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>"
    )
}
