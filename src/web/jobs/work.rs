//! What jobs do: the library's own functions, with what the server knows.

use super::document::{GroupState, Job, JobGroup, JobResult, Kind};
use super::watch::Watch;
use crate::archive::{self, Archive, ListEntry};
use crate::dump::{DumpOptions, GroupBy, dump};
use crate::group::Selection;
use crate::progress::{Event, Progress};
use crate::prune::{self, Candidate, Keep, Known};
use crate::restore::{Proof, restore};
use crate::verify::{VerifyOptions, verify};
use crate::web::Server;
use crate::web::answer::Answer;
use crate::web::audit::{Record, Who};
use crate::web::catalogue::as_name;
use crate::web::marks::{Depth, Origin, Verified};
use crate::web::plans::{RestoreChoice, fingerprint};
use crate::web::upload::Arrived;
use crate::web::uses::Use;
use crate::{Cancel, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// What is to be done.
#[derive(Debug)]
pub(in crate::web) enum Work {
    /// Make a backup.
    Backup {
        connection: String,
        groups: Option<Vec<String>>,
        description: Option<String>,
        /// The schedule that asks for it, and what is kept of its backups.
        schedule: Option<(String, Option<Keep>)>,
    },
    /// Put one into a database, as it was shown and confirmed.
    Restore(Box<RestoreWork>),
    /// Look whether one is whole.
    Verify { backup: String, depth: Depth },
    /// Look whether what was uploaded is whole, and list it.
    Upload(Arrived),
}

/// A restore.
#[derive(Debug)]
pub(in crate::web) struct RestoreWork {
    pub(in crate::web) choice: RestoreChoice,
    /// Of the plan that was looked at.
    pub(in crate::web) fingerprint: String,
    pub(in crate::web) safety_backup: bool,
}

/// How it went.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) result: JobResult,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) groups: Option<Vec<JobGroup>>,
}

/// A name for a new backup that nothing has, and that nobody else gets.
///
/// # Errors
/// When there is none, which takes a thousand backups of one name.
pub(in crate::web) fn new_name(server: &Server, stem: &str, suffix: &str) -> Result<(Use, String)> {
    for number in 1..1_000 {
        let name = if number == 1 { format!("{stem}{suffix}") } else { format!("{stem}-{number}{suffix}") };
        if let Some(alone) = server.uses.take_alone(&name)
            && server.catalogue.path(&name).symlink_metadata().is_err()
        {
            return Ok((alone, name));
        }
    }
    Err(Error::new(ErrorKind::ArchiveLocked, format!("every name like {stem}{suffix} is taken")))
}

