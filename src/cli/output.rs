//! Where everything that people and programs read goes out.
//!
//! Results go to standard output, everything else to standard error. With `--json` standard output holds JSON lines only.
//! A reader that goes away early (`| head`) is no failure: the work goes on and ends with its own exit code.

use super::choices::ColorWhen;
use super::json;
use super::text::{indented, one_line};
use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Row, Table, presets};
use dbferry::Error;
use dbferry::failure::redact;
use serde::Serialize;
use std::error::Error as _;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// How to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// JSON on standard output instead of text.
    pub(crate) json: bool,
    /// No progress and no result in words.
    pub(crate) quiet: bool,
    /// How many `-v` were given.
    pub(crate) verbose: u8,
    color_out: bool,
    color_err: bool,
}

impl Output {
    /// As the arguments, the environment and the terminal say.
    pub(crate) fn new(json: bool, quiet: bool, verbose: u8, color: ColorWhen) -> Self {
        let environment = |name: &str| std::env::var(name).ok();
        Self {
            json,
            quiet,
            verbose,
            color_out: wants_color(color, io::stdout().is_terminal(), environment),
            color_err: wants_color(color, io::stderr().is_terminal(), environment),
        }
    }

    /// A line of the result in words.
    pub(crate) fn say(&self, line: impl Display) -> Result<(), Error> {
        if self.json || self.quiet { Ok(()) } else { write_out(&format!("{line}\n")) }
    }

    /// A heading of the result in words.
    pub(crate) fn heading(&self, line: impl Display) -> Result<(), Error> {
        self.say(painted(Style::new().bold(), self.color_out, line))
    }

    /// A line of the result in words that says that all is well.
    pub(crate) fn success(&self, line: impl Display) -> Result<(), Error> {
        self.say(painted(GOOD, self.color_out, line))
    }

    /// A table of the result in words; nothing when it has no rows.
    pub(crate) fn table(&self, table: &Columns) -> Result<(), Error> {
        if table.rows.is_empty() { Ok(()) } else { self.say(table.render(self.color_out)) }
    }

    /// The result as a JSON document, if JSON is wanted.
    pub(crate) fn document<T: Serialize>(&self, kind: &str, content: &T) -> Result<(), Error> {
        if self.json { write_out(&(json::line(kind, content)? + "\n")) } else { Ok(()) }
    }

    /// Text that is the result whatever the options say: a completion script, a manual page.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Error> {
        unless_closed(io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()))
    }

    /// Something that people should know; never on standard output.
    pub(crate) fn warn(&self, message: &str) {
        self.tell(WARNING, "warning", message);
    }

    /// An error with all that is known about it: on standard error in words, and with `--json` as the last document too.
    pub(crate) fn error(&self, error: &Error, exit_code: u8) {
        let document = self.document("error", &json::ErrorDocument::new(error, exit_code));
        self.tell(ERROR, "error", error.message());
        for cause in causes(error) {
            write_err(&format!("  cause: {}\n", indented(&redact(&cause), "    ")));
        }
        for (key, value) in error.context() {
            write_err(&format!("  {key}: {}\n", indented(&redact(value), "    ")));
        }
        if let Some(hint) = error.remedy() {
            self.tell(HINT, "hint", hint);
        }
        // Standard output cannot be written: there is nowhere else to say it, and the exit code speaks already.
        drop(document);
    }

    fn tell(&self, style: Style, label: &str, message: &str) {
        let label = painted(style, self.color_err, label);
        write_err(&format!("{label}: {}\n", indented(&redact(message), "  ")));
    }
}

/// What is below an error, from the outside in. Drivers often say the same twice, in longer words the second time: then
/// only the longer ones are shown.
fn causes(error: &Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut below = error.source();
    while let Some(cause) = below {
        let text = cause.to_string();
        match causes.last_mut() {
            Some(last) if text.contains(last.as_str()) => *last = text,
            Some(last) if last.contains(&text) => {}
            _ => causes.push(text),
        }
        below = cause.source();
    }
    causes
}

fn painted(style: Style, color: bool, text: impl Display) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_string() }
}

