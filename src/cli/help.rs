//! The help: examples first, then options. And the rule that gives every option its environment variable.

use super::args::Cli;
use super::exit;
use clap::builder::FalseyValueParser;
use clap::builder::styling::Style;
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::ffi::OsString;

const HEADING: Style = Style::new().bold().underline();

/// An example: what it does, and what to type.
pub(crate) type Example = (&'static str, &'static str);

const NEWCOMER: &[Example] = &[
    ("Dump a database, look at what a restore would do, restore", "dbferry dump sqlite:shop.db backup/"),
    ("", "dbferry plan backup/ sqlite:test.db"),
    ("", "dbferry restore backup/ sqlite:test.db"),
];

/// The examples of each verb.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "dump",
        &[
            ("Dump everything", "dbferry dump sqlite:shop.db backup/"),
            ("Only users and what every restore needs", "dbferry dump sqlite:shop.db backup/ --group user"),
            (
                "Last year's orders, without logs",
                "dbferry dump @prod backup/ -T '*_log' --where \"main.orders=placed >= '2026-01-01'\"",
            ),
            ("The database that DATABASE_URL names", "dbferry dump backup/"),
        ],
    ),
    (
        "restore",
        &[
            ("Into a new file: nothing is asked", "dbferry restore backup/ sqlite:new.db"),
            ("One group; the other tables stay as they are", "dbferry restore backup/ sqlite:test.db --group user"),
            (
                "Keep what is about to be overwritten, and do not ask",
                "dbferry restore backup.zip @test --safety-backup before/ --yes",
            ),
            (
                "Parquet of other programs: a table a file, or a folder of parts",
                "dbferry restore exports/ sqlite:new.db",
            ),
        ],
    ),
    (
        "copy",
        &[
            ("Into another database, of any kind", "dbferry copy sqlite:shop.db postgres://me@host/shop"),
            ("See first what will be done and lost", "dbferry plan sqlite:shop.db postgres://me@host/shop -v"),
            (
                "One group over what is there, and do not ask",
                "dbferry copy @prod @test --group user --safety-backup before/ --yes",
            ),
            ("Only some rows of a table", "dbferry copy @prod sqlite:sample.db --where \"public.orders=id % 100 = 0\""),
        ],
    ),
    (
        "plan",
        &[
            ("What would a restore do and lose?", "dbferry plan backup/ sqlite:test.db"),
            ("And a copy?", "dbferry plan @prod sqlite:test.db"),
            ("All columns with their verdicts", "dbferry plan backup/ sqlite:test.db -v"),
            ("For a program; exit code 5 when it cannot be done", "dbferry plan backup/ @test --json"),
        ],
    ),
    (
        "groups",
        &[
            ("Which table is in which group?", "dbferry groups sqlite:shop.db"),
            ("Why, and what is each group for?", "dbferry groups sqlite:shop.db --explain"),
            ("With the rules of an application", "dbferry groups @prod --preset nocobase"),
            ("The groups of an archive", "dbferry groups backup/"),
        ],
    ),
    (
        "inspect",
        &[
            ("What is in the archive?", "dbferry inspect backup/"),
            ("The columns of one table", "dbferry inspect backup.zip orders"),
            ("What would Parquet of another program be?", "dbferry inspect orders.parquet"),
            (
                "Tables of more than a million rows",
                "dbferry inspect backup/ --json | jq '.collections[] | select(.rows > 1e6)'",
            ),
        ],
    ),
    ("list", &[("Archives here", "dbferry list"), ("Archives elsewhere", "dbferry list /var/backups")]),
    (
        "verify",
        &[
            ("Is the archive whole?", "dbferry verify backup/"),
            ("Does the database hold what the archive says?", "dbferry verify backup/ --against sqlite:shop.db"),
            ("Does it hold what another program exported?", "dbferry verify exports/ --against sqlite:shop.db"),
            ("After a migration: source and target, any engines", "dbferry verify @old --against @new"),
            (
                "Can it be restored? Tried in an empty database",
                "dbferry verify backup/ --restore-into sqlite:scratch.db",
            ),
            ("Quickly: bytes only", "dbferry verify backup.zip --bytes-only"),
        ],
    ),
    (
        "diff",
        &[
            ("What did a week change?", "dbferry diff monday/ sunday/"),
            ("Which rows and columns?", "dbferry diff backup/ sqlite:shop.db --rows"),
            ("Is the schema of test that of production? Exit code 4 if not", "dbferry diff @prod @test --schema-only"),
        ],
    ),
    (
        "bench",
        &[
            ("How fast is it read, and what takes the time?", "dbferry bench sqlite:shop.db"),
            ("With 1, 2 and 4 threads, as a page with plots", "dbferry bench @prod --jobs 1,2,4 --html bench.html"),
            ("Which compression?", "dbferry bench @prod --sink file --compression zstd:1,zstd:3,lz4,none"),
            ("And how fast does it come back?", "dbferry bench @prod --sink file --import @scratch"),
            ("Without a database at hand: make one first", "dbferry bench sqlite:tpch.db --generate tpch:0.1"),
            (
                "In a pipeline: exit code 4 when it is slower by more than a tenth",
                "dbferry bench @test --json --compare before.json --fail-over 10% > now.json",
            ),
        ],
    ),
    (
        "pack",
        &[
            ("One file to send or store", "dbferry pack backup/ backup.zip"),
            ("It is read in place", "dbferry restore backup.zip sqlite:test.db"),
        ],
    ),
    (
        "unpack",
        &[
            ("Back into a directory", "dbferry unpack backup.zip backup/"),
            ("Check it first", "dbferry unpack backup.zip backup/ --dry-run"),
        ],
    ),
    (
        "prune",
        &[
            ("What would go?", "dbferry prune /var/backups --keep-last 3 --keep-daily 7 --dry-run"),
            (
                "A week of days, a month of weeks, a year of months, and do not ask",
                "dbferry prune /var/backups --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --yes",
            ),
        ],
    ),
    #[cfg(feature = "web")]
    (
        "serve",
        &[
            ("On this machine; open the link that is printed", "dbferry serve --archives /var/backups"),
            ("With a token of your own, from a file", "dbferry serve --archives /var/backups --token-file /run/secret"),
            (
                "For others, over TLS, to look and download only",
                "dbferry serve --archives /var/backups --listen 0.0.0.0:443 --allowed-host backup.example.org \
                 --tls-cert cert.pem --tls-key key.pem --read-only",
            ),
            (
                "Behind a reverse proxy that has TLS",
                "dbferry serve --archives /var/backups --behind-proxy --allowed-host backup.example.org",
            ),
        ],
    ),
    (
        "completions",
        &[
            ("bash", "dbferry completions bash > ~/.local/share/bash-completion/completions/dbferry"),
            ("zsh", "dbferry completions zsh > ~/.zfunc/_dbferry"),
            ("fish", "dbferry completions fish > ~/.config/fish/completions/dbferry.fish"),
        ],
    ),
    ("man", &[("Read it", "dbferry man | man -l -"), ("The page of one command", "dbferry man dump > dbferry-dump.1")]),
    ("exit-codes", &[("As a table", "dbferry exit-codes"), ("For a program", "dbferry exit-codes --json")]),
];

