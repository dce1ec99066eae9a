//! The formats that rows are written in.

use super::*;
use crate::{ChangesText, RowFormat, RowWriter};

async fn written(format: RowFormat, old: &Inventory, new: &Inventory) -> Vec<u8> {
    let place = Place::new(&[(FIRST, old), (SECOND, new)]).await;
    let pair = place.history().pair(None, None).await.unwrap();
    let comparison = Comparison::new(&pair).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        RowWriter::new(format, &comparison.schema("products").unwrap(), &mut bytes).unwrap();
    comparison
        .table("products", &mut |batch| writer.write(&batch))
        .unwrap();
    writer.finish().unwrap();
    bytes
}

fn two() -> Inventory {
    let mut inventory = Inventory::default();
    inventory.product(1, "FGT1", "=1+1, \"quoted\"");
    inventory.product(1, "FGT2", "line\nbreak");
    inventory
}

#[tokio::test]
async fn json_is_a_list_and_csv_has_a_header() {
    let none = Inventory::default();
    assert_eq!(written(RowFormat::Json, &none, &none).await, b"[]\n");
    assert_eq!(written(RowFormat::Ndjson, &none, &none).await, b"");
    let text = String::from_utf8(written(RowFormat::Csv, &none, &none).await).unwrap();
    assert!(
        text.starts_with("table_name,account_id,serial_number,"),
        "{text}"
    );
    assert!(
        text.ends_with("_source,_change_type,_snapshot,_changed_at,changed_columns,_previous\n"),
        "{text}"
    );

    let json: Vec<Value> =
        serde_json::from_slice(&written(RowFormat::Json, &none, &two()).await).unwrap();
    assert_eq!(json.len(), 2);
    assert_eq!(json[0]["table_name"], "products");
    let lines = String::from_utf8(written(RowFormat::Ndjson, &none, &two()).await).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, json);
    let csv = written(RowFormat::Csv, &none, &two()).await;
    let mut csv = csv::Reader::from_reader(csv.as_slice());
    let at = csv
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "description")
        .unwrap();
    let cells: Vec<_> = csv
        .records()
        .map(|row| row.unwrap()[at].to_owned())
        .collect();
    assert_eq!(cells, ["'=1+1, \"quoted\"", "line\nbreak"]);
}

#[test]
fn a_negative_number_is_no_formula() {
    let renewal = crate::Renewal {
        end_date: jiff::civil::date(2026, 8, 1),
        days_left: -31,
        status: crate::Status::Lapsed,
        renewed_until: None,
        account_id: Some(1),
        company: Some("-Acme".to_owned()),
        serial_number: "FGT1".to_owned(),
        product_model: None,
        description: None,
        support_type: "Web".to_owned(),
        origin: crate::Origin::Entitlement,
        contract_number: None,
        sku: None,
        product_model_eor: None,
        product_model_eos: None,
    };
    let rows = crate::renewal_rows(&[renewal]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = RowWriter::new(RowFormat::Csv, rows.schema_ref(), &mut bytes).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.ends_with("\nlapsed,2026-08-01,-31,,1,'-Acme,FGT1,,,Web,entitlement,,,,\n"),
        "{text}"
    );
}

#[tokio::test]
async fn parquet_can_be_read_back() {
    let bytes = written(RowFormat::Parquet, &Inventory::default(), &two()).await;
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("changes.parquet");
    crate::write_file(&path, |file| {
        std::io::Write::write_all(file, &bytes).unwrap();
        Ok(())
    })
    .unwrap();
    let file = std::fs::File::open(path).unwrap();
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let rows: usize = reader
        .build()
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn text_has_a_line_per_change_but_none_for_the_parts_of_new_or_moved_devices() {
    let mut old = two();
    old.entitlement(1, "FGT1", 2, "2027-01-31");
    old.entitlement(1, "FGT2", 2, "2027-01-31");
    let mut new = old.clone();
    new.tables.get_mut("products").unwrap()[0]["description"] = json!(null);
    new.tables.get_mut("products").unwrap()[1]["account_id"] = json!(2);
    new.tables.get_mut("entitlements").unwrap()[0]["end_date"] = json!("2028-01-31T00:00:00");
    new.tables.get_mut("entitlements").unwrap()[1]["account_id"] = json!(2);
    new.product(3, "FGT3", "new");
    new.entitlement(3, "FGT3", 2, "2027-01-31");
    let place = Place::new(&[(FIRST, &old), (SECOND, &new)]).await;
    let pair = place.history().pair(None, None).await.unwrap();
    let comparison = Comparison::new(&pair).unwrap();
    let mut text = ChangesText::default();
    let mut lines = String::new();
    for table in ["products", "entitlements"] {
        text.begin(table, comparison.natural_key(table).unwrap());
        let counts = comparison
            .table(table, &mut |batch| text.add(&batch))
            .unwrap();
        lines += &(text.take() + &text.summary(&counts) + "\n");
    }
    let expected = [
        "  updated   1  FGT1  description: =1+1, \"quoted\" -> -",
        "  moved     2  FGT2  account_id: 1 -> 2",
        "  inserted  3  FGT3  description: new  is_decommissioned: false  product_model: FortiGate 60F  status: Registered",
        "products: 1 inserted, 1 updated, 1 moved",
        "  updated   1  FGT1  6  2  2024-01-01  end_date: 2027-01-31 -> 2028-01-31",
        "entitlements: 1 inserted, 1 updated, 1 moved",
    ];
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
}
