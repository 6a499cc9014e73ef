//! Who may ask, and what a browser is told to forbid.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};

use super::address::Address;
use super::answer::{content, set};

/// What pages may do: nothing but what comes from here, and no code in text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const ALWAYS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Decides about requests before anything is looked up.
#[derive(Debug)]
pub(super) struct Guard {
    token: Option<String>,
    hosts: Vec<String>,
    /// What the cookie of somebody who has shown the token says; chosen anew at each start.
    session: String,
    cookie: String,
}

impl Guard {
    pub(super) fn new(token: Option<String>, mut hosts: Vec<String>, port: u16) -> io::Result<Guard> {
        hosts.push("localhost".to_owned());
        hosts.extend(nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()));
        let mut random = [0; 24];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let session = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Guard { token, hosts, session, cookie: format!("thermos-{port}") })
    }

    /// Returns the answer to a request that is not let in.
    pub(super) fn refuse(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response<Body>> {
        if method != Method::GET && method != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "The observer only reads: use GET.\n");
            set(&mut answer, header::ALLOW, "GET, HEAD");
            return Some(answer);
        }
        if !self.is_known_host(headers.get(header::HOST)) {
            let text =
                "This is not a name of the observer. Use its address, or start it with --allow-host NAME.\n";
            return Some(plain(StatusCode::MISDIRECTED_REQUEST, text));
        }
        self.token.as_ref().and_then(|token| self.ask_for(token, uri, headers))
    }

    /// Names that others can make point here are refused; an address cannot be made to.
    fn is_known_host(&self, host: Option<&HeaderValue>) -> bool {
        let Some(host) = host.and_then(|host| host.to_str().ok()) else { return false };
        let bare = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        bare.parse::<IpAddr>().is_ok() || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(bare))
    }

    fn ask_for(&self, token: &str, uri: &Uri, headers: &HeaderMap) -> Option<Response<Body>> {
        if uri.path() == "/health" || self.has_right(token, headers) {
            return None;
        }
        let given =
            Address::parse("", uri.query()).and_then(|address| address.value("token").map(str::to_owned));
        match given {
            Some(given) if is_same(&given, token) => Some(self.welcome(uri)),
            given => {
                let text = match given {
                    Some(_) => "That is not the token.\n",
                    None => {
                        "Add ?token=TOKEN to the address once, or send it as `Authorization: Bearer TOKEN`.\n"
                    }
                };
                let mut answer = plain(StatusCode::UNAUTHORIZED, text);
                set(&mut answer, header::WWW_AUTHENTICATE, "Bearer realm=\"thermos\"");
                Some(answer)
            }
        }
    }

    fn has_right(&self, token: &str, headers: &HeaderMap) -> bool {
        let text =
            |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bearer = text(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default().to_owned();
        let mut cookies = text(header::COOKIE).split(';').filter_map(|cookie| cookie.trim().split_once('='));
        is_same(&bearer, token)
            || cookies.any(|(name, value)| name == self.cookie && is_same(value, &self.session))
    }

    /// Keeps the token out of the address line: a cookie stands for it from now on.
    fn welcome(&self, uri: &Uri) -> Response<Body> {
        let rest = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.starts_with("token="));
        let query = rest.collect::<Vec<_>>().join("&");
        // Two slashes would lead to another host.
        let path = format!("/{}", uri.path().trim_start_matches('/'));
        let place = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut answer = plain(StatusCode::SEE_OTHER, "");
        set(&mut answer, header::LOCATION, &place);
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.session);
        set(&mut answer, header::SET_COOKIE, &cookie);
        answer
    }
}

/// Adds what every answer says.
pub(super) fn protect(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in ALWAYS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let cache = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(cache);
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = content("text/plain; charset=utf-8", text);
    *response.status_mut() = status;
    response
}

/// Compares in a time that tells nothing but the lengths.
fn is_same(left: &str, right: &str) -> bool {
    let difference = left.bytes().zip(right.bytes()).fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}
