//! `completions`, `man` and `exit-codes`: what the command line says about itself.

use super::App;
use super::args::{CompletionsArgs, ManArgs};
use super::exit;
use super::help;
use clap::Command;
use clap_mangen::Man;
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::io::{self, Write};

/// The document of the exit codes.
#[derive(Serialize)]
struct ExitCodes {
    codes: [exit::ExitCode; exit::TABLE.len()],
}

pub(super) fn completions(args: &CompletionsArgs, app: &App) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), "dbferry", &mut script);
    app.output.raw(&script)?;
    Ok(exit::DONE)
}

pub(super) fn man(args: &ManArgs, app: &App) -> Result<u8> {
    let mut command = help::command();
    // Builds the names that the page of a command shows: `dbferry dump` instead of `dump`.
    command.build();
    let (name, command) = match &args.verb {
        None => ("dbferry", command),
        Some(verb) => (verb.as_str(), find(&command, verb)?),
    };
    app.output.raw(&manual(name, command).map_err(|error| Error::io("cannot write the manual page", error))?)?;
    Ok(exit::DONE)
}

fn find(command: &Command, verb: &str) -> Result<Command> {
    command.find_subcommand(verb).cloned().ok_or_else(|| {
        let names = command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(Command::get_name);
        Error::new(ErrorKind::Usage, format!("there is no command {verb:?}"))
            .hint(format!("the commands are {}", names.collect::<Vec<_>>().join(", ")))
    })
}

/// The page: what the generator knows, and the sections that it has no words for.
fn manual(name: &str, command: Command) -> io::Result<Vec<u8>> {
    let is_root = command.has_subcommands();
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    writeln!(page, ".SH EXAMPLES\n.nf")?;
    for (what, example) in help::examples(name) {
        if !what.is_empty() {
            writeln!(page, "# {}", roff(what))?;
        }
        writeln!(page, "{}", roff(example))?;
    }
    writeln!(page, ".fi")?;
    man.render_options_section(&mut page)?;
    if is_root {
        man.render_subcommands_section(&mut page)?;
    }
    writeln!(page, ".SH ENVIRONMENT")?;
    writeln!(page, "{}", roff(help::ENVIRONMENT))?;
    writeln!(page, ".br\nDATABASE_URL is the database where none is named.")?;
    writeln!(page, ".SH \"EXIT STATUS\"\n.nf")?;
    for line in exit::as_text().lines() {
        writeln!(page, "{}", roff(line))?;
    }
    writeln!(page, ".fi")?;
    Ok(page)
}

/// Text that roff takes as it stands.
fn roff(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

pub(super) fn exit_codes(app: &App) -> Result<u8> {
    app.output.say(exit::as_text().trim_end())?;
    app.output.document("exit-codes", &ExitCodes { codes: exit::TABLE })?;
    Ok(exit::DONE)
}
