//! Tests of a single sheet: what does not fit, and a full disk.

use arrow_array::{Int64Array, StringArray};
use fortilake_sink::{Field, KeyIn, Schema};

use super::*;

fn table(columns: usize) -> Arc<TableSpec> {
    let fields = (0..columns).map(|number| Field::new(format!("c{number}"), DataType::Int64, true));
    Arc::new(TableSpec {
        name: "things".to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        key: Vec::new(),
        key_in: KeyIn::Scope,
    })
}

fn records(spec: &TableSpec, rows: i64) -> RecordBatch {
    let column = || -> ArrayRef { Arc::new(Int64Array::from_iter_values(0..rows)) };
    let columns = spec.schema.fields().iter().map(|_| column());
    RecordBatch::try_new(Arc::clone(&spec.schema), columns.collect()).unwrap()
}

fn sheet(spec: &Arc<TableSpec>, limits: Limits) -> Result<Sheet> {
    Sheet::new(Arc::clone(spec), 1, &tempfile::env::temp_dir(), limits)
}

#[test]
fn a_table_that_does_not_fit_is_an_error_and_not_cut() {
    let spec = table(2);
    let limits = Limits {
        rows: 4,
        ..Limits::default()
    };
    sheet(&spec, limits)
        .unwrap()
        .write(&records(&spec, 3))
        .unwrap();
    let error = sheet(&spec, limits)
        .unwrap()
        .write(&records(&spec, 4))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert_eq!(
        error.to_string(),
        "table `things` does not fit into a sheet, which can have 3 rows below its header; choose other tables or \
         columns with the options `tables` and `columns`, or use the sink `csv` or `parquet`"
    );

    let error = sheet(&table(16_385), Limits::default()).err().unwrap();
    assert!(
        error.to_string().contains("can have 16384 columns"),
        "{error}"
    );

    let limits = Limits {
        bytes: 1000,
        ..Limits::default()
    };
    let error = sheet(&spec, limits)
        .unwrap()
        .write(&records(&spec, 30))
        .unwrap_err();
    assert!(
        error.to_string().contains("can have 1000 bytes of XML"),
        "{error}"
    );
}

#[test]
fn a_name_that_is_too_long_is_an_error() {
    let mut spec = TableSpec::clone(&table(1));
    spec.name = "x".repeat(32);
    let error = sheet(&Arc::new(spec), Limits::default()).err().unwrap();
    assert_eq!(error.kind(), Kind::Config);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_as_such() {
    let schema = Schema::new(vec![Field::new("noise", DataType::Utf8, true)]);
    let spec = Arc::new(TableSpec {
        schema: Arc::new(schema),
        ..TableSpec::clone(&table(0))
    });
    let mut sheet = sheet(&spec, Limits::default()).unwrap();
    let full = File::options()
        .read(true)
        .write(true)
        .open("/dev/full")
        .unwrap();
    sheet.zip = ZipWriter::new(Spool::new(full));
    let written = sheet
        .zip
        .start_file(path(1), SimpleFileOptions::default())
        .map_err(|error| cannot_write(&spec, error.into()))
        .and_then(|()| {
            let text: ArrayRef = Arc::new(StringArray::from_iter_values(["x"]));
            let rows = RecordBatch::try_new(Arc::clone(&spec.schema), vec![text]).unwrap();
            sheet.write(&rows).and_then(|_| sheet.finish().map(drop))
        });
    assert_eq!(written.unwrap_err().kind(), Kind::Full);
}

#[test]
fn the_header_is_frozen_filtered_and_as_wide_as_its_content() {
    let spec = table(1);
    let mut sheet = sheet(&spec, Limits::default()).unwrap();
    sheet.columns[0].width = 5;
    sheet.write(&records(&spec, 2)).unwrap();
    let finished = sheet.finish().unwrap();
    assert_eq!(finished.range, "$A$1:$A$3");
    let mut archive = zip::ZipArchive::new(finished.archive).unwrap();
    let xml = std::io::read_to_string(archive.by_index(0).unwrap()).unwrap();
    for part in [
        r#"<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>"#,
        r#"<col min="1" max="1" width="9" customWidth="1"/>"#,
        r#"<autoFilter ref="A1:A3"/>"#,
    ] {
        assert!(xml.contains(part), "{xml}");
    }
}
