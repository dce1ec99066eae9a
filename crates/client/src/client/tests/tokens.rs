//! Tests of tokens and permissions.

use tokio::time;

use super::*;

const WRONG: Reply = Reply::Json(
    400,
    r#"{"error":"invalid_grant","error_description":"Invalid credentials given."}"#,
);

fn signed_in(server: &Server) -> usize {
    server.seen().len() - server.calls()
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_replaced_once() {
    let server = Server::new([Reply::products(1), Reply::bad_token(), Reply::products(1)]);
    let client = server.client();
    list(&client).await.unwrap();
    list(&client).await.unwrap();
    let tokens: Vec<_> = server
        .seen()
        .iter()
        .filter_map(|seen| seen.split(' ').nth(2).map(str::to_owned))
        .collect();
    assert_eq!(
        tokens,
        ["-", "EXAMPLEtoken1", "EXAMPLEtoken1", "-", "EXAMPLEtoken2"]
    );
}

/// A client whose token has already worked for a call.
async fn proven(server: &Server) -> Client {
    let client = server.client();
    list(&client).await.unwrap();
    client
}

#[tokio::test(start_paused = true)]
async fn four_refusals_end_the_call_for_now() {
    let refused = std::iter::repeat_n(Reply::bad_token(), 10);
    let server = Server::new([Reply::products(1)].into_iter().chain(refused));
    let mut config = server::config();
    config.errors = None;
    let client = Client::new(config, server.transport(), Jitter::seeded(1)).unwrap();
    list(&client).await.unwrap();
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    // The first token had worked before. The first new one was tried four times, because the API
    // may have needed time to learn it; the other two were tried once.
    let text = chain(&error);
    assert!(
        text.starts_with("`products/list` for accountId 710112 was refused even with 3 new tokens"),
        "{text}"
    );
    assert_eq!(signed_in(&server), 4);
    assert_eq!(server.calls(), 8);
    assert!(error.is_repeated());
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_is_refused_is_tried_again_after_a_pause() {
    let server = Server::new([Reply::bad_token(), Reply::bad_token(), Reply::products(1)]);
    let start = Instant::now();
    list(&server.client()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!((server.calls(), signed_in(&server)), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_known_by_their_text() {
    for (http, body) in [
        (
            400,
            r#"{"status":-1,"message":"Invalid security token.","error":null,"assets":null}"#,
        ),
        (
            200,
            r#"{"status":-1,"message":"Invalid security token.","error":"","assets":null}"#,
        ),
        (
            400,
            r#"{"status":-1,"message":"Invalid incoming request.","error":"Invalid security token."}"#,
        ),
        (401, r#"{"error":"invalid_token"}"#),
        (403, r#"{"message":"The access token has expired"}"#),
    ] {
        let answers = [
            Reply::products(1),
            Reply::Json(http, body),
            Reply::products(1),
        ];
        let server = Server::new(answers);
        list(&proven(&server).await).await.unwrap();
        assert_eq!(signed_in(&server), 2, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_for_its_token_is_repeated_once() {
    let answers = [Reply::products(1), Reply::bad_token(), Reply::products(1)];
    let server = Server::new(answers);
    let client = proven(&server).await;
    fetch(&client, &REGISTER).await.unwrap();
    assert_eq!(signed_in(&server), 2);

    let refused = std::iter::repeat_n(Reply::bad_token(), 4);
    let server = Server::new([Reply::products(1)].into_iter().chain(refused));
    let client = proven(&server).await;
    let error = fetch(&client, &REGISTER).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("was refused even with a new token"),
        "{error}"
    );
    assert_eq!(signed_in(&server), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_a_page_refuses_is_not_repeated() {
    let server = Server::new([Reply::products(1), Reply::Html(401)]);
    let client = proven(&server).await;
    let error = fetch(&client, &REGISTER).await.unwrap_err();
    assert!(!error.is_repeated(), "{error}");
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_a_sign_in_is_told_holds_for_the_next() {
    let server = Server::new([]).sign_ins([Reply::Throttled("7")]);
    let client = server.client();
    let start = Instant::now();
    let (first, second) = tokio::join!(client.sign_in("iam"), client.sign_in("assets"));
    assert_eq!(first.unwrap_err().kind(), Kind::Paused);
    second.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_is_told_when_to_come_back_does() {
    let server = Server::new([Reply::products(1)]).sign_ins([Reply::Unavailable("20")]);
    let start = Instant::now();
    list(&server.client()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn missing_permission_costs_one_call() {
    let server = Server::new([Reply::denied()]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Refused, Some(202)));
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 was refused: \
         Access denied. No permission (error 202, status -1, HTTP 400)"
    );
    assert_eq!((server.calls(), signed_in(&server)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_old_token_is_replaced_before_permission_is_doubted() {
    let server = Server::new([
        Reply::products(1),
        Reply::denied(),
        Reply::products(1),
        Reply::denied(),
    ]);
    let client = server.client();
    list(&client).await.unwrap();
    time::advance(Duration::from_secs(2000)).await;
    list(&client).await.unwrap();
    assert_eq!((server.calls(), signed_in(&server)), (3, 2));
    // The new token is young, so this refusal means a missing permission.
    assert_eq!(list(&client).await.unwrap_err().kind(), Kind::Refused);
    assert_eq!((server.calls(), signed_in(&server)), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_cost_one_call_and_name_their_origin() {
    let server = Server::new([]).sign_ins([WRONG]);
    let client = server.client();
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Credentials);
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 was not sent, because the sign-in failed: FortiCloud \
         issued no token to this API user (`assets`, HTTP 400: Invalid credentials given): the \
         user may be locked out after too many sign-ins (a lockout ends by itself after 15 to 30 \
         minutes); if not, the user or its password is wrong: the user comes from variable \
         `FORTICLOUD_USERNAME`, the password from variable `FORTICLOUD_PASSWORD`"
    );
    assert_eq!(list(&client).await.unwrap_err().kind(), Kind::Credentials);
    assert_eq!(
        client.sign_in("iam").await.unwrap_err().kind(),
        Kind::Credentials
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_id_that_is_not_allowed_is_a_refusal() {
    let invalid = Reply::Json(400, r#"{"error":"invalid_client"}"#);
    let server = Server::new([]).sign_ins([invalid]);
    assert_eq!(
        list(&server.client()).await.unwrap_err().kind(),
        Kind::Refused
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn signing_in_is_tried_again_for_writes_too() {
    let server = Server::new([Reply::products(1)]).sign_ins([Reply::Html(502), Reply::Reset]);
    assert!(fetch(&server.client(), &REGISTER).await.is_ok());
    assert_eq!((server.calls(), signed_in(&server)), (1, 3));

    let server = Server::new([]).sign_ins([Reply::Html(502), Reply::Reset, Reply::Silence]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!(signed_in(&server), 3);
}

#[tokio::test(start_paused = true)]
async fn signing_in_ahead_saves_the_first_call_the_wait() {
    let server = Server::new([Reply::products(1)]);
    let client = server.client();
    client.sign_in("assets").await.unwrap();
    list(&client).await.unwrap();
    assert_eq!(signed_in(&server), 1);
}

#[tokio::test(start_paused = true)]
async fn endpoints_about_tokens_are_where_tokens_come_from() {
    static REVOKE: Endpoint = Endpoint::new(
        "oauth/revoke_token",
        "OAuth",
        "POST",
        "/api/v1/oauth/revoke_token/",
        None,
        Access::Write,
        "",
        &[],
        None,
    );
    let server = Server::new([]).sign_ins([Reply::Json(200, r#"{"status":0,"a":1}"#)]);
    let page = server.client().fetch(&REVOKE, &Map::new()).await.unwrap();
    assert_eq!(page.body, r#"{"status":0,"a":1}"#);
}

#[tokio::test(start_paused = true)]
async fn the_same_answer_to_two_sign_ins_is_final() {
    let page = Reply::Json(500, r#"{"error":"boom"}"#);
    let server = Server::new([]).sign_ins([page.clone(), page]);
    let error = list(&server.client()).await.unwrap_err();
    assert!(error.is_repeated(), "{error}");
    assert_eq!(server.seen().len(), 2);
}
