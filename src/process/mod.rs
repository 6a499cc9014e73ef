//! Fork, spawn, wait, kill, identity. The only unsafe code.
#![allow(unsafe_code)]
