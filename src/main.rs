//! The `dbferry` program: the command line over the library.

mod cli;

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Arrow builders and Parquet encoders grow and free large buffers from many threads at once. The system allocator of
/// Linux keeps such memory in one arena a thread and musl's takes one lock for all of them; mimalloc gives it back, and
/// so the memory promise holds.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
