//! What the clients send and understand, with a server that has a prepared response for each request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::json;

use super::settings::options;
use super::*;
use crate::bucket::{BucketOptions, StoreKind};

/// A response: the status line after the version, and the body.
type Response = (&'static str, &'static str);

/// A server on this machine. It ends after its last response.
struct Server {
    url: String,
    /// The head of each request. It is there before the response is sent.
    heads: Receiver<String>,
}

impl Server {
    fn start(responses: Vec<Response>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heads) = mpsc::channel();
        thread::spawn(move || {
            for (status, body) in responses {
                let (mut stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
                sender.send(head.join("\n")).unwrap();
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        Self { url, heads }
    }

    /// Opens a place on the server for `use_it`, and returns its result with the heads of its requests.
    async fn heads<T>(
        self,
        kind: StoreKind,
        options: BucketOptions,
        use_it: impl AsyncFnOnce(CloudPlace) -> T,
    ) -> (T, Vec<String>) {
        let options = BucketOptions {
            endpoint: Some(self.url),
            ..options
        };
        let place = format!("{}://bucket/lake/fortinet", kind.scheme());
        let found = use_it(open(kind, &place, &options).unwrap()).await;
        (found, self.heads.try_iter().collect())
    }
}

fn s3() -> BucketOptions {
    options(&json!({
        "access_key_id": "KEY", "secret_access_key": { "env": "X" }, "region": "eu-central-1",
    }))
}

fn gcs() -> BucketOptions {
    options(&json!({ "variables": { "CLOUDSDK_AUTH_ACCESS_TOKEN": { "env": "X" } } }))
}

const PAGES: [&str; 2] = [
    "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>lake/fortinet/a+b</NextKeyMarker>\
     <NextUploadIdMarker>1</NextUploadIdMarker><Upload><Key>lake/fortinet/a+b</Key><UploadId>1</UploadId></Upload>\
     </ListMultipartUploadsResult>",
    "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>lake/fortinet/c</Key>\
     <UploadId>2</UploadId></Upload></ListMultipartUploadsResult>",
];

#[tokio::test]
async fn all_pages_of_the_list_of_uploads_are_read() {
    let of_s3 = "AWS4-HMAC-SHA256 Credential=KEY/";
    for (kind, options, signature) in [
        (StoreKind::S3, s3(), of_s3),
        (StoreKind::Gcs, gcs(), "Bearer hunter2"),
    ] {
        let server = Server::start(PAGES.map(|page| ("200 OK", page)).to_vec());
        let list = async |place: CloudPlace| place.uploads().await.unwrap();
        let (uploads, heads) = server.heads(kind, options, list).await;
        let uploads = uploads.into_iter().map(|upload| (upload.path, upload.id));
        let wanted = [("a+b", "1"), ("c", "2")];
        let wanted = wanted.map(|(path, id)| (path.to_owned(), id.to_owned()));
        assert_eq!(uploads.collect::<Vec<_>>(), wanted);
        let first = "GET /bucket?uploads=&prefix=lake%2Ffortinet%2F";
        let second = "&key-marker=lake%2Ffortinet%2Fa%2Bb&upload-id-marker=1";
        assert!(heads[0].starts_with(&format!("{first} HTTP")), "{heads:?}");
        let wanted = format!("{first}{second} HTTP");
        assert!(heads[1].starts_with(&wanted), "{heads:?}");
        for head in heads {
            let signed = format!("authorization: {signature}");
            assert!(head.contains(&signed), "{head}");
        }
    }
}

#[tokio::test]
async fn the_whole_bucket_has_no_prefix() {
    let server = Server::start(vec![("200 OK", PAGES[1])]);
    let list = async |place: CloudPlace| {
        let uploads = place.inner.backend.unfinished(&Path::from("")).await;
        uploads.unwrap().len()
    };
    let (uploads, heads) = server.heads(StoreKind::S3, s3(), list).await;
    assert_eq!(uploads, 1);
    let wanted = "GET /bucket?uploads=&prefix= HTTP";
    assert!(heads[0].starts_with(wanted), "{heads:?}");
}

#[tokio::test]
async fn a_list_of_uploads_that_is_refused_is_none() {
    let list = async |place: CloudPlace| {
        let reason = place.inner.backend.unfinished(&Path::from("lake")).await;
        (reason.unwrap_err(), place.uploads().await.unwrap())
    };
    let server = Server::start(vec![("403 Forbidden", ""); 2]);
    let (found, _) = server.heads(StoreKind::S3, s3(), list).await;
    assert_eq!(found, ("HTTP 403 Forbidden".to_owned(), Vec::new()));
}

#[tokio::test]
async fn the_variables_of_a_container_lead_to_its_credentials() {
    let credentials = r#"{"AccessKeyId": "ROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}"#;
    let server = Server::start(vec![("200 OK", credentials), ("200 OK", PAGES[1])]);
    let variables = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/role", server.url),
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "/dev/null".to_owned(),
        ),
        ("AWS_REGION", "eu-central-1".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.into()));
    let options = BucketOptions {
        variables: variables.into(),
        ..BucketOptions::default()
    };
    let list = async |place: CloudPlace| place.uploads().await.unwrap().len();
    let (uploads, heads) = server.heads(StoreKind::S3, options, list).await;
    assert_eq!(uploads, 1);
    assert!(heads[0].starts_with("GET /role HTTP"), "{heads:?}");
    assert!(heads[1].contains("Credential=ROLE/"), "{heads:?}");
}

#[tokio::test]
async fn files_are_encrypted_as_the_options_say() {
    let mut options = s3();
    options.encryption = Some(serde_json::from_value(json!("aws:kms")).unwrap());
    options.kms_key_id = Some("key-7".to_owned());
    let server = Server::start(vec![("200 OK", "")]);
    let put = async |place: CloudPlace| place.put_new("t/f", b"x".to_vec()).await.is_ok();
    // The response has no tag, so the client reports an error. The request is what counts here.
    let (_, heads) = server.heads(StoreKind::S3, options, put).await;
    for header in [
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id: key-7",
        "if-none-match: *",
    ] {
        assert!(heads[0].contains(header), "{heads:?}");
    }
}

#[test]
fn each_store_has_a_tag_for_conditional_requests() {
    let object = object_store::ObjectMeta {
        location: Path::from("x"),
        last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
        size: 1,
        e_tag: Some("the ETag".to_owned()),
        version: Some("the generation".to_owned()),
    };
    for (kind, options, wanted) in [
        (StoreKind::S3, s3(), "the ETag"),
        (StoreKind::Gcs, gcs(), "the generation"),
    ] {
        let place = open(kind, &format!("{}://bucket/x", kind.scheme()), &options).unwrap();
        assert_eq!(place.inner.backend.tag(&object).as_deref(), Some(wanted));
        assert_eq!(
            place.inner.part,
            5 * 1024 * 1024,
            "the least that S3 allows"
        );
    }
}
