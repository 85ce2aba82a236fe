//! SQLite for dbferry.

#[allow(dead_code)]
mod bind;
#[allow(dead_code)]
mod read;
#[allow(dead_code)]
mod replace;
mod snapshot;
