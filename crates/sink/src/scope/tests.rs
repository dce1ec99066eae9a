//! The text of a scope.

use super::ScopeId;

fn scope(source: &str, endpoint: &str, subject: &str) -> ScopeId {
    ScopeId {
        source: source.to_owned(),
        endpoint: endpoint.to_owned(),
        subject: subject.to_owned(),
    }
}

#[test]
fn a_scope_reads_like_a_path() {
    let text = scope("acme", "products/list", "account=1001").text();
    assert_eq!(text, "acme/products.list/account=1001");
    assert_eq!(ScopeId::report().text(), "/report/");
}

#[test]
fn different_scopes_have_different_texts() {
    let scopes = [
        scope("a", "b/c", "d"),
        scope("a", "b.c", "d"),
        scope("a/b", "c", "d"),
        scope("a", "b", "c/d"),
        scope("a", "b", "c.d"),
        scope("a.b", "c", "d"),
        scope("a%2Fb", "c", "d"),
        scope("a-b", "c", "d"),
        scope("ä", "c", "d"),
        scope("a", "b=c", "d"),
        scope("", "report", ""),
    ];
    let mut texts: Vec<_> = scopes.iter().map(ScopeId::text).collect();
    for text in &texts {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.=%/".contains(&byte);
        assert!(text.bytes().all(allowed), "{text}");
        assert_eq!(text.matches('/').count(), 2, "{text}");
    }
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), scopes.len());
}

#[test]
fn a_subject_has_a_number_under_its_own_name_only() {
    let account = scope("acme", "products/list", "account=1001");
    assert_eq!(account.subject_number("account"), Some(1001));
    assert_eq!(account.subject_number("unit"), None);
    assert_eq!(scope("acme", "units/list", "").subject_number("unit"), None);
}
