//! Lists unfinished multipart uploads. S3 and Google Cloud Storage have the same request for that, but the library has
//! none.

use fortilake_sink::{Error, Kind};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector,
};
use object_store::path::Path;
use url::Url;

use super::error::explain;
use crate::place::Unfinished;

/// How many pages to read, of a thousand uploads each.
const PAGES: usize = 20;

/// Signs a request, or says why it cannot.
pub(super) type Sign<'a> = dyn Fn(&mut HttpRequest) -> Result<(), String> + Send + Sync + 'a;

/// A client for the requests that list unfinished uploads.
pub(super) struct UploadList {
    client: HttpClient,
    /// The URL of the bucket.
    url: String,
}

impl UploadList {
    pub(super) fn new(http: &ClientOptions, url: String) -> fortilake_sink::Result<Self> {
        let client = ReqwestConnector::default().connect(http);
        let client = client.map_err(|error| {
            let text = "cannot set up the HTTP client";
            Error::new(Kind::Config, text).with_source(explain(&error).1)
        })?;
        Ok(Self { client, url })
    }

    /// The uploads below a prefix.
    pub(super) async fn read(
        &self,
        prefix: &Path,
        sign: &Sign<'_>,
    ) -> Result<Vec<Unfinished>, String> {
        let prefix = match prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let mut uploads = Vec::new();
        let mut next = None;
        for _ in 0..PAGES {
            let page = read(&self.page(&prefix, next.as_ref(), sign).await?);
            uploads.extend(page.uploads);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(uploads)
    }

    async fn page(
        &self,
        prefix: &str,
        from: Option<&(String, String)>,
        sign: &Sign<'_>,
    ) -> Result<String, String> {
        let mut url: Url = self.url.parse().map_err(|_| "the URL is not valid")?;
        url.query_pairs_mut()
            .append_pair("uploads", "")
            .append_pair("prefix", prefix);
        if let Some((key, id)) = from {
            url.query_pairs_mut()
                .append_pair("key-marker", key)
                .append_pair("upload-id-marker", id);
        }
        // Servers and the signer do not agree on what a `+` means. A plus sign itself is already encoded.
        let query = url.query().unwrap_or_default().replace('+', "%20");
        url.set_query(Some(&query));
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.as_str().parse().map_err(|_| "the URL is not valid")?;
        sign(&mut request)?;
        let response = self.client.execute(request).await;
        let response = response.map_err(|_| "the request failed")?;
        if !response.status().is_success() {
            return Err(format!("HTTP {}", response.status()));
        }
        let body = response.into_body().bytes().await;
        let body = body.map_err(|_| "the response was cut off")?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

/// One page of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) uploads: Vec<Unfinished>,
    /// The key and the id from which the next page starts; `None` on the last page.
    pub(super) next: Option<(String, String)>,
}

/// Reads a response to `ListMultipartUploads`.
///
/// This needs no XML library: the format is flat and has no attributes or CDATA, and if an upload is misread, nothing
/// happens except that it is not cleaned up.
pub(super) fn read(text: &str) -> Page {
    let blocks = text.split("<Upload>").skip(1);
    let uploads = blocks.filter_map(|block| {
        let (block, _) = block.split_once("</Upload>")?;
        Some(Unfinished {
            path: element(block, "Key")?,
            id: element(block, "UploadId")?,
        })
    });
    let is_truncated = element(text, "IsTruncated").as_deref() == Some("true");
    let next = || {
        Some((
            element(text, "NextKeyMarker")?,
            element(text, "NextUploadIdMarker")?,
        ))
    };
    Page {
        uploads: uploads.collect(),
        next: is_truncated.then(next).flatten(),
    }
}

fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(unescape(content))
}

fn unescape(text: &str) -> String {
    // The ampersand comes last, so that an escaped escape is not decoded twice.
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        })
}
