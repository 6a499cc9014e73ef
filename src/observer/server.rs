//! Connections: how many there are, how long they may take, and which page a request gets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, Uri, header};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::address::Address;
use super::answer::Trouble;
use super::disk::Scale;
use super::events::{self, Events};
use super::guard::{self, Guard};
use super::index::Index;
use super::pages::Pages;
use super::patient::{PATIENCE, Patient};
use super::usage::Sampler;
use super::{ObserverError, Options, api, pages};

/// Connections at once.
const CONNECTIONS: usize = 256;
/// Bytes of a request's head.
const HEAD: usize = 16 << 10;
/// Requests whose files are read at once.
const READERS: usize = 8;

/// Everything that answers are made of.
pub(super) struct Observer {
    pub(super) index: Index,
    pub(super) sampler: Sampler,
    pub(super) events: Arc<Events>,
    pub(super) pages: Pages,
    pub(super) scale: Scale,
    guard: Guard,
}

/// What a request asks for.
pub(super) struct Asked {
    pub(super) address: Address,
    /// A part of a file.
    pub(super) range: Option<String>,
    /// What a browser that lost its connection heard last.
    pub(super) last_event: Option<String>,
}

impl Asked {
    /// Reads a request; nothing if an escape of its address is malformed.
    fn of(uri: &Uri, headers: &HeaderMap) -> Option<Asked> {
        let text = |name: &HeaderName| {
            headers.get(name).map(|value| value.to_str().unwrap_or("malformed").to_owned())
        };
        Some(Asked {
            address: Address::parse(uri.path(), uri.query())?,
            range: text(&header::RANGE),
            last_event: text(&HeaderName::from_static("last-event-id")),
        })
    }

    /// Says whether programs ask for it, who want to hear of trouble as data.
    fn is_data(&self) -> bool {
        let first = self.address.parts.first().map(Vec::as_slice);
        matches!(first, Some(b"j" | b"metrics" | b"events" | b"health"))
    }
}

/// Serves until INT or TERM; `ready` is told where.
pub fn serve(options: Options, ready: impl FnOnce(SocketAddr)) -> Result<(), ObserverError> {
    let system = |action| move |source| ObserverError::System { action, source };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(READERS).build();
    let runtime = runtime.map_err(system("start"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.listen).await;
        let listener =
            listener.map_err(|source| ObserverError::Listen { address: options.listen, source })?;
        let address = listener.local_addr().map_err(system("listen"))?;
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt()).map_err(system("listen to signals"))?,
            signal(SignalKind::terminate()).map_err(system("listen to signals"))?,
        );
        let observer = Arc::new(Observer {
            index: Index::new(options.root).map_err(system("watch files"))?,
            sampler: Sampler::default(),
            events: Arc::new(Events::new()),
            pages: Pages::new(options.zone),
            scale: Scale::default(),
            guard: Guard::new(options.token, options.hosts, address.port())
                .map_err(system("find a random number"))?,
        });
        let watched = Arc::clone(&observer);
        thread::spawn(move || events::watch(&watched.index, &watched.sampler, &watched.events));
        ready(address);
        tokio::select! {
            () = accept(listener, observer) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })?;
    // A reader that waits for a file does not keep the observer from ending.
    runtime.shutdown_background();
    Ok(())
}

async fn accept(listener: TcpListener, observer: Arc<Observer>) {
    let router = Router::new().fallback(answer).with_state(observer);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left: some connection has to end first.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD);
            // A connection that breaks off is its reader's affair.
            let _ = http.serve_connection(TokioIo::new(Patient::new(stream)), service).await;
            drop(place);
        });
    }
}

async fn answer(State(observer): State<Arc<Observer>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    if let Some(refused) = observer.guard.refuse(&parts.method, &parts.uri, &parts.headers) {
        return guard::protect(refused);
    }
    let asked = Asked::of(&parts.uri, &parts.headers);
    let made = tokio::task::spawn_blocking(move || respond(&observer, asked));
    guard::protect(made.await.unwrap_or_else(|_| {
        let mut response = Response::new(Body::from("The observer has a defect; it goes on.\n"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }))
}

fn respond(observer: &Observer, asked: Option<Asked>) -> Response<Body> {
    let Some(asked) = asked else {
        let trouble =
            Trouble::malformed("The address has a `%` that is not followed by two hexadecimal digits.");
        return observer.pages.trouble(&trouble);
    };
    let (made, show): (_, fn(&Observer, &Trouble) -> Response<Body>) = match asked.is_data() {
        true => (api::respond(observer, &asked), |_, trouble| api::trouble(trouble)),
        false => (pages::respond(observer, &asked), |observer, trouble| observer.pages.trouble(trouble)),
    };
    made.unwrap_or_else(|trouble| show(observer, &trouble))
}
