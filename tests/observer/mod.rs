//! The observer, asked over HTTP as browsers and programs do.

mod client;
mod hostile;
mod pages;
