//! What a request gets: a page, data, a part of a file, or a stream of events.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use futures_util::stream;
use serde::Serialize;

/// Bytes of a file that are read at once.
const CHUNK: u64 = 128 << 10;

/// Why a request gets no page of its own: a status and words for people.
#[derive(Debug)]
pub(super) struct Trouble {
    /// The status.
    pub(super) status: StatusCode,
    /// What is wrong.
    pub(super) title: String,
    /// What there is to know or to do.
    pub(super) text: String,
    /// Where a link leads back to, and what it is called.
    pub(super) back: (String, &'static str),
}

impl Trouble {
    /// There is no such thing.
    pub(super) fn missing(title: impl Into<String>, text: impl Into<String>) -> Trouble {
        Trouble {
            status: StatusCode::NOT_FOUND,
            title: title.into(),
            text: text.into(),
            back: ("/".into(), "All tasks"),
        }
    }

    /// The request makes no sense.
    pub(super) fn malformed(text: impl Into<String>) -> Trouble {
        Trouble { status: StatusCode::BAD_REQUEST, ..Trouble::missing("This cannot be asked for", text) }
    }

    /// Leads back to another page.
    pub(super) fn back_to(self, place: String, name: &'static str) -> Trouble {
        Trouble { back: (place, name), ..self }
    }

    /// A file or a folder cannot be shown.
    pub(super) fn of_file(error: &io::Error) -> Trouble {
        let words = |title: &str, text: &str| Trouble::missing(title, text);
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::PermissionDenied, _) => Trouble {
                status: StatusCode::FORBIDDEN,
                ..words("This may not be read", "The user who runs the observer has no right to read it.")
            },
            (_, Some(nix::libc::ELOOP | nix::libc::EXDEV)) => Trouble {
                status: StatusCode::FORBIDDEN,
                ..words("This leads elsewhere", "It is a link that leaves its folder, and is not followed.")
            },
            (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput, _) => {
                words("This is not there", "It was removed or renamed, or it has not been written yet.")
            }
            (io::ErrorKind::Other | io::ErrorKind::Unsupported, None) => {
                words("This cannot be shown", &error.to_string())
            }
            _ => words("This cannot be read", &error.to_string()),
        }
    }
}

/// Bytes with their type.
pub(super) fn content(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    set(&mut response, header::CONTENT_TYPE, kind);
    response
}

/// Data.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    // Plain structs of strings and numbers always serialize.
    content("application/json", serde_json::to_vec(value).unwrap_or_default())
}

/// Sets a header; one whose value no header can have is left out.
pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A part of a file, read while it is sent. A file that has shrunk cannot give what was announced: then the connection
/// ends, so that the reader notices.
pub(super) fn part(file: File, start: u64, end: u64) -> Body {
    let chunks = stream::try_unfold((file, start), move |(file, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; CHUNK.min(end - at) as usize];
            let count = file.read_at(&mut buffer, at)?;
            buffer.truncate(count);
            if count == 0 { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) } else { Ok((file, buffer)) }
        });
        let (file, buffer) = read.await.map_err(io::Error::other)??;
        let next = at + buffer.len() as u64;
        Ok::<_, io::Error>(Some((Bytes::from(buffer), (file, next))))
    });
    Body::from_stream(chunks)
}
