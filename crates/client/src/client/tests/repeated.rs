//! Tests of errors whose text repeats secrets.

use super::{server::PASSWORD, *};

#[tokio::test(start_paused = true)]
async fn an_error_that_repeats_the_password_or_a_refresh_token_does_not_show_it() {
    let token = Reply::Json(
        200,
        r#"{"access_token":"EXAMPLEtoken1","refresh_token":"EXAMPLErefresh1","expires_in":3660}"#,
    );
    let echo = Reply::Json(
        400,
        r#"{"status":-1,"error":{"errorCode":101,"message":"bad request of 0123456789ABCDEF@hunter2 with EXAMPLErefresh1 and password=0123456789ABCDEF%40hunter2"}}"#,
    );
    let server = Server::new([echo]).sign_ins([token]);
    let error = list(&server.client()).await.unwrap_err();
    let text = chain(&error) + error.response_body().unwrap_or_default();
    assert!(
        !text.contains(PASSWORD) && !text.contains("refresh1"),
        "{text}"
    );
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(
        text.contains("bad request of [redacted] with [redacted]"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_repeats_the_refresh_token_does_not_show_it() {
    let first = Reply::Json(
        200,
        r#"{"access_token":"EXAMPLEtoken1","refresh_token":"EXAMPLErefresh1","expires_in":100}"#,
    );
    let echo = Reply::Json(503, r#"{"message":"cannot refresh EXAMPLErefresh1"}"#);
    let server =
        Server::new([Reply::products(1)]).sign_ins([first, echo.clone(), echo.clone(), echo]);
    let client = server.client();
    list(&client).await.unwrap();
    tokio::time::advance(Duration::from_secs(95)).await;
    let text = chain(&list(&client).await.unwrap_err());
    assert!(!text.contains("refresh1"), "{text}");
    assert!(text.contains("cannot refresh [redacted]"), "{text}");
}