/// What every help says about variables.
pub(crate) const ENVIRONMENT: &str =
    "Every option has an environment variable: --exclude-group is DBFERRY_EXCLUDE_GROUP.";

/// The examples of a verb, or of the program as a whole under its own name.
pub(crate) fn examples(verb: &str) -> &'static [Example] {
    if verb == "dbferry" {
        return NEWCOMER;
    }
    EXAMPLES.iter().find(|(name, _)| *name == verb).map_or(&[], |(_, examples)| examples)
}

/// The whole command line.
pub(crate) fn command() -> Command {
    let verbs = Cli::command().mut_args(with_environment).mut_subcommands(|verb| {
        let examples = examples_text("Examples", examples(verb.get_name()));
        verb.mut_args(with_environment)
            .before_long_help(examples)
            .after_long_help(format!("{ENVIRONMENT}\nThe exit codes are in `dbferry --help`."))
    });
    let long = format!(
        "{HEADING}Databases:{HEADING:#}\n{}\n{HEADING}Exit codes:{HEADING:#}\n{}\n{ENVIRONMENT}",
        databases(),
        exit::as_text()
    );
    verbs
        .before_help(examples_text("In three lines", NEWCOMER))
        .after_help("`dbferry help COMMAND` shows examples and options of a command.")
        .after_long_help(long)
}

/// The URL forms of this build, from the registry.
fn databases() -> String {
    let mut text = String::new();
    for dialect in dbferry::registry::dialects() {
        let schemes = dialect.schemes().iter().map(|scheme| format!("{scheme}:")).collect::<Vec<_>>();
        text.push_str(&format!("  {:<12} {}\n", dialect.name(), schemes.join(" ")));
    }
    text + "  @NAME        a connection of dbferry.toml\n  (none)       the environment variable DATABASE_URL\n"
}

fn examples_text(heading: &str, examples: &[Example]) -> String {
    let mut text = format!("{HEADING}{heading}:{HEADING:#}\n");
    for (what, command) in examples {
        if !what.is_empty() {
            text.push_str(&format!("  # {what}\n"));
        }
        text.push_str(&format!("  {command}\n"));
    }
    text
}

/// Gives an option its variable: `--row-group-size` is `DBFERRY_ROW_GROUP_SIZE`.
fn with_environment(arg: Arg) -> Arg {
    let Some(variable) = variable(&arg) else { return arg };
    // Pipelines pass variables on that nobody has set: an empty one counts as absent, not as a wrong value.
    if std::env::var_os(&variable).is_some_and(|value| value.is_empty()) {
        return arg;
    }
    // A flag is set by 1, true or yes, and not by 0, false or no.
    let arg = match arg.get_action() {
        ArgAction::SetTrue => arg.value_parser(FalseyValueParser::new()),
        _ => arg,
    };
    // Told once in a sentence instead of in every line of the help.
    arg.env(OsString::from(variable)).hide_env(true)
}

/// The environment variable of an option; positional arguments, `--help` and `--version` have none.
pub(crate) fn variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !matches!(*long, "help" | "version"))?;
    Some(format!("DBFERRY_{}", long.to_ascii_uppercase().replace('-', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_option_has_its_variable() {
        for verb in command().get_subcommands() {
            for arg in verb.get_opts().filter(|arg| variable(arg).is_some()) {
                assert_eq!(
                    arg.get_env().and_then(|name| name.to_str().map(str::to_owned)),
                    variable(arg),
                    "{} --{:?}",
                    verb.get_name(),
                    arg.get_long()
                );
            }
        }
    }

    #[test]
    fn every_verb_has_examples_that_parse() {
        for verb in command().get_subcommands() {
            let name = verb.get_name();
            let examples = examples(name);
            assert!((2..=6).contains(&examples.len()), "{name}");
            for (_, example) in examples {
                command().try_get_matches_from(words(example)).unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    /// The words of a command up to a pipe or a redirection, quotes taken off.
    fn words(command: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in command.chars() {
            match (quote, c) {
                (None, '|' | '>') => break,
                (None, ' ') => words.push(String::new()),
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                _ => words.last_mut().expect("a word").push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }
}
