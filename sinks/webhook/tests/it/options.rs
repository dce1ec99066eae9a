//! Options that cannot work are refused when the sink is opened.

use fortilake_sink::Kind;

use super::*;

async fn refused(sender: Sender) -> String {
    let error = sender.open().await.err().expect("the options cannot work");
    assert_eq!(error.kind(), Kind::Config);
    let text = told(&error);
    assert!(text.starts_with("cannot open sink `webhook`: "), "{text}");
    text
}

#[tokio::test]
async fn messages_are_signed_unless_unsigned_is_set() {
    let receiver = Receiver::new([]);
    let text = refused(Sender::to(&receiver).with("secrets", json!([]))).await;
    assert!(
        text.contains("`secrets` is missing") && text.contains("`unsigned`"),
        "{text}"
    );

    let sender = Sender::to(&receiver)
        .with("secrets", json!([]))
        .with("unsigned", true);
    sender.deliver(&[]).await.unwrap();
    let headers = &receiver.messages()[0].headers;
    assert!(!headers.contains_key("webhook-signature"));
    assert!(headers.contains_key("webhook-id") && headers.contains_key("webhook-timestamp"));
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let receiver = Receiver::new([]);
    let text = refused(Sender::to(&receiver).with("url", "http://192.0.2.1/hook")).await;
    assert!(
        text.contains("`http://192.0.2.1/hook` is not encrypted"),
        "{text}"
    );
    let allowed = Sender::to(&receiver)
        .with("url", "http://192.0.2.1/hook")
        .with("allow_http", true);
    assert!(allowed.open().await.is_ok());
}

#[tokio::test]
async fn headers_of_the_sink_cannot_be_configured() {
    let receiver = Receiver::new([]);
    let check = async |headers: Value, wanted: &str| {
        let text = refused(Sender::to(&receiver).with("headers", headers)).await;
        assert!(text.contains(wanted), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    };
    check(
        json!({ "Webhook-Id": "s3cret" }),
        "`Webhook-Id` is set by the sink itself",
    )
    .await;
    check(
        json!({ "Content-Type": "s3cret" }),
        "`Content-Type` is set by the sink itself",
    )
    .await;
    check(
        json!({ "a b": "s3cret" }),
        "`a b` is not a valid header name",
    )
    .await;
    check(
        json!({ "x": "s3cret\r\ny: z" }),
        "the value of header `x` is not printable",
    )
    .await;
    check(
        json!({ "X": "s3cret", "x": "s3cret" }),
        "header `x` is given twice",
    )
    .await;
}

#[tokio::test]
async fn an_unusable_ca_cert_is_refused() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let file = sender.folder.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    let sender = sender.with("url", "https://127.0.0.1:1/");
    let text = refused(sender.with("ca_cert", file.to_str())).await;
    assert!(
        text.contains("is not a PEM file with certificates"),
        "{text}"
    );
    let sender = Sender::to(&receiver).with("url", "https://127.0.0.1:1/");
    let text = refused(sender.with("ca_cert", "/nowhere/at/all")).await;
    assert!(text.contains("cannot read `/nowhere/at/all`"), "{text}");
}

#[tokio::test]
async fn crawl_ids_that_do_not_fit_into_message_ids_are_refused() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let mut context = context();
    context.crawl.id = "../../etc".to_owned();
    let error = sender.open_in(context).await.err().expect("it is no id");
    assert!(
        told(&error).contains("cannot be the id of a crawl"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_url_fits_on_the_command_line() {
    let spec =
        Spec::parse("webhook:https://example.com/hook%3Ftoken=t?order=parallel&unsigned=true");
    let spec = spec.unwrap();
    assert_eq!(spec.options["url"], "https://example.com/hook?token=t");
    assert_eq!(spec.options["unsigned"], true);
    let error = Spec::parse("webhook:https://example.com?ordre=table").unwrap_err();
    assert!(told(&error).contains("`order`"), "{}", told(&error));
}

#[test]
fn secrets_are_references_in_a_configuration() {
    let spec = |options: Value| Spec {
        sink: "webhook".to_owned(),
        options: options.as_object().unwrap().clone(),
    };
    let plain = spec(json!({ "url": "https://example.com", "secrets": [SECRET] }));
    let error = plain.resolve(&|_| Ok(String::new())).unwrap_err();
    assert!(!told(&error).contains(SECRET), "{}", told(&error));

    let references = spec(json!({
        "url": { "env": "HOOK" },
        "secrets": [{ "file": "a" }],
        "headers": { "authorization": { "command": ["pass"] }, "accept": "text" },
    }));
    references.check().unwrap();
    let options = references.resolve(&|_| Ok("resolved".to_owned())).unwrap();
    assert_eq!(options.0["secrets"], json!(["resolved"]));
}

#[tokio::test]
async fn a_url_from_a_reference_is_not_shown() {
    let receiver = Receiver::new([]);
    let spec = Spec {
        sink: "webhook".to_owned(),
        options: Map::from_iter([
            ("url".to_owned(), json!({ "env": "HOOK" })),
            ("unsigned".to_owned(), json!(true)),
        ]),
    };
    let url = receiver.url("/t0ken");
    let options = spec.resolve(&|_| Ok(url.clone())).unwrap();
    let sink = spec.open(context(), options).await.unwrap();
    let receipt = sink.finish(&outcome(&[])).await.unwrap();
    assert_eq!(receipt.location, receiver.url("/…"));
}
