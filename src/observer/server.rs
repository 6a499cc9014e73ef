//! Connections: how many there are, how long they may take, and which page a request gets.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep};

use super::address::Address;
use super::answer::Trouble;
use super::events::{self, Events};
use super::guard::{self, Guard};
use super::index::Index;
use super::pages::Pages;
use super::usage::Sampler;
use super::{ObserverError, Options, api, pages};

/// Connections at once.
const CONNECTIONS: usize = 256;
/// How long a request may take to be sent, and how long nobody may read what is sent.
const PATIENCE: Duration = Duration::from_secs(30);
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
    guard: Guard,
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
    let is_head = parts.method == Method::HEAD;
    let address = Address::parse(parts.uri.path(), parts.uri.query());
    let headers = parts.headers;
    let made = tokio::task::spawn_blocking(move || respond(&observer, address, &headers));
    let mut response = guard::protect(made.await.unwrap_or_else(|_| {
        let mut response = Response::new(Body::from("The observer has a defect; it goes on.\n"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }));
    if is_head {
        *response.body_mut() = Body::empty();
    }
    response
}

fn respond(observer: &Observer, address: Option<Address>, headers: &HeaderMap) -> Response<Body> {
    let Some(address) = address else {
        let trouble =
            Trouble::malformed("The address has a `%` that is not followed by two hexadecimal digits.");
        return observer.pages.trouble(&trouble);
    };
    let is_data =
        matches!(address.parts.first().map(Vec::as_slice), Some(b"j" | b"metrics" | b"events" | b"health"));
    let range = headers.get(header::RANGE).map(|range| range.to_str().unwrap_or("malformed"));
    let made =
        if is_data { api::respond(observer, &address) } else { pages::respond(observer, &address, range) };
    made.unwrap_or_else(
        |trouble| if is_data { api::trouble(&trouble) } else { observer.pages.trouble(&trouble) },
    )
}

/// A connection that ends when its reader takes nothing for too long.
struct Patient {
    stream: TcpStream,
    timer: Pin<Box<Sleep>>,
    waits: bool,
}

impl Patient {
    fn new(stream: TcpStream) -> Patient {
        Patient { stream, timer: Box::pin(sleep(PATIENCE)), waits: false }
    }

    fn bound<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.waits = false;
            return progress;
        }
        if !self.waits {
            self.waits = true;
            self.timer.as_mut().reset(Instant::now() + PATIENCE);
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bound(context, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        self.bound(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
