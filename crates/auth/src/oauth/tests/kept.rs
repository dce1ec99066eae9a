//! Tests of tokens that are kept between runs, and of refreshing tokens.

use super::*;
use crate::testing::Store;

/// Consecutive or concurrent processes that share one store and one clock.
struct Runs {
    store: Arc<Store>,
    clock: Clock,
}

impl Runs {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            clock: real_time(),
        }
    }

    fn oauth<A>(&self, server: &Server, answer: A) -> OAuth
    where
        A: Fn(usize, &str) -> (u16, String) + Send + Sync + 'static,
    {
        let oauth = Arc::into_inner(server.oauth(answer)).unwrap();
        let store: Arc<dyn TokenStore> = self.store.clone();
        oauth
            .clock(Arc::clone(&self.clock))
            .keep(store, "user".to_owned())
    }

    fn kept(&self) -> Option<StoredToken> {
        self.store.get("user", "iam")
    }
}

fn with_refresh(n: usize) -> (u16, String) {
    let body = format!(
        r#"{{"access_token":"EXAMPLEtoken{n}","refresh_token":"EXAMPLErefresh{n}","expires_in":3600}}"#
    );
    (200, body)
}

/// Returns the grant type of each sign-in, and what it was made with.
fn grants(server: &Server) -> Vec<String> {
    let requests = lock(&server.0);
    let grant = |request: &String| {
        let (_, body) = request.split_at(request.find('{').unwrap());
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let with = body["refresh_token"].as_str().unwrap_or("password");
        format!("{} {with}", body["grant_type"].as_str().unwrap())
    };
    requests.iter().map(grant).collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_run_uses_the_same_token() {
    let (server, runs) = (Server::default(), Runs::new());
    let first = runs
        .oauth(&server, |n, _| granted(n, 3600))
        .token("iam")
        .await
        .unwrap();
    time::advance(Duration::from_mins(50)).await;
    let second = runs.oauth(&server, |n, _| granted(n, 3600));
    let token = second.token("iam").await.unwrap();
    assert_eq!(token.expose(), first.expose());
    assert!(token.is_old());
    assert_eq!(server.count(), 1);
    // It expires when it would have expired in the first run.
    time::advance(Duration::from_mins(9)).await;
    assert_eq!(second.token("iam").await.unwrap().expose(), "EXAMPLEtoken2");
    assert_eq!(runs.kept().unwrap().access_token.expose(), "EXAMPLEtoken2");
}

#[tokio::test(start_paused = true)]
async fn a_kept_token_is_doubted_until_a_call_succeeds() {
    let (server, runs) = (Server::default(), Runs::new());
    let first = runs.oauth(&server, |n, _| granted(n, 3600));
    assert!(!first.token("iam").await.unwrap().is_old());
    let second = runs.oauth(&server, |n, _| granted(n, 3600));
    let token = second.token("iam").await.unwrap();
    assert!(token.is_old());
    token.succeeded();
    assert!(!token.is_old());
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_renewed_is_renewed() {
    let (server, runs) = (Server::default(), Runs::new());
    let one = runs.oauth(&server, |n, _| granted(n, 3600));
    one.token("iam").await.unwrap();
    time::advance(Duration::from_mins(59)).await;
    let other = runs.oauth(&server, |n, _| granted(n + 1, 3600));
    other.token("iam").await.unwrap();
    assert_eq!(server.count(), 2);
    assert_eq!(one.token("iam").await.unwrap().expose(), "EXAMPLEtoken3");
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_kept_for_nobody() {
    let (server, runs) = (Server::default(), Runs::new());
    let oauth = runs.oauth(&server, |n, _| granted(n, 3600));
    let first = oauth.token("iam").await.unwrap();
    assert!(oauth.is_current("iam", &first));
    oauth.refused("iam", &first).await;
    assert!(!oauth.is_current("iam", &first));
    assert_eq!(runs.kept(), None);
    // This token is not used again, even if it is still in the store.
    runs.store.save("user", "iam", first.stored()).await;
    assert_eq!(oauth.token("iam").await.unwrap().expose(), "EXAMPLEtoken2");
    // A refusal that arrives late must not drop the newer token in the store.
    oauth.refused("iam", &first).await;
    assert_eq!(runs.kept().unwrap().access_token.expose(), "EXAMPLEtoken2");
}

#[tokio::test(start_paused = true)]
async fn one_refused_stored_token_casts_doubt_on_the_others() {
    let (server, runs) = (Server::default(), Runs::new());
    let earlier = runs.oauth(&server, |n, _| granted(n, 3600));
    for client_id in ["iam", "assetmanagement", "organization"] {
        earlier.token(client_id).await.unwrap();
    }
    let oauth = runs.oauth(&server, |n, _| granted(n, 3600));
    let stored = oauth.token("iam").await.unwrap();
    assert_eq!((stored.expose(), server.count()), ("EXAMPLEtoken1", 3));
    oauth.refused("iam", &stored).await;
    let token = oauth.token("assetmanagement").await.unwrap();
    assert_eq!((token.expose(), server.count()), ("EXAMPLEtoken4", 4));
    // What another process has obtained since then is used.
    let other = runs.oauth(&server, |n, _| granted(n, 3600));
    let stored = other.token("organization").await.unwrap();
    other.refused("organization", &stored).await;
    other.token("organization").await.unwrap();
    let token = oauth.token("organization").await.unwrap();
    assert_eq!((token.expose(), server.count()), ("EXAMPLEtoken5", 5));
}

#[tokio::test(start_paused = true)]
async fn a_token_from_the_future_is_not_believed() {
    let (server, runs) = (Server::default(), Runs::new());
    let token = StoredToken {
        access_token: "EXAMPLEold".into(),
        refresh_token: None,
        issued_at: later((runs.clock)(), Duration::from_hours(10)),
        expires_at: later((runs.clock)(), Duration::from_hours(11)),
    };
    runs.store.save("user", "iam", &token).await;
    let oauth = runs.oauth(&server, |n, _| granted(n, 3600));
    assert_eq!(oauth.token("iam").await.unwrap().expose(), "EXAMPLEtoken1");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_refreshed_where_that_is_offered() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| with_refresh(n));
    for _ in 0..3 {
        oauth.token("iam").await.unwrap();
        time::advance(Duration::from_hours(1)).await;
    }
    // Long after the token has expired, the refresh token may no longer work.
    time::advance(Duration::from_hours(5)).await;
    oauth.token("iam").await.unwrap();
    assert_eq!(
        grants(&server),
        [
            "password password",
            "refresh_token EXAMPLErefresh1",
            "refresh_token EXAMPLErefresh2",
            "password password",
        ]
    );
    assert!(!lock(&server.0)[1].contains(PASSWORD));
}

#[tokio::test(start_paused = true)]
async fn the_next_run_refreshes_what_has_ended() {
    let (server, runs) = (Server::default(), Runs::new());
    runs.oauth(&server, |n, _| with_refresh(n))
        .token("iam")
        .await
        .unwrap();
    time::advance(Duration::from_mins(90)).await;
    runs.oauth(&server, |n, _| with_refresh(n))
        .token("iam")
        .await
        .unwrap();
    assert_eq!(
        grants(&server),
        ["password password", "refresh_token EXAMPLErefresh1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_refused_is_not_tried_again() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| if n == 2 { wrong() } else { with_refresh(n) });
    for _ in 0..3 {
        oauth.token("iam").await.unwrap();
        time::advance(Duration::from_hours(1)).await;
    }
    assert_eq!(
        grants(&server),
        [
            "password password",
            "refresh_token EXAMPLErefresh1",
            "password password",
            "password password",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_without_an_answer_is_tried_again() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| match n {
        2 => (RESET, String::new()),
        n => with_refresh(n),
    });
    oauth.token("iam").await.unwrap();
    time::advance(Duration::from_hours(1)).await;
    assert_eq!(
        oauth.token("iam").await.unwrap_err().kind(),
        Kind::Transient
    );
    oauth.token("iam").await.unwrap();
    assert_eq!(grants(&server)[1..], ["refresh_token EXAMPLErefresh1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_not_refreshed() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| with_refresh(n));
    let token = oauth.token("iam").await.unwrap();
    oauth.refused("iam", &token).await;
    oauth.token("iam").await.unwrap();
    assert_eq!(grants(&server), ["password password"; 2]);
}
