//! `thermos observe`: the web page about tasks.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::Args;
use jiff::tz::TimeZone;

use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, reason};
use super::report;
use super::usage::Malformed;
use crate::diagnostics::Diagnostic;
use crate::observer::{self, ObserverError, Options};

/// Serve a web page about the tasks under the root
///
/// Shows tasks, their graphs, logs and sandboxes while they run and afterwards; changes nothing. Whoever can reach the
/// address can read what the user who starts this can read of tasks: every user of this machine can reach the default
/// one. Set a token to keep others out.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ObserveArguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "THERMOS_LISTEN", hide_env_values = true, default_value = "127.0.0.1:1338", value_parser = listen_address)]
    listen: SocketAddr,
    /// A secret that browsers have to show once as `?token=T`, programs as `Authorization: Bearer T`
    #[arg(long, value_name = "T", env = "THERMOS_TOKEN", hide_env_values = true, value_parser = token)]
    token: Option<String>,
    /// A name by which the observer may be called, besides addresses, localhost and this machine's own; may be repeated
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  thermos observe                                   then open http://127.0.0.1:1338/
  THERMOS_TOKEN=secret thermos observe --listen 0.0.0.0:1338
  thermos observe --allow-host tasks.example.org    behind a proxy of that name";

impl ObserveArguments {
    /// Serves until it is interrupted.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        if !self.listen.ip().is_loopback() && self.token.is_none() {
            let warning = Diagnostic::warning("open_to_others", format!("{} can be reached from other machines", self.listen))
                .with_help("everybody there can read tasks, logs and sandboxes: set a secret with --token T or THERMOS_TOKEN");
            context.terminal.say(report::draw(&[warning], context.terminal.stderr));
        }
        let options = Options {
            root: context.root.clone(),
            listen: self.listen,
            token: self.token,
            hosts: self.allow_host,
            zone: TimeZone::system(),
        };
        let root = context.root.path().display();
        let ready = |address: SocketAddr| {
            // Nobody needs to read this for the observer to be of use.
            let _ = context.terminal.print(format!("Observing {root} at http://{address}/\n"));
        };
        observer::serve(options, ready)?;
        Ok(Exit::Success)
    }
}

fn listen_address(text: &str) -> Result<SocketAddr, Malformed> {
    let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
    let help = "write an address and a port, as in `127.0.0.1:1338`, `[::1]:1338` or `0.0.0.0:0`";
    found.ok_or_else(|| Malformed::new(format!("'{text}' is no address to listen on"), help))
}

fn token(text: &str) -> Result<String, Malformed> {
    let is_fine = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let help = "use at least 4 letters, digits and signs, as `openssl rand -hex 16` prints";
    if is_fine { Ok(text.to_owned()) } else { Err(Malformed::new("this is no token", help)) }
}

impl From<ObserverError> for Failure {
    fn from(error: ObserverError) -> Failure {
        let (message, help) = match &error {
            ObserverError::Listen { address, source } => (
                format!("cannot listen on {address}: {}", reason(source)),
                "another program may listen there, or the address is not this machine's: name another with --listen",
            ),
            ObserverError::System { action, source } => (
                format!("cannot {action}: {}", reason(source)),
                "the operating system refused; nothing was changed",
            ),
        };
        Failure::new(Exit::Other, Diagnostic::error("observer", message).with_help(help))
    }
}
