//! Tests that what one message learns about the receiver applies to all.

use super::*;

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_by_all_messages() {
    let (sender, script) = sender([Act::Wait(429, "120")]);
    let message = message();
    let (first, second) = tokio::join!(sender.deliver(&message), async {
        // A second message is sent while `Retry-After` is still running.
        time::sleep(Duration::from_secs(10)).await;
        sender.deliver(&message).await
    });
    assert!(matches!(first.unwrap(), SendResult::Delivered { .. }));
    assert!(matches!(second.unwrap(), SendResult::Delivered { .. }));
    assert_eq!(script.times(), [0, 120, 120]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_zero_seconds_is_obeyed() {
    let (sender, script) = sender([Act::Wait(503, "0"), Act::Wait(429, "0")]);
    deliver(&sender).await;
    assert_eq!(script.times(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_total_time_is_not_started() {
    let (sender, script) = sender([Act::Wait(503, "3600")]);
    let first = failure(&sender).await;
    assert_eq!(first.cause, "the receiver returned 503 Service Unavailable");
    let second = failure(&sender).await;
    assert_eq!(
        second.attempts, 0,
        "no request is sent before `Retry-After` is over"
    );
    assert_eq!(
        second.cause,
        "the receiver asked to wait longer than `total_time`"
    );
    assert_eq!(script.times(), [0]);
    assert_eq!(script.start.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_not_retried() {
    for status in [301, 400, 404, 413, 422] {
        let (sender, script) = sender([Act::Answer(status)]);
        let failure = failure(&sender).await;
        assert_eq!(
            (failure.reason, failure.attempts),
            (Reason::Refused, 1),
            "{status}"
        );
        deliver(&sender).await;
        assert_eq!(script.times(), [0, 0], "the next message is not affected");
    }
}

#[tokio::test(start_paused = true)]
async fn after_410_nothing_is_sent() {
    let (sender, script) = sender([Act::Answer(410)]);
    assert_eq!(failure(&sender).await.reason, Reason::Gone);
    let second = failure(&sender).await;
    assert_eq!((second.reason, second.attempts), (Reason::Gone, 0));
    assert_eq!(script.times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn while_the_receiver_is_down_every_message_is_tried_once() {
    let (sender, script) = sender(vec![Act::Break; 7]);
    assert_eq!(failure(&sender).await.attempts, 5);
    assert_eq!(failure(&sender).await.attempts, 1);
    assert_eq!(failure(&sender).await.attempts, 1);
    assert_eq!(script.times(), [0, 2, 6, 14, 30, 30, 30]);
    deliver(&sender).await;
    script.acts.lock().unwrap().push_back(Act::Break);
    deliver(&sender).await;
    assert_eq!(
        script.times()[7..],
        [30, 30, 32],
        "the receiver is up again, so attempts are repeated"
    );
}

#[tokio::test(start_paused = true)]
async fn compressed_bodies_are_the_same_with_every_attempt() {
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        let (mut sender, script) = sender([Act::Answer(500)]);
        sender.compression = compression;
        deliver(&sender).await;
        deliver(&sender).await;
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

#[tokio::test(start_paused = true)]
async fn a_refused_compressed_message_is_sent_again_uncompressed() {
    for status in [400, 415] {
        let (mut sender, script) = sender([Act::Answer(status)]);
        sender.compression = Compression::Gzip;
        deliver(&sender).await;
        // The next message is sent uncompressed at once.
        deliver(&sender).await;
        let arrivals = script.arrivals.lock().unwrap();
        let encodings = arrivals.iter();
        let encodings: Vec<_> = encodings
            .map(|arrival| arrival.headers.get("content-encoding").is_some())
            .collect();
        assert_eq!(encodings, [true, false, false], "{status}");
        assert_eq!(arrivals[1].body, "{}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_both_ways_does_not_turn_compression_off() {
    let (mut sender, script) = sender([Act::Answer(400), Act::Answer(400)]);
    sender.compression = Compression::Zstd;
    let failure = failure(&sender).await;
    assert_eq!((failure.reason, failure.attempts), (Reason::Refused, 2));
    deliver(&sender).await;
    let arrivals = script.arrivals.lock().unwrap();
    assert_eq!(arrivals[2].headers["content-encoding"], "zstd");
}

#[tokio::test(start_paused = true)]
async fn other_refusals_are_not_retried_without_compression() {
    for status in [401, 404, 413, 422] {
        let (mut sender, script) = sender([Act::Answer(status)]);
        sender.compression = Compression::Gzip;
        assert_eq!(failure(&sender).await.attempts, 1, "{status}");
        assert_eq!(script.times(), [0]);
    }
}
