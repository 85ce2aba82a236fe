//! `copy`: a database into another one, after consent.

use super::App;
use super::args::CopyArgs;
use super::job::Job;
use super::restore::{Words, carry_out};
use dbferry::Result;

pub(super) fn run(args: &CopyArgs, app: &App) -> Result<u8> {
    let job = Job::copy(&args.source, args.target.as_deref(), &args.load, &args.read, app)?;
    carry_out(job, &args.consent, Words { command: "copy", done: "copied" }, app)
}
