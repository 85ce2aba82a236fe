//! Replacing on real servers.

mod crash;
mod elsewhere;
mod keys;
mod kinds;

use super::*;
use crate::introspect::introspect;
use crate::testing::Server;
use dbferry_dialect::model::Stage;
use dbferry_dialect::{
    Batch, ChunkRange, CollectionAction, CollectionPlan, DatabaseUrl, ForeignKeyPolicy, OpenOptions, ReadRequest,
};

/// A database of a server, with what it takes to restore into it.
pub(super) struct Place {
    pub(super) server: &'static Server,
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) version: ServerVersion,
}

impl Place {
    pub(super) fn new(server: &'static Server, sql: &str) -> Self {
        let name = server.create_database();
        Self::of(server, name, sql)
    }

    pub(super) fn of(server: &'static Server, name: String, sql: &str) -> Self {
        let url = DatabaseUrl::parse(&server.url(&name)).expect("a URL");
        let target = Target::resolve(&url, &OpenOptions::default()).expect("a target");
        let version = server.sql("", "SELECT VERSION()").expect("a version");
        let place = Self { server, name, target, version: ServerVersion::parse(&version) };
        place.sql(sql);
        place
    }

    pub(super) fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// All that is in it, as the server's own program prints it.
    pub(super) fn dump(&self) -> String {
        let options = ["--compact", "--skip-comments", "--routines", "--triggers", "--events", "--hex-blob"];
        self.server.dump(&self.name, &options).expect("a dump")
    }

    /// The names of all that looks like a table.
    pub(super) fn tables(&self) -> String {
        self.sql("SELECT COALESCE(GROUP_CONCAT(table_name ORDER BY BINARY table_name), '') FROM information_schema.tables WHERE table_schema = DATABASE()")
    }

    pub(super) fn archive(&self) -> Archive {
        let mut session = self.target.connect().expect("a session");
        let schema = introspect(&mut session, self.version).expect("a schema");
        let mut wire = self.target.connect_wire().expect("a session");
        let charsets = Arc::new(Charsets::load(&mut wire).expect("character sets"));
        let mut reader = MySqlReader::new(wire, charsets);
        let mut rows = BTreeMap::new();
        for collection in &schema.collections {
            let chunk = Chunk { range: ChunkRange::Whole, estimated_bytes: 0 };
            let request = ReadRequest { collection, chunk: &chunk, batch_bytes: 1 << 16, predicate: None };
            let mut batches = Vec::new();
            let mut sink = |batch: Batch| {
                batches.push(batch);
                Ok(())
            };
            reader.read(&request, &mut sink).expect("rows");
            rows.insert(collection.name.clone(), batches);
        }
        Archive { collections: schema.collections, objects: schema.objects, rows }
    }

    pub(super) fn replacer(&self, options: &ReplaceOptions) -> Result<MySqlReplacer> {
        MySqlReplacer::open(&self.target, self.version, Duration::from_secs(2), options)
    }

    /// A plan for those collections of an archive: what is there is replaced, what is not is created.
    pub(super) fn plan(&self, archive: &Archive, names: &[&str]) -> GroupPlan {
        self.plan_with(
            archive,
            names,
            |_, there| {
                if there { CollectionAction::Replace } else { CollectionAction::Create }
            },
        )
    }

    pub(super) fn plan_with(
        &self,
        archive: &Archive,
        names: &[&str],
        action: impl Fn(&str, bool) -> CollectionAction,
    ) -> GroupPlan {
        let mut session = self.target.connect().expect("a session");
        let schema = introspect(&mut session, self.version).expect("a schema");
        let chosen = archive.collections.iter().filter(|c| names.is_empty() || names.contains(&c.name.name.as_str()));
        let plan = |source: &Collection| {
            let existing = schema.collection(&source.name).cloned();
            let objects = archive.objects.iter().filter(|object| object.on.as_ref() == Some(&source.name));
            CollectionPlan {
                source: source.clone(),
                target: source.name.clone(),
                action: action(&source.name.name, existing.is_some()),
                existing,
                parts: 1,
                objects: objects.cloned().collect(),
                use_definition: true,
            }
        };
        GroupPlan { group: "user".into(), collections: chosen.map(plan).collect() }
    }
}

/// What a dump would hold.
pub(super) struct Archive {
    pub(super) collections: Vec<Collection>,
    pub(super) objects: Vec<NativeObject>,
    pub(super) rows: BTreeMap<CollectionName, Vec<Batch>>,
}

impl Archive {
    pub(super) fn objects(&self, stage: Stage) -> Vec<NativeObject> {
        let free = self.objects.iter().filter(|object| object.on.is_none() && object.stage == stage);
        free.cloned().collect()
    }

    /// Loads what a plan loads.
    pub(super) fn load(&self, replacer: &mut MySqlReplacer, plan: &GroupPlan) -> Result<()> {
        replacer.begin(plan.clone())?;
        let mut writers = replacer.writers()?;
        let mut turn = 0;
        for collection in plan.collections.iter().filter(|collection| collection.action.loads()) {
            for batch in &self.rows[&collection.source.name] {
                turn = (turn + 1) % writers.len();
                writers[turn].write(&collection.source.name, batch)?;
            }
        }
        writers.into_iter().try_for_each(|writer| writer.finish().map(|_| ()))
    }

    /// Everything of one unit up to the switch and with it.
    pub(super) fn replace(&self, replacer: &mut MySqlReplacer, plan: &GroupPlan) -> Result<Vec<String>> {
        self.load(replacer, plan)?;
        let warnings = replacer.complete()?;
        replacer.commit()?;
        Ok(warnings)
    }

    /// A whole restore.
    pub(super) fn restore(&self, place: &Place, plan: &GroupPlan, options: &ReplaceOptions) -> Result<Vec<String>> {
        let mut replacer = place.replacer(options)?;
        let mut warnings = replacer.prepare(&self.objects(Stage::Before))?;
        warnings.extend(self.replace(&mut replacer, plan)?);
        warnings.extend(Box::new(replacer).finish(&self.objects(Stage::After))?);
        Ok(warnings)
    }
}

/// Options that make a restore the same as its source.
pub(super) fn same() -> ReplaceOptions {
    let mut options = ReplaceOptions::new(1);
    options.enable_events = true;
    options
}
