//! Tests of tokens and permissions.

use tokio::time;

use super::*;

const WRONG: Answer = Answer::Json(
    400,
    r#"{"error":"invalid_grant","error_description":"Invalid credentials given."}"#,
);

fn signed_in(server: &Server) -> usize {
    server.seen().len() - server.calls()
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_replaced_once() {
    let server = Server::new([
        Answer::products(1),
        Answer::bad_token(),
        Answer::products(1),
    ]);
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

#[tokio::test(start_paused = true)]
async fn a_new_token_that_is_refused_too_ends_the_call() {
    let server = Server::new([Answer::bad_token(), Answer::bad_token()]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 is refused even with a new token: \
         Invalid security token (error 201, status -1, HTTP 400, 2 tries)"
    );
    assert_eq!((server.calls(), signed_in(&server)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_write_drops_the_bad_token_for_the_next_call() {
    let server = Server::new([Answer::bad_token(), Answer::products(1)]);
    let client = server.client();
    assert!(fetch(&client, &REGISTER).await.is_err());
    list(&client).await.unwrap();
    assert_eq!(signed_in(&server), 2);
}

#[tokio::test(start_paused = true)]
async fn missing_permission_costs_one_call() {
    let server = Server::new([Answer::denied()]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Refused, Some(202)));
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 is refused: \
         Access denied. No permission (error 202, status -1, HTTP 400)"
    );
    assert_eq!((server.calls(), signed_in(&server)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_old_token_is_replaced_before_permission_is_doubted() {
    let server = Server::new([
        Answer::products(1),
        Answer::denied(),
        Answer::products(1),
        Answer::denied(),
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
        "`products/list` for accountId 710112 cannot sign in: \
         the API user or its password is wrong: the user is from variable `FORTICLOUD_USERNAME`, \
         the password from variable `FORTICLOUD_PASSWORD` \
         (`assets`, HTTP 400: Invalid credentials given)"
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
    let invalid = Answer::Json(400, r#"{"error":"invalid_client"}"#);
    let server = Server::new([]).sign_ins([invalid]);
    assert_eq!(
        list(&server.client()).await.unwrap_err().kind(),
        Kind::Refused
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn signing_in_is_tried_again_for_writes_too() {
    let server = Server::new([Answer::products(1)]).sign_ins([Answer::Html(502), Answer::Reset]);
    assert!(fetch(&server.client(), &REGISTER).await.is_ok());
    assert_eq!((server.calls(), signed_in(&server)), (1, 3));

    let server = Server::new([]).sign_ins([Answer::Html(502), Answer::Reset, Answer::Silence]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!(signed_in(&server), 3);
}

#[tokio::test(start_paused = true)]
async fn signing_in_ahead_saves_the_first_call_the_wait() {
    let server = Server::new([Answer::products(1)]);
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
    let server = Server::new([]).sign_ins([Answer::Json(200, r#"{"status":0,"a":1}"#)]);
    let page = server.client().fetch(&REVOKE, &Map::new()).await.unwrap();
    assert_eq!(page.body, r#"{"status":0,"a":1}"#);
}
