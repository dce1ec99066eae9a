//! Faults that change a complete response of the service.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

use crate::scenario::Action;

/// Applies the fault to a response. Answers that it does not affect stay as they are.
pub(crate) fn rewrite(action: &Action, mut response: Response<Bytes>) -> Response<Bytes> {
    let body = response.body();
    let changed = match action {
        Action::RenameMember { from, to } => members(body, |members| {
            if let Some(value) = members.remove(from) {
                members.insert(to.clone(), value);
            }
        }),
        Action::SetMember { member, value } => members(body, |members| {
            match value.as_ref().map(|json| serde_json::from_str(json)) {
                Some(Ok(value)) => members.insert(member.clone(), value),
                Some(Err(_)) | None => members.remove(member),
            };
        }),
        Action::Replace {
            find,
            with,
            bytes,
            once,
        } => {
            let with = if bytes.is_empty() {
                with.as_bytes()
            } else {
                bytes
            };
            Some(replaced(body, find.as_bytes(), with, *once))
        }
        Action::HttpStatus { status } => {
            if let Ok(status) = StatusCode::from_u16(*status) {
                *response.status_mut() = status;
            }
            return response;
        }
        _ => None,
    };
    if let Some(changed) = changed {
        // The length no longer matches; the server computes it again.
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = changed;
    }
    response
}

/// Changes the members of a JSON body. Returns `None` if it is not an object.
fn members(
    body: &Bytes,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) -> Option<Bytes> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    change(answer.as_object_mut()?);
    Some(answer.to_string().into())
}

fn replaced(body: &[u8], find: &[u8], with: &[u8], once: bool) -> Bytes {
    let mut changed = Vec::with_capacity(body.len());
    let mut rest = body;
    // An empty text would be found everywhere, without end.
    while !find.is_empty()
        && let Some(at) = rest.windows(find.len()).position(|window| window == find)
    {
        changed.extend_from_slice(&rest[..at]);
        changed.extend_from_slice(with);
        rest = &rest[at + find.len()..];
        if once {
            break;
        }
    }
    changed.extend_from_slice(rest);
    changed.into()
}
