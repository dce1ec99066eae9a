//! The list of unfinished multipart uploads, as S3 answers it.

use crate::place::Unfinished;

/// One page of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) uploads: Vec<Unfinished>,
    /// The key and the id from which the next page starts; `None` on the last page.
    pub(super) next: Option<(String, String)>,
}

/// Reads a response to `ListMultipartUploads`.
///
/// The format is flat and has no attributes or CDATA, and what is misread here is only not cleaned up. That does not
/// justify an XML library of our own.
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
