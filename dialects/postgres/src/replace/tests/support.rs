//! A small engine: an archive in memory, and a restore that checks what the real one checks.

use crate::Postgres;
use crate::testing::{Installation, Server, URL_VARIABLE};
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::model::Stage;
use dbferry_dialect::{
    Batch, Cancel, Collection, CollectionAction, CollectionName, CollectionPlan, Database, DatabaseUrl, Dialect, Error,
    ErrorKind, ForeignKeyPolicy, GroupPlan, OpenOptions, Purpose, ReadRequest, Reader, ReplaceOptions, Result, Schema,
    SnapshotOptions,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

thread_local! {
    static SERVER: Cell<Option<&'static Server>> = const { Cell::new(None) };
}

/// The server that a test is on.
pub(super) fn server() -> &'static Server {
    SERVER.get().unwrap_or_else(Server::shared)
}

/// Does a test on every version that is installed, or on the server that the environment names.
pub(super) fn on_every_version(test: impl Fn()) {
    if std::env::var_os(URL_VARIABLE).is_some() {
        return test();
    }
    let all = Installation::all();
    assert!(!all.is_empty(), "no PostgreSQL is installed");
    for installation in &all {
        SERVER.set(Some(Server::shared_of(installation).expect("a server")));
        test();
    }
    SERVER.set(None);
}

/// A database as it was dumped.
pub(super) struct Archive {
    pub(super) schema: Schema,
    pub(super) rows: BTreeMap<CollectionName, Vec<Batch>>,
}

fn open(dialect: &dyn Dialect, url: &DatabaseUrl, purpose: Purpose, cancel: &Cancel) -> Result<Box<dyn Database>> {
    dialect.open(url, &OpenOptions::new(purpose, cancel.clone()))
}

fn url(database: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&server().url(database)).expect("a URL")
}

/// A database in which that SQL was run.
pub(super) fn database(sql: &str) -> String {
    let database = server().create_database();
    run(&database, sql);
    database
}

