//! The words that an option can be given, where there are only so many.

use clap::ValueEnum;
use dbferry::config::RestoreMode;
use dbferry::dialect::ForeignKeyPolicy;
use dbferry::group::Language;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// JSON events with --json, nothing with --quiet, bars on a terminal, lines elsewhere.
    Auto,
    /// Bars on standard error.
    Bar,
    /// A line on standard error every 10 seconds, every 30 where CI=true.
    Plain,
    /// JSON events: on standard output with --json, otherwise on standard error.
    Json,
    /// Nothing.
    None,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// What happens to tables that exist in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Their rows give place to the archive's.
    Replace,
    /// They must not exist.
    Create,
    /// The archive's rows are added to theirs.
    Append,
    /// No rows are loaded; tables that are not there are created.
    SchemaOnly,
}

impl From<Mode> for RestoreMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Replace => Self::Replace,
            Mode::Create => Self::Create,
            Mode::Append => Self::Append,
            Mode::SchemaOnly => Self::SchemaOnly,
        }
    }
}

/// What happens when foreign keys do not hold after loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForeignKeys {
    /// The group fails and stays as it was.
    Check,
    /// They are listed, and the group is restored as it was dumped.
    Report,
}

impl From<ForeignKeys> for ForeignKeyPolicy {
    fn from(keys: ForeignKeys) -> Self {
        match keys {
            ForeignKeys::Check => Self::Check,
            ForeignKeys::Report => Self::Report,
        }
    }
}

/// Languages of explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageArg {
    /// English.
    En,
    /// French.
    Fr,
}

impl From<LanguageArg> for Language {
    fn from(language: LanguageArg) -> Self {
        match language {
            LanguageArg::En => Self::English,
            LanguageArg::Fr => Self::French,
        }
    }
}
