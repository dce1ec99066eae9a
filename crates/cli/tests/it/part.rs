//! Parts are reported as parts: one page of a list, one account of an organization.

use crate::util::tenant::Tenant;

const TENANT: &str = "page_size = 5\n[organization]\nous = 2\naccounts = 2\nproducts = 60\n";

fn paged(path: &str) -> String {
    format!(
        "{TENANT}[[fault]]\npath = \"{path}\"\naction = {{ kind = \"set-member\", member = \"totalPages\", value = \"3\" }}\n"
    )
}

#[test]
fn a_call_for_one_page_says_which_it_is() {
    let tenant = Tenant::start(TENANT);
    let folder = tenant.folder("");
    let said = |line: &str| {
        let output = folder.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}");
        String::from_utf8(output.stderr).unwrap()
    };
    let first = said("call products/list accountId=710101 serialNumber=%");
    assert!(first.contains("page 1 of "), "{first}");
    assert!(
        first.contains("add `pageNumber=2` for the next page"),
        "{first}"
    );
    let second = said("call products/list accountId=710101 serialNumber=% pageNumber=2");
    assert!(second.contains("page 2 of "), "{second}");
    let whole = said("call folders/list accountId=710101");
    assert!(!whole.contains("page 1"), "{whole}");
}

#[test]
fn a_list_of_several_pages_says_that_it_is_one_of_them() {
    for (path, line) in [
        ("units/list", "ou list"),
        ("accounts/list", "account list --ou 2100014"),
        ("folders/list", "folder list --account 710101"),
        ("licenses/list", "license list --account 710101"),
        ("contracts/list", "contract list --account 710101"),
    ] {
        let tenant = Tenant::start(&paged(path));
        let output = tenant.folder("").run(line);
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!("page 1 of 3: `{path}` has no argument to request the rest");
        assert!(said.contains(&expected), "{line}: {said}");
    }
}

#[test]
fn a_list_with_a_page_count_that_proves_nothing_says_so() {
    let fault = paged("folders/list").replace("\"3\"", "\"null\"");
    let output = Tenant::start(&fault)
        .folder("")
        .run("folder list --account 710101");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "the response has rows, but its `totalPages` is null: there may be more pages";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn an_organization_that_was_crawled_does_not_become_one_account() {
    let mut tenant = Tenant::start(TENANT);
    let folder = tenant.folder("");
    let text = folder.check("crawl");
    assert!(text.starts_with("exit 0"), "{text}");
    tenant.turn_into("[organization]\nscope = \"local\"\naccounts = 1\nproducts = 60\n");
    let text = folder.check("crawl");
    assert!(!text.starts_with("exit 0"), "{text}");
    assert!(
        text.contains("an earlier crawl of this source read an organization")
            && text.contains("hint: run `fortilake check`: it says which permissions"),
        "{text}"
    );
}
