//! The command line: a thin front end. It reads arguments, environment and configuration, asks, shows, and turns errors
//! into exit codes; everything else is the library's. What it is not: it knows no dialect and touches no database by itself.
//!
//! | file | what it does |
//! |---|---|
//! | `args`, `choices`, `help` | the command line as data; examples, environment variables |
//! | `config`, `confirm`, `signals` | databases and passwords; consent; Ctrl-C |
//! | `import` | archives, and Parquet files that are none |
//! | `output`, `json`, `progress`, `exit` | what people and programs get to see |
//! | `differences` | rows that differ, as two verbs show them |
//! | `text`, `units` | text that is safe to show; sizes and times |
//! | `job` | a restore or a copy before it is done |
//! | the others | one verb each |

mod args;
mod bench;
mod choices;
mod completions;
mod config;
mod confirm;
mod copy;
mod diff;
mod differences;
mod dump;
mod exit;
mod explain;
mod groups;
mod help;
mod import;
mod inspect;
mod job;
mod json;
mod list;
mod output;
mod pack;
mod plan;
mod progress;
mod prune;
mod restore;
#[cfg(feature = "web")]
mod serve;
mod signals;
mod text;
mod units;
mod verify;

use args::{Cli, Verb};
use choices::{ColorWhen, ProgressStyle};
use clap::FromArgMatches;
use clap::error::ErrorKind as ParseErrorKind;
use dbferry::{Error, ErrorKind, Result};
use output::Output;
use progress::Reporter;
use signals::Signals;
use std::process::ExitCode;

/// What every verb needs.
struct App {
    output: Output,
    progress: ProgressStyle,
    signals: Signals,
}

impl App {
    /// Starts to report the progress of a long command.
    fn reporter(&self, jobs: usize) -> Result<Reporter> {
        Reporter::start(self.progress, self.output, jobs)
    }
}

/// The whole program.
pub(crate) fn main() -> ExitCode {
    let matches = match help::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return ExitCode::from(not_parsed(&error)),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(not_parsed(&error)),
    };
    let output = Output::new(cli.output.json, cli.output.quiet, cli.output.verbose, cli.output.color);
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return ExitCode::from(failed(&output, &error, None)),
    };
    let app = App { output, progress: cli.output.progress, signals };
    let code = match run(cli.verb, &app) {
        Ok(code) => code,
        Err(error) => failed(&app.output, &error, app.signals.received()),
    };
    ExitCode::from(code)
}

fn run(verb: Verb, app: &App) -> Result<u8> {
    match verb {
        Verb::Dump(args) => dump::run(&args, app),
        Verb::Restore(args) => restore::run(&args, app),
        Verb::Copy(args) => copy::run(&args, app),
        Verb::Plan(args) => plan::run(&args, app),
        Verb::Groups(args) => groups::run(&args, app),
        Verb::Inspect(args) => inspect::run(&args, app),
        Verb::List(args) => list::run(&args, app),
        Verb::Verify(args) => verify::run(&args, app),
        Verb::Diff(args) => diff::run(&args, app),
        Verb::Bench(args) => bench::run(&args, app),
        Verb::Pack(args) => pack::pack(&args, app),
        Verb::Unpack(args) => pack::unpack(&args, app),
        Verb::Prune(args) => prune::run(&args, app),
        #[cfg(feature = "web")]
        Verb::Serve(args) => serve::run(&args, app),
        Verb::Completions(args) => completions::completions(&args, app),
        Verb::Man(args) => completions::man(&args, app),
        Verb::ExitCodes(_) => completions::exit_codes(app),
    }
}

fn failed(output: &Output, error: &Error, signal: Option<i32>) -> u8 {
    let code = exit::code(error, signal);
    match signal.filter(|_| error.kind() == ErrorKind::Cancelled) {
        // How exactly a statement ended that was told to end helps nobody; what state things are in does.
        Some(signal) => output.error(&cancelled(error, signal), code),
        None => output.error(error, code),
    }
    code
}

/// The error of a run that a signal cancelled: its context without its cause.
fn cancelled(error: &Error, signal: i32) -> Error {
    let name = signals::name(signal);
    error.context().fold(Error::new(ErrorKind::Cancelled, format!("cancelled by {name}")), |error, (key, value)| {
        error.with(key, value)
    })
}

/// What the parser of the command line has to say: help, the version, or what is wrong.
fn not_parsed(error: &clap::Error) -> u8 {
    match error.kind() {
        ParseErrorKind::DisplayHelp | ParseErrorKind::DisplayVersion => {
            // A reader that went away early has seen what it wanted.
            drop(error.print());
            exit::DONE
        }
        ParseErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(error.print());
            exit::USAGE
        }
        _ => {
            let json = std::env::args().any(|argument| argument == "--json");
            let output = Output::new(json, false, 0, ColorWhen::Auto);
            // The parser repeats what it does not understand, and that may be a URL: `Output` hides passwords.
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned();
            failed(&output, &Error::new(ErrorKind::Usage, text), None)
        }
    }
}
