//! Signing in to a FortiPortal and out, and the licenses of a FortiAuthenticator.

use super::{SCENARIO, calls, folder};
use crate::util::tenant::Tenant;

#[test]
fn a_token_is_stored_until_the_logout() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant);
    insta::assert_snapshot!(folder.check("portal status"), @"
    exit 0
    --- stdout
    not signed in
    ");
    assert_eq!(tenant.calls(), 0);
    let text = folder.check("portal login");
    assert!(
        text.starts_with("exit 0\n--- stdout\nsigned in until TIME"),
        "{text}"
    );
    assert!(folder.check("portal status").contains("signed in until"));
    let organizations = "call portal/account/organizations";
    assert!(folder.check(organizations).starts_with("exit 0"));
    assert!(folder.check("portal login").contains("signed in until"));
    assert_eq!(calls(&tenant, "tokenlogin").len(), 1);
    assert_eq!(calls(&tenant, "tokenlogout").len(), 0);
    insta::assert_snapshot!(folder.check("portal logout"), @"
    exit 0
    --- stdout
    signed out
    ");
    insta::assert_snapshot!(folder.check("portal logout"), @"
    exit 0
    --- stdout
    not signed in
    ");
    // A call that had to sign in also signs out, even if it fails.
    assert!(folder.check(organizations).starts_with("exit 0"));
    assert!(
        folder
            .check("call portal/device/site site=999999")
            .starts_with("exit 1")
    );
    assert_eq!(calls(&tenant, "tokenlogin").len(), 3);
    assert_eq!(calls(&tenant, "tokenlogout").len(), 3);
}

#[test]
fn a_token_that_is_valid_elsewhere_is_explained() {
    let tenant = Tenant::start(SCENARIO);
    assert!(folder(&tenant).check("portal login").starts_with("exit 0"));
    let text = folder(&tenant).check("portal login");
    assert!(text.starts_with("exit 2"), "{text}");
    assert!(text.contains("it allows one token per user"), "{text}");
}

#[test]
fn an_api_key_needs_no_sign_in() {
    let tenant = Tenant::start(SCENARIO);
    let address = tenant.address();
    let folder = tenant.folder(&format!(
        "[[source]]\nname = \"managed\"\ntype = \"fortiportal\"\napi_url = \"http://{address}\"\n\
         api_key = {{ env = \"KEY\" }}\n"
    ));
    let folder = folder.with("KEY", "simulated-gui-key");
    insta::assert_snapshot!(folder.check("portal login"), @"
    exit 2
    --- stderr
    error: source `managed` uses an API key, so it has no token

    hint: you don't need to sign in: every call is made with the key
    ");
    assert!(
        folder
            .check("call portal/account/organizations")
            .starts_with("exit 0")
    );
    assert_eq!(calls(&tenant, "tokenlogin").len(), 0);
}

#[test]
fn licenses_of_tokens_are_counted_and_activated() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant).with("LICENSE", "ABCD-EFGH-1234-5678-WXYZ");
    insta::assert_snapshot!(folder.check("ftm status"), @"
    exit 0
    --- stdout
    serial            firmware                         total  used  available
    FAC-VMTM24900001  FACVMKVM v8.0.3, build0099 (GA)  200    82    118
    ");
    insta::assert_snapshot!(folder.check("ftm activate --license-env LICENSE --yes"), @r#"
    exit 0
    --- stdout
    success
    Successfully imported 25 FortiTokens
    --- stderr
    tokens: will activate a FortiToken Mobile license
      POST /api/v1/fortitokenmobilelicenses/ {"license":"[hidden]"}
    done
    "#);
    assert!(folder.check("ftm status").contains("225"));
    insta::assert_snapshot!(folder.check("ftm activate"), @"
    exit 2
    --- stderr
    error: cannot prompt for the license, because stdin is not a terminal

    hint: pass `--license-env NAME` or `--license-file FILE`
    ");
    let folder = folder.with("LICENSE", "ABCD-EFGH");
    insta::assert_snapshot!(folder.check("ftm activate --license-env LICENSE --yes"), @"
    exit 2
    --- stderr
    error: the license does not have the format XXXX-XXXX-XXXX-XXXX-XXXX

    hint: pass `--unchecked` to send it anyway and let the API decide
    ");
}

#[test]
fn a_unit_without_system_info_still_reports_its_counts() {
    let tenant = Tenant::start(&format!("{SCENARIO}[authenticator]\nsysteminfo = false\n"));
    let text = folder(&tenant).check("ftm status");
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(text.contains("118"), "{text}");
}