fn write_out(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    unless_closed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Writes to standard error. When even that fails there is nobody left to tell.
pub(crate) fn write_err(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

fn unless_closed(result: io::Result<()>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("cannot write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// The rules that terminals' users know: `--color` first, then `NO_COLOR`, then `CLICOLOR_FORCE` and `FORCE_COLOR`, then
/// `CLICOLOR=0` and `TERM=dumb`, then whether it is a terminal at all. An empty variable counts as not set.
fn wants_color(when: ColorWhen, terminal: bool, environment: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let on = |name: &str| set(name).is_some_and(|value| value != "0");
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if set("NO_COLOR").is_some() => false,
        ColorWhen::Auto if on("CLICOLOR_FORCE") || on("FORCE_COLOR") => true,
        ColorWhen::Auto => {
            let dumb = set("TERM").is_some_and(|term| term == "dumb");
            let off = set("CLICOLOR").is_some_and(|value| value == "0");
            terminal && !dumb && !off
        }
    }
}

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Columns {
    titles: &'static [&'static str],
    /// Columns of numbers, which stand right.
    numeric: &'static [usize],
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// A table with these titles; the columns at `numeric` stand right.
    pub(crate) fn new(titles: &'static [&'static str], numeric: &'static [usize]) -> Self {
        Self { titles, numeric, rows: Vec::new() }
    }

    /// Adds a row; every cell is made safe to show.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell).into_owned()).collect());
    }

    /// The table as text without its last line end.
    pub(crate) fn render(&self, color: bool) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if io::stdout().is_terminal() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty();
        }
        // Some containers have a terminal that says it is 0 columns wide: it does not know.
        if table.width().is_some_and(|width| width == 0) {
            table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
        }
        if color {
            table.enforce_styling();
        }
        let align = |index: usize| {
            if self.numeric.contains(&index) { CellAlignment::Right } else { CellAlignment::Left }
        };
        let header = self.titles.iter().enumerate().map(|(index, title)| {
            let cell = Cell::new(title).set_alignment(align(index));
            if color { cell.add_attribute(Attribute::Bold) } else { cell }
        });
        table.set_header(Row::from(header.collect::<Vec<_>>()));
        for row in &self.rows {
            let cells = row.iter().enumerate().map(|(index, text)| Cell::new(text).set_alignment(align(index)));
            table.add_row(Row::from(cells.collect::<Vec<_>>()));
        }
        table.trim_fmt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_repeats_another_is_shown_once() {
        let inner = Error::new(dbferry::ErrorKind::Database, "Error code 26: no database");
        let middle = Error::new(dbferry::ErrorKind::Database, "no database").caused_by(inner);
        // As an error of its own prints its causes, the whole line contains them.
        let error = Error::new(dbferry::ErrorKind::Connect, "cannot open").caused_by(middle);
        assert_eq!(causes(&error), ["no database: Error code 26: no database"]);
        let other = Error::io("cannot open", io::Error::other("no such thing"));
        assert_eq!(causes(&other), ["no such thing"]);
    }

    fn auto(terminal: bool, variables: &[(&str, &str)]) -> bool {
        let environment =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        wants_color(ColorWhen::Auto, terminal, environment)
    }

    #[test]
    fn colour_follows_the_known_rules() {
        assert!(auto(true, &[]));
        assert!(!auto(false, &[]));
        assert!(!auto(true, &[("NO_COLOR", "1")]));
        assert!(auto(true, &[("NO_COLOR", "")]), "an empty NO_COLOR is ignored");
        assert!(auto(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!auto(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(auto(false, &[("FORCE_COLOR", "1")]));
        assert!(!auto(false, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
        assert!(!auto(true, &[("TERM", "dumb")]));
        assert!(!auto(true, &[("CLICOLOR", "0")]));
        assert!(wants_color(ColorWhen::Always, false, |_| Some("1".into())));
        assert!(!wants_color(ColorWhen::Never, true, |_| Some("1".into())));
    }

    #[test]
    fn tables_are_plain_and_safe() {
        let mut table = Columns::new(&["collection", "rows"], &[1]);
        table.row(["main.a".into(), "1,234".into()]);
        table.row(["main.\u{1b}[2J".into(), "5".into()]);
        let text = table.render(false);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].ends_with("1,234") && lines[2].ends_with("    5"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