/// The first part of the name of a backup that is made now.
fn stem(what: &str) -> String {
    format!("{}-{}", as_name(what), jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"))
}

impl Work {
    /// The job that it becomes, with a hold on the backup that it makes or reads.
    ///
    /// # Errors
    /// When that cannot be had.
    pub(super) fn describe(&self, server: &Server, id: String, who: Who) -> Answer<(Job, Option<Use>)> {
        let mut job = Job::new(id, who);
        let read = |name: &str| {
            server.uses.share(name).ok_or_else(|| {
                Error::new(ErrorKind::ArchiveLocked, "the backup is just being removed").with("archive", name)
            })
        };
        let hold = match self {
            Self::Backup { connection, groups, description, schedule } => {
                let (hold, backup) = new_name(server, &stem(connection), "")?;
                job.connection = Some(connection.clone());
                job.requested_groups.clone_from(groups);
                job.description.clone_from(description);
                job.schedule = schedule.as_ref().map(|(name, _)| name.clone());
                job.backup = Some(backup);
                Some(hold)
            }
            Self::Restore(work) => {
                job.kind = Kind::Restore;
                job.connection = Some(work.choice.connection.clone());
                job.requested_groups.clone_from(&work.choice.groups);
                job.backup = Some(work.choice.backup.clone());
                Some(read(&work.choice.backup)?)
            }
            Self::Verify { backup, .. } => {
                job.kind = Kind::Verify;
                job.backup = Some(backup.clone());
                Some(read(backup)?)
            }
            // It has its own.
            Self::Upload(arrived) => {
                job.kind = Kind::Upload;
                job.backup = Some(arrived.name.clone());
                None
            }
        };
        Ok((job, hold))
    }

    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps it from being done.
    pub(super) fn run(self, server: &Server, job: &Job, cancel: &Cancel, watch: &Watch) -> Result<Outcome> {
        let context = Context { server, job, cancel, watch };
        match self {
            Self::Backup { connection, groups, description, schedule } => {
                let mut outcome = context.back_up(&connection, groups, description)?;
                if let Some((schedule, Some(keep))) = schedule {
                    context.prune(&schedule, &keep, &mut outcome);
                }
                Ok(outcome)
            }
            Self::Restore(work) => context.restore(*work),
            Self::Verify { backup, depth } => context.verify(&backup, depth),
            Self::Upload(arrived) => context.take_in(arrived),
        }
    }
}

/// What every piece of work needs.
struct Context<'a> {
    server: &'a Server,
    job: &'a Job,
    cancel: &'a Cancel,
    watch: &'a Watch,
}

