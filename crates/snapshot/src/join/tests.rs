//! Rows with the company of their account.

use std::sync::Mutex;

use arrow_array::Int64Array;
use fortilake_sink::{Crawl, KeyIn, Origin, Phase, ScopeId, Selection};

use super::*;

/// The texts of the column `company` that arrived, by table.
type Seen = Arc<Mutex<Vec<(String, Vec<Option<String>>)>>>;

struct Spy(Seen);

#[async_trait]
impl Sink for Spy {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        assert_eq!(batch.records.schema(), batch.table.schema);
        let companies = batch
            .records
            .column_by_name(COMPANY)
            .unwrap()
            .as_string::<i32>();
        let companies = companies.iter().map(|company| company.map(str::to_owned));
        let row = (batch.table.name.clone(), companies.collect());
        self.0.lock().unwrap().push(row);
        Ok(())
    }

    async fn finish(self: Box<Self>, _: &Outcome) -> Result<Receipt> {
        unreachable!("the tests only write")
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn table(name: &str, columns: &[&str]) -> Arc<TableSpec> {
    let field = |name: &&str| {
        let kind = if *name == ACCOUNT {
            DataType::Int64
        } else {
            DataType::Utf8
        };
        Field::new(*name, kind, true)
    };
    Arc::new(TableSpec {
        name: name.to_owned(),
        summary: String::new(),
        schema: Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())),
        key: Vec::new(),
        key_in: KeyIn::Scope,
    })
}

fn batch(source: &str, table: &Arc<TableSpec>, accounts: &[Option<i64>], texts: &[&str]) -> Batch {
    let column = |field: &Arc<Field>| -> ArrayRef {
        if field.name() == ACCOUNT {
            return Arc::new(Int64Array::from(accounts.to_vec()));
        }
        Arc::new(StringArray::from_iter_values(texts))
    };
    let columns = table.schema.fields().iter().map(column).collect();
    Batch {
        records: RecordBatch::try_new(Arc::clone(&table.schema), columns).unwrap(),
        table: Arc::clone(table),
        scope: Arc::new(ScopeId {
            source: source.to_owned(),
            endpoint: "products/list".to_owned(),
            subject: "account=1".to_owned(),
        }),
        piece: 0,
        origin: Origin::Read,
    }
}

fn crawl() -> Crawl {
    Crawl {
        id: String::new(),
        edition: String::new(),
        name: String::new(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: String::new(),
        generator: String::new(),
    }
}

#[tokio::test]
async fn rows_have_the_company_of_their_account_in_the_same_source() {
    let accounts = table("accounts", &["account_id", "company"]);
    let products = table("products", &["serial_number", "account_id", "model"]);
    let units = table("org_units", &["name"]);
    let mut context = Context::new(
        crawl(),
        vec![Arc::clone(&accounts), Arc::clone(&products), units],
    );
    let joined = Join::Company.widen(&mut context);
    let columns = context.tables.iter().map(|table| {
        let fields = table.schema.fields().iter();
        fields
            .map(|field| field.name().as_str())
            .collect::<Vec<_>>()
            .join(" ")
    });
    assert_eq!(
        columns.collect::<Vec<_>>(),
        [
            "account_id company",
            "serial_number account_id company model",
            "name"
        ]
    );

    let seen = Seen::default();
    let mut sink = joined.before(Box::new(Spy(Arc::clone(&seen))));
    let known = batch("a", &accounts, &[Some(1), Some(2)], &["Acme", "Bolt"]);
    sink.write(&known).await.unwrap();
    let accounts = &[Some(2), None, Some(1), Some(9)];
    let rows = batch("a", &products, accounts, &["w", "x", "y", "z"]);
    sink.write(&rows).await.unwrap();
    let rows = batch("b", &products, accounts, &["w", "x", "y", "z"]);
    sink.write(&rows).await.unwrap();
    let report = table("coverage", &["account_id", "_source"]);
    let mut context = Context::new(crawl(), vec![Arc::clone(&report)]);
    let mut sink = JoinSink {
        joined: Join::Company.widen(&mut context),
        companies: HashMap::from([("a".to_owned(), HashMap::from([(1, "Acme".to_owned())]))]),
        sink: Box::new(Spy(Arc::clone(&seen))),
    };
    let rows = batch("report", &report, &[Some(1), Some(1)], &["a", "b"]);
    sink.write(&rows).await.unwrap();
    let seen = seen.lock().unwrap();
    let texts = |texts: [Option<&str>; 4]| texts.map(|text| text.map(str::to_owned)).to_vec();
    assert_eq!(seen[1].1, texts([Some("Bolt"), None, Some("Acme"), None]));
    assert_eq!(seen[2].1, texts([None; 4]));
    assert_eq!(seen[3].1, [Some("Acme".to_owned()), None]);
}
