//! Tests of paging that starts at page 0 and at page 1.

use serde_json::json;

use crate::client::{Client, FIRST};
use crate::crawl::check;

#[tokio::test]
async fn pages_read_as_the_truth_with_both_bases() {
    for base in [0, 1] {
        for size in [1, 25, 1000] {
            let sizes = "[organization]\naccounts = 3\nproducts = 150";
            check(&format!("page_size = {size}\npage_base = {base}\n{sizes}")).await;
        }
    }
}

#[tokio::test]
async fn pages_count_from_their_base() {
    for base in [0, 1] {
        let client = Client::new(&format!(
            "page_size = 100\npage_base = {base}\n[organization]\naccounts = 1"
        ));
        let page = |number: Option<i64>| {
            let client = &client;
            async move {
                let mut arguments = json!({ "accountId": FIRST, "serialNumber": "%" });
                if let Some(number) = number {
                    arguments["pageNumber"] = number.into();
                }
                let body = client.asset("products/list", arguments).await;
                let rows = body["assets"].as_array().map_or(0, Vec::len);
                (
                    rows,
                    body["pageNumber"].as_i64().unwrap(),
                    body["totalPages"].as_i64().unwrap(),
                )
            }
        };
        assert_eq!(page(None).await, (100, base, 7));
        assert_eq!(page(Some(base)).await, (100, base, 7));
        assert_eq!(page(Some(base + 6)).await, (92, base + 6, 7));
        assert_eq!(page(Some(base + 7)).await, (0, base + 7, 7));
        assert_eq!(page(Some(-5)).await, (100, base, 7));
    }
}
