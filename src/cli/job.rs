//! A restore or a copy before it is done: where the rows come from, where they go, and how. `plan`, `restore` and `copy`
//! are made of it.

use super::App;
use super::args::{LoadArgs, ReadArgs};
use super::config::{Configuration, Place, archive_path, names_database};
use super::dump::conditions;
use super::import;
use dbferry::archive::Archive;
use dbferry::copy::{self, CopyOptions};
use dbferry::dump::GroupBy;
use dbferry::progress::Progress;
use dbferry::resources::Resources;
use dbferry::restore::{self, RestoreOptions, RestorePlan, RestoreReport};
use dbferry::translate::AcceptLossy;
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Where the rows come from.
pub(super) enum Origin {
    Archive(Box<Archive>),
    Database(Box<Place>, ReadOptions),
}

/// How a database is read.
pub(super) struct ReadOptions {
    group_by: GroupBy,
    predicates: BTreeMap<String, String>,
    consistent: bool,
}

/// Where the rows come from, in documents: one of the two.
#[derive(Serialize)]
pub(super) struct OriginFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
}

impl Origin {
    /// As documents have it.
    pub(super) fn fields(&self) -> OriginFields {
        match self {
            Self::Archive(archive) => {
                OriginFields { archive_path: Some(archive.path().display().to_string()), source_url: None }
            }
            Self::Database(place, _) => {
                OriginFields { archive_path: None, source_url: Some(place.endpoint.to_string()) }
            }
        }
    }
}

/// What a restore or a copy needs, and its plan.
pub(super) struct Job {
    pub(super) origin: Origin,
    pub(super) place: Place,
    pub(super) options: RestoreOptions,
}

impl Job {
    /// Opens the archive, finds the target, and puts the options together.
    pub(super) fn restore(archive: &Path, url: Option<&str>, args: &LoadArgs, app: &App) -> Result<Self> {
        archive_path(
            archive,
            "write the archive first and the database second: dbferry restore backup/ sqlite:new.db",
        )?;
        let configuration = Configuration::load(&args.config)?;
        let resources = args.resources.resources()?;
        let place = configuration.database(url, &app.output)?;
        let namespace = place.endpoint.dialect.capabilities().default_namespace;
        let rules = || Ok(configuration.config.groups.clone());
        let archive = import::open(archive, Some(namespace), rules, resources, app)?;
        let modes = &configuration.config.restore;
        let names = archive.manifest().collections.iter().map(|entry| &entry.collection.name);
        for pattern in modes.unmatched(names) {
            app.output
                .warn(&format!("[[restore.table]] match = {:?} matches no table of the archive", pattern.as_str()));
        }
        let options = options(args, resources, configuration, app)?;
        Ok(Self { origin: Origin::Archive(Box::new(archive)), place, options })
    }

    /// Finds both databases, and puts the options together.
    pub(super) fn copy(
        source: &str,
        target: Option<&str>,
        args: &LoadArgs,
        read: &ReadArgs,
        app: &App,
    ) -> Result<Self> {
        if !names_database(source) {
            return Err(Error::new(ErrorKind::Usage, format!("{source:?} is no database"))
                .hint("copy takes two databases; an archive is put into one by dbferry restore"));
        }
        let configuration = Configuration::load(&args.config)?;
        let resources = args.resources.resources()?;
        let from = configuration.database(Some(source), &app.output)?;
        let place = configuration.database(target, &app.output)?;
        let mut rules = configuration.config.groups.clone();
        for preset in &read.presets.presets {
            rules.add_preset(preset)?;
        }
        let read = ReadOptions {
            group_by: GroupBy::Rules(rules),
            predicates: conditions(&read.conditions)?,
            consistent: !read.inconsistent,
        };
        let options = options(args, resources, configuration, app)?;
        Ok(Self { origin: Origin::Database(Box::new(from), read), place, options })
    }

    /// Plans; both sides are only looked at.
    pub(super) fn plan(&self) -> Result<RestorePlan> {
        match &self.origin {
            Origin::Archive(archive) => restore::plan(archive, &self.place.endpoint, &self.options),
            Origin::Database(from, read) => copy::plan(&from.endpoint, &self.place.endpoint, &self.copy_options(read)),
        }
    }

    /// Does it.
    pub(super) fn run(&self, progress: &dyn Progress) -> Result<RestoreReport> {
        match &self.origin {
            Origin::Archive(archive) => restore::restore(archive, &self.place.endpoint, &self.options, progress),
            Origin::Database(from, read) => {
                copy::copy(&from.endpoint, &self.place.endpoint, &self.copy_options(read), progress)
            }
        }
    }

    fn copy_options(&self, read: &ReadOptions) -> CopyOptions {
        CopyOptions {
            restore: self.options.clone(),
            group_by: read.group_by.clone(),
            predicates: read.predicates.clone(),
            consistent: read.consistent,
        }
    }
}

fn options(args: &LoadArgs, resources: Resources, configuration: Configuration, app: &App) -> Result<RestoreOptions> {
    let mut modes = configuration.config.restore;
    if let Some(mode) = args.mode {
        modes.mode = mode.into();
    }
    let mut accept_lossy = AcceptLossy::default();
    args.accept_lossy.iter().try_for_each(|column| accept_lossy.add(column))?;
    Ok(RestoreOptions {
        resources,
        selection: args.selection.selection(),
        modes,
        recreate: args.recreate,
        trusted: !args.untrusted,
        foreign_keys: args.foreign_keys.into(),
        owners: args.owners,
        privileges: args.privileges,
        enable_events: args.enable_events,
        types: configuration.config.types,
        accept_lossy,
        safety_backup: None,
        cancel: app.signals.cancel(),
    })
}