pub(super) fn run(database: &str, sql: &str) -> String {
    server().sql(database, sql).unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// Everything that `pg_dump` sees, without what differs from run to run.
pub(super) fn dumped(database: &str) -> String {
    let text = server().pg_dump(database, &["--no-owner"]).expect("a dump");
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Lines in some order: where they are in a dump depends on identifiers.
pub(super) fn sorted(dump: &str) -> Vec<String> {
    let mut lines: Vec<String> = dump.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Dumps a database, with batches of `batch_bytes`.
pub(super) fn dump(database: &str, batch_bytes: usize) -> Archive {
    let mut source = open(&Postgres, &url(database), Purpose::Read, &Cancel::new()).expect("a source");
    let mut snapshot = source.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let schema = snapshot.schema().expect("a schema");
    let mut readers = snapshot.readers();
    let mut rows = BTreeMap::new();
    for collection in schema.collections.iter().filter(|collection| collection.kind.has_rows()) {
        let mut batches = Vec::new();
        for chunk in snapshot.chunks(collection, u64::MAX).expect("chunks") {
            let request = ReadRequest { collection, chunk: &chunk, batch_bytes, predicate: None };
            let mut sink = |batch: Batch| {
                batches.push(batch);
                Ok(())
            };
            readers[0].read(&request, &mut sink).expect("rows");
        }
        rows.insert(collection.name.clone(), batches);
    }
    drop(readers);
    snapshot.finish().expect("unchanged");
    Archive { schema, rows }
}

impl Archive {
    pub(super) fn of(sql: &str) -> Self {
        dump(&database(sql), 1 << 20)
    }

    fn hash(&self, collection: &Collection) -> CollectionHash {
        let mut hasher = RowHasher::new(collection);
        for batch in self.rows.get(&collection.name).into_iter().flatten() {
            hasher.update(batch).expect("a batch");
        }
        hasher.total()
    }
}

/// How a restore is done.
pub(super) struct Restore<'a> {
    pub(super) dialect: &'a dyn Dialect,
    pub(super) writers: usize,
    pub(super) policy: ForeignKeyPolicy,
    pub(super) trusted: bool,
    pub(super) cancel: Cancel,
    /// What is done to a collection; none leaves it out.
    pub(super) choose: &'a dyn Fn(&Collection, Option<&Collection>) -> Option<CollectionAction>,
    /// Called with the name of each step before it.
    pub(super) before: &'a dyn Fn(&str),
    /// Where to, if not as the user who may do everything.
    pub(super) url: Option<DatabaseUrl>,
    /// Collections of one unit each.
    pub(super) one_by_one: bool,
    /// What is asked for, if it is more than the fields above say.
    pub(super) options: Option<ReplaceOptions>,
}

/// Replace what is there, create the rest.
pub(super) fn replace_or_create(_: &Collection, existing: Option<&Collection>) -> Option<CollectionAction> {
    Some(if existing.is_some() { CollectionAction::Replace } else { CollectionAction::Create })
}

impl Default for Restore<'_> {
    fn default() -> Self {
        Self {
            dialect: &Postgres,
            writers: 2,
            policy: ForeignKeyPolicy::Check,
            trusted: true,
            cancel: Cancel::new(),
            choose: &replace_or_create,
            before: &|_| (),
            url: None,
            one_by_one: false,
            options: None,
        }
    }
}

impl Restore<'_> {
    /// Restores `archive`; returns the warnings.
    pub(super) fn run(&self, archive: &Archive, database: &str) -> Result<Vec<String>> {
        let url = self.url.clone().unwrap_or_else(|| url(database));
        let schema = open(self.dialect, &url, Purpose::Plan, &self.cancel)?.introspect()?;
        let mut options = self.options.clone().unwrap_or_else(|| ReplaceOptions::new(self.writers));
        options.foreign_keys = self.policy;
        let mut target = open(self.dialect, &url, Purpose::Write, &self.cancel)?;
        let mut replacer = target.replacer(&options)?;
        let free = archive.schema.objects.iter().filter(|object| object.on.is_none() && self.trusted).cloned();
        let (before, after): (Vec<_>, Vec<_>) = free.partition(|object| object.stage == Stage::Before);
        (self.before)("prepare");
        let mut warnings = replacer.prepare(&before)?;
        for group in self.groups(archive, &schema) {
            let loaded: Vec<CollectionPlan> = group
                .collections
                .iter()
                .filter(|plan| plan.action.loads() && plan.source.kind.has_rows())
                .cloned()
                .collect();
            (self.before)("begin");
            replacer.begin(group)?;
            (self.before)("load");
            let mut writers = replacer.writers()?;
            let mut expected = 0;
            for plan in &loaded {
                let accepting: Vec<usize> =
                    (0..writers.len()).filter(|place| writers[*place].accepts(&plan.source.name)).collect();
                assert!(!accepting.is_empty(), "nobody takes {}", plan.source.name);
                for (number, batch) in archive.rows[&plan.source.name].iter().enumerate() {
                    (self.before)("write");
                    writers[accepting[number % accepting.len()]].write(&plan.source.name, batch)?;
                    expected += batch.records.num_rows() as u64;
                }
            }
            let mut written = 0;
            for writer in writers {
                written += writer.finish()?;
            }
            assert_eq!(written, expected);
            (self.before)("complete");
            warnings.extend(replacer.complete()?);
            (self.before)("prove");
            let provable: Vec<_> = loaded.iter().filter(|plan| plan.action != CollectionAction::Append).collect();
            let mut chunks = Vec::new();
            for plan in &provable {
                chunks.push(replacer.chunks(&plan.source, 1 << 20)?);
            }
            let mut readers = replacer.readers(self.writers)?;
            for (number, (plan, chunks)) in provable.iter().zip(&chunks).enumerate() {
                let place = number % readers.len();
                prove(archive, &plan.source, chunks, &mut *readers[place])?;
            }
            drop(readers);
            (self.before)("commit");
            replacer.commit()?;
        }
        (self.before)("finish");
        warnings.extend(replacer.finish(&after)?);
        Ok(warnings)
    }

    fn groups(&self, archive: &Archive, target: &Schema) -> Vec<GroupPlan> {
        let plan = |source: &Collection| {
            let existing = target.collection(&source.name);
            let objects = archive.schema.objects.iter().filter(|object| object.on.as_ref() == Some(&source.name));
            Some(CollectionPlan {
                source: source.clone(),
                target: source.name.clone(),
                existing: existing.cloned(),
                action: (self.choose)(source, existing)?,
                parts: archive.rows.get(&source.name).map_or(1, Vec::len),
                objects: if self.trusted { objects.cloned().collect() } else { Vec::new() },
                use_definition: self.trusted,
            })
        };
        let plans = archive.schema.collections.iter().filter_map(plan);
        if self.one_by_one {
            plans.map(|plan| GroupPlan { group: plan.source.name.to_string(), collections: vec![plan] }).collect()
        } else {
            vec![GroupPlan { group: "user".into(), collections: plans.collect() }]
        }
    }
}

fn prove(
    archive: &Archive,
    source: &Collection,
    chunks: &[dbferry_dialect::Chunk],
    reader: &mut dyn Reader,
) -> Result<()> {
    let mut hasher = RowHasher::new(source);
    for chunk in chunks {
        let request = ReadRequest { collection: source, chunk, batch_bytes: 1 << 20, predicate: None };
        reader.read(&request, &mut |batch: Batch| hasher.update(&batch))?;
    }
    if hasher.total() == archive.hash(source) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Mismatch, "not what was written").with("collection", &source.name))
}

/// Restores and expects success; returns the warnings.
pub(super) fn restored(archive: &Archive, database: &str) -> Vec<String> {
    Restore::default().run(archive, database).expect("a restore")
}

/// What a failed restore must not leave behind. A session that was closed ends a little later in a server that is busy.
pub(super) fn assert_nothing_is_left(database: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !left_behind(database).is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left_behind(database), "");
}

fn left_behind(database: &str) -> String {
    run(
        database,
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dbferry%' \
         UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
}
