//! What one message learns about the receiver holds for all.

use super::*;

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_by_all_messages() {
    let (courier, script) = courier([Act::Wait(429, "120")]);
    let message = message();
    let (first, second) = tokio::join!(courier.deliver(&message), async {
        // A second message comes while the receiver wants to be left alone.
        time::sleep(Duration::from_secs(10)).await;
        courier.deliver(&message).await
    });
    assert!(matches!(first.unwrap(), Fate::Delivered { .. }));
    assert!(matches!(second.unwrap(), Fate::Delivered { .. }));
    assert_eq!(script.times(), [0, 120, 120]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_nothing_is_obeyed_too() {
    let (courier, script) = courier([Act::Wait(503, "0"), Act::Wait(429, "0")]);
    deliver(&courier).await;
    assert_eq!(script.times(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_total_time_is_not_begun() {
    let (courier, script) = courier([Act::Wait(503, "3600")]);
    let first = failure(&courier).await;
    assert_eq!(first.cause, "the answer was 503 Service Unavailable");
    let second = failure(&courier).await;
    assert_eq!(
        second.attempts, 0,
        "the receiver is not called before its time"
    );
    assert_eq!(
        second.cause,
        "the receiver asks to wait for longer than `total_time`"
    );
    assert_eq!(script.times(), [0]);
    assert_eq!(script.start.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_tried_again() {
    for status in [301, 400, 404, 413, 422] {
        let (courier, script) = courier([Act::Answer(status)]);
        let failure = failure(&courier).await;
        assert_eq!(
            (failure.reason, failure.attempts),
            (Reason::Refused, 1),
            "{status}"
        );
        deliver(&courier).await;
        assert_eq!(
            script.times(),
            [0, 0],
            "the next message has nothing to do with it"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_410_nothing_is_sent() {
    let (courier, script) = courier([Act::Answer(410)]);
    assert_eq!(failure(&courier).await.reason, Reason::Gone);
    let second = failure(&courier).await;
    assert_eq!((second.reason, second.attempts), (Reason::Gone, 0));
    assert_eq!(script.times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn while_the_receiver_is_down_every_message_is_tried_once() {
    let (courier, script) = courier(vec![Act::Break; 7]);
    assert_eq!(failure(&courier).await.attempts, 5);
    assert_eq!(failure(&courier).await.attempts, 1);
    assert_eq!(failure(&courier).await.attempts, 1);
    assert_eq!(script.times(), [0, 2, 6, 14, 30, 30, 30]);
    deliver(&courier).await;
    script.acts.lock().unwrap().push_back(Act::Break);
    deliver(&courier).await;
    assert_eq!(
        script.times()[7..],
        [30, 30, 32],
        "it is up again, and so it is waited for"
    );
}

#[tokio::test(start_paused = true)]
async fn compressed_bodies_are_the_same_with_every_attempt() {
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        let (mut courier, script) = courier([Act::Answer(500)]);
        courier.compression = compression;
        deliver(&courier).await;
        deliver(&courier).await;
        let arrivals = script.arrivals.lock().unwrap();
        assert_eq!(arrivals.len(), 3);
        assert!(
            arrivals
                .iter()
                .all(|arrival| arrival.body == arrivals[0].body)
        );
        assert_eq!(arrivals[0].headers["content-encoding"], name);
        assert_ne!(arrivals[0].body, "{}");
    }
}
