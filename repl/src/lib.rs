//! The line editor of `thermos repl`.
