//! SQLite for dbferry.

#[allow(dead_code)]
mod bind;
#[allow(dead_code, clippy::expect_used)]
mod read;
#[allow(dead_code)]
mod replace;
mod snapshot;
