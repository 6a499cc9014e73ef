//! The observer, asked over HTTP as browsers and programs do.

mod browser;
mod client;
mod hostile;
mod live;
mod pages;