impl Context<'_> {
    fn back_up(&self, connection: &str, groups: Option<Vec<String>>, description: Option<String>) -> Result<Outcome> {
        let server = self.server;
        let name = self.job.backup.as_deref().unwrap_or_default();
        let endpoint = (server.open)(connection)?;
        let options = DumpOptions {
            resources: server.resources,
            group_by: GroupBy::Rules(server.config.groups.clone()),
            selection: Selection { groups, ..Selection::default() },
            description,
            cancel: self.cancel.clone(),
            ..DumpOptions::default()
        };
        // Known before it is there: a restart must know whose it is.
        server.marks.change(name, |mark| {
            mark.origin = Origin::Dump;
            mark.schedule.clone_from(&self.job.schedule);
            mark.connection = Some(connection.into());
        })?;
        let report = match dump(&endpoint, &server.catalogue.path(name), &options, self.watch) {
            Ok(report) => report,
            Err(error) => {
                server.marks.forget(name)?;
                return Err(error);
            }
        };
        let not_carried = report.not_carried.iter();
        Ok(Outcome {
            result: JobResult {
                backup: Some(name.into()),
                rows: report.rows,
                bytes: Some(report.bytes),
                collections: report.collections,
                seconds: report.seconds,
                ..JobResult::default()
            },
            notes: Vec::new(),
            warnings: not_carried.map(|it| format!("not carried: {} {}: {}", it.kind, it.name, it.reason)).collect(),
            groups: Some(report.groups.iter().map(|group| done(&group.name, group.rows)).collect()),
        })
    }

    /// Removes what the retention of a schedule does not keep of its own backups. What goes wrong is a warning: the backup
    /// itself was made.
    fn prune(&self, schedule: &str, keep: &Keep, outcome: &mut Outcome) {
        self.watch.event(Event::Phase { name: "prune", group: None });
        match self.prune_now(schedule, keep, &mut outcome.warnings) {
            Ok(removed) => outcome.result.pruned = removed,
            Err(error) => outcome.warnings.push(format!("old backups were not removed: {error}")),
        }
    }

    fn prune_now(&self, schedule: &str, keep: &Keep, warnings: &mut Vec<String>) -> Result<Vec<String>> {
        let server = self.server;
        let mut archives = Vec::new();
        for listed in server.catalogue.list()? {
            let mark = server.marks.get(&listed.name);
            if mark.schedule.as_deref() != Some(schedule) {
                continue;
            }
            let summary =
                listed.summary.as_ref().map_err(|error| Error::new(ErrorKind::ArchiveDamaged, error.message.clone()));
            let path = server.catalogue.path(&listed.name);
            let entry = ListEntry { path, packed: listed.packed, summary: summary.cloned() };
            // A schedule may be given another connection: its older backups are of another database then.
            let known = |id: &str| Known { damaged: mark.damage(id), apart: mark.connection.clone() };
            archives.push(Candidate::new(entry, known));
        }
        let mut removed = Vec::new();
        for line in prune::plan_of(archives, keep, jiff::Timestamp::now())?.removed() {
            let name = file_name(&line.path);
            // The clock may have been set back meanwhile: what was made just now stays.
            if Some(&name) == self.job.backup.as_ref() {
                continue;
            }
            let Some(_alone) = server.uses.take_alone(&name) else {
                warnings.push(format!("{name} would go, and is in use"));
                continue;
            };
            let done = archive::remove(&line.path).and_then(|()| server.marks.forget(&name));
            let message = done.as_ref().err().map(ToString::to_string);
            server.audit.record(&Record {
                backup: Some(&name),
                job: Some(&self.job.id),
                message: message.as_deref(),
                ..Record::new(Who::Schedule, "prune", if done.is_ok() { "done" } else { "failed" })
            })?;
            match done {
                Ok(()) => removed.push(name),
                Err(error) => warnings.push(format!("{name} was not removed: {error}")),
            }
        }
        Ok(removed)
    }

    fn restore(&self, work: RestoreWork) -> Result<Outcome> {
        let server = self.server;
        let RestoreWork { choice, fingerprint: shown, safety_backup } = work;
        let archive = Archive::open(&server.catalogue.path(&choice.backup))?;
        let target = (server.open)(&choice.connection)?;
        let mut options = choice.options(server, self.cancel)?;
        // It may have waited: what is done is what was shown.
        let plan = crate::restore::plan(&archive, &target, &options)?;
        if fingerprint(&plan)? != shown {
            return Err(Error::new(ErrorKind::Mismatch, "the target is not any more what the plan was made for")
                .hint("nothing was changed; look at the plan again and confirm it"));
        }
        self.watch.expect(plan.units.iter().flat_map(|unit| unit.groups.clone()));
        let safety = match safety_backup {
            false => None,
            true => Some(new_name(server, &stem(&format!("{}-before-restore", choice.connection)), "")?),
        };
        options.safety_backup = safety.as_ref().map(|(_, name)| server.catalogue.path(name));
        if let Some((_, name)) = &safety {
            server.marks.change(name, |mark| {
                mark.origin = Origin::Safety;
                mark.connection = Some(choice.connection.clone());
            })?;
        }
        let report = restore(&archive, &target, &options, self.watch);
        let kept = match safety {
            Some((_, name)) if server.catalogue.find(&name).is_ok() => Some(name),
            // There was nothing to keep, or it did not come so far.
            Some((_, name)) => server.marks.forget(&name).map(|()| None)?,
            None => None,
        };
        let report = report.map_err(|error| match &kept {
            Some(name) => error.with("safety backup", name),
            None => error,
        })?;
        let lines = || report.units.iter().flat_map(|unit| &unit.collections);
        let mut groups: Vec<JobGroup> =
            report.units.iter().flat_map(|unit| &unit.groups).map(|name| done(name, 0)).collect();
        // A unit may have several groups: whose a collection is, the plan says.
        let planned = plan.units.iter().flat_map(|unit| &unit.collections);
        let group_of: BTreeMap<_, _> = planned.map(|line| (&line.target, &line.group)).collect();
        for line in lines() {
            let group = groups.iter_mut().find(|group| group_of.get(&line.collection) == Some(&&group.name));
            if let Some(group) = group {
                group.rows = Some(group.rows.unwrap_or_default() + line.rows);
            }
        }
        Ok(Outcome {
            result: JobResult {
                backup: Some(choice.backup),
                rows: report.rows,
                collections: lines().count() as u64,
                seconds: report.seconds,
                proven: Some(lines().all(|line| matches!(line.proof, Proof::Hash | Proof::Nothing))),
                safety_backup: kept,
                ..JobResult::default()
            },
            notes: report.notes,
            warnings: report.warnings,
            groups: Some(groups),
        })
    }

    fn verify(&self, name: &str, depth: Depth) -> Result<Outcome> {
        let checked = self.check(&self.server.catalogue.path(name), depth, false);
        let (id, verified) = match &checked {
            Ok((archive, _)) => (archive.manifest().id.clone(), Verified::now(true, depth, None)),
            Err((id, error)) if error.kind() == ErrorKind::ArchiveDamaged => {
                (id.clone(), Verified::now(false, depth, Some(error.to_string())))
            }
            // Nobody knows what it is: it could not be looked at.
            Err(_) => return checked.map_err(|(_, error)| error).map(|(_, outcome)| outcome),
        };
        self.server.marks.change(name, |mark| mark.verified = Some((id, verified)))?;
        let (_, mut outcome) = checked.map_err(|(_, error)| error)?;
        outcome.result.backup = Some(name.into());
        Ok(outcome)
    }

    /// Looks whether an archive is whole; one of a stranger must not take more memory than this server may use. An error comes
    /// with the archive's id, as far as that is known.
    fn check(&self, path: &Path, depth: Depth, stranger: bool) -> Result<(Archive, Outcome), (String, Error)> {
        let archive = Archive::open(path).map_err(|error| (String::new(), error))?;
        let options = VerifyOptions {
            resources: self.server.resources,
            skip_rows: depth == Depth::Bytes,
            within_memory: stranger,
            cancel: self.cancel.clone(),
            ..VerifyOptions::default()
        };
        let report = verify(&archive, &options, self.watch).map_err(|error| (archive.manifest().id.clone(), error))?;
        let strays = report.strays.iter();
        let outcome = Outcome {
            result: JobResult {
                rows: report.collections.iter().map(|line| line.rows).sum(),
                bytes: Some(archive.manifest().bytes()),
                collections: report.collections.len() as u64,
                seconds: report.seconds,
                ..JobResult::default()
            },
            warnings: strays.map(|name| format!("{name} is in the backup's directory and not a part of it")).collect(),
            notes: report.notes,
            groups: None,
        };
        Ok((archive, outcome))
    }

    fn take_in(&self, arrived: Arrived) -> Result<Outcome> {
        let server = self.server;
        let (archive, mut outcome) = self.check(arrived.path(), Depth::Rows, true).map_err(|(_, error)| {
            // Where it lay for the moment is of no use to anybody.
            let told = Error::new(error.kind(), error.message().to_owned()).with("upload", &arrived.name);
            let context = error.context().filter(|(key, _)| *key != "archive");
            context
                .fold(told, |told, (key, value)| told.with(key, value))
                .hint("the file was not kept; upload an undamaged copy")
        })?;
        let id = archive.manifest().id.clone();
        drop(archive);
        // Before it is listed: it is never taken for something to be trusted.
        server.marks.change(&arrived.name, |mark| {
            mark.origin = Origin::Upload;
            mark.verified = Some((id, Verified::now(true, Depth::Rows, None)));
        })?;
        let name = arrived.name.clone();
        if let Err(error) = arrived.keep(&server.catalogue.path(&name)) {
            server.marks.forget(&name)?;
            return Err(error);
        }
        outcome.result.backup = Some(name);
        Ok(outcome)
    }
}

impl Verified {
    fn now(ok: bool, depth: Depth, message: Option<String>) -> Self {
        Self { at: crate::web::now(), ok, depth, message }
    }
}

fn done(name: &str, rows: u64) -> JobGroup {
    JobGroup { name: name.into(), state: GroupState::Done, rows: Some(rows) }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
