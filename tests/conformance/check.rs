//! What is done with a database: dumped, restored in several ways, compared after each.

use crate::portable::Tables;
use crate::scratch::Scratch;
use dbferry::ErrorKind;
use dbferry::archive::{Archive, CollectionEntry};
use dbferry::copy::{self, CopyOptions};
use dbferry::dialect::hash::RowHasher;
use dbferry::dialect::model::Estimate;
use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{Batch, Cancel, Collection, CollectionName, Purpose, ReadRequest, Schema, SnapshotOptions};
use dbferry::dump::{DumpOptions, GroupBy, dump};
use dbferry::endpoint::Endpoint;
use dbferry::group::{GroupRules, Rule, Selection, Unmatched};
use dbferry::progress::Silent;
use dbferry::resources::Resources;
use dbferry::restore::{Proof, RestoreOptions, RestoreReport, plan, restore};
use dbferry::verify::{VerifyOptions, verify, verify_against};
use std::collections::BTreeMap;

const RESOURCES: Resources = Resources { jobs: 3, memory: 128 << 20 };

/// Puts a portable database into the dialect by way of the in-memory one, compares the rows, and goes round from there.
pub(crate) fn portable(scratch: &Scratch, tables: &Tables) {
    let memory = MemoryDialect::new();
    memory.insert("origin", &tables.schema, &tables.rows).expect("good rows");
    let origin = Endpoint::new(&memory, memory.url("origin"));
    let archive = dump_to(scratch, &origin, "origin", &DumpOptions { resources: RESOURCES, ..DumpOptions::default() });
    let source = scratch.database("source");
    let options = RestoreOptions { resources: RESOURCES, ..RestoreOptions::default() };
    // The second time over the tables of the first, whose types are the other dialect's.
    for run in ["a restore from another dialect", "and again"] {
        expect_proven(&restore(&archive, &source, &options, &Silent).expect(run));
    }
    let copy_options = CopyOptions { restore: options, ..CopyOptions::default() };
    expect_proven(
        &copy::copy(&origin, &scratch.database("copied"), &copy_options, &Silent).expect("a copy without an archive"),
    );
    let read = hashes(&source, archive.manifest().collections.iter().map(|entry| &entry.collection));
    for entry in &archive.manifest().collections {
        assert_eq!(read[&entry.collection.name], proof(entry), "{} in the other dialect", entry.collection.name);
    }
    round_trip(scratch, &|_| ());
}

/// Takes the database `source` of the scratch place round: into an archive, a new database, over that again, and one group
/// alone. `oracle` compares `source` with the database of that name by means of its own.
pub(crate) fn round_trip(scratch: &Scratch, oracle: &dyn Fn(&str)) {
    let (source, copy) = (scratch.database("source"), scratch.database("copy"));
    let original = schema(&source);
    assert!(!original.collections.is_empty(), "nothing was introspected, so nothing would be compared");
    let archive = dump_to(scratch, &source, "backup", &dump_options(&original));
    let names: Vec<&CollectionName> = archive.manifest().collections.iter().map(|e| &e.collection.name).collect();
    assert_eq!(names, original.collections.iter().map(|collection| &collection.name).collect::<Vec<_>>());
    verify(&archive, &VerifyOptions::default(), &Silent).expect("a whole archive");
    expect_equal(&archive, &source, &Selection::default());

    // Everything that the source holds is wanted; a dialect without owners has none to give.
    let mut options =
        RestoreOptions { resources: RESOURCES, owners: true, privileges: true, ..RestoreOptions::default() };
    for run in ["created", "replaced"] {
        let report = restore(&archive, &copy, &options, &Silent).expect(run);
        // What is told is told about foreign keys that the source itself does not hold to, or does not matter.
        let unexpected = report.warnings.iter().filter(|warning| !warning.contains("foreign key"));
        assert_eq!(unexpected.collect::<Vec<_>>(), Vec::<&String>::new(), "{run}");
        assert_eq!(report.rows, archive.manifest().rows(), "{run}");
        expect_same_schema(&schema(&copy), &original, run);
        expect_equal(&archive, &copy, &Selection::default());
        oracle("copy");
    }
    let direct = scratch.database("direct");
    let copy_options = CopyOptions { restore: options.clone(), ..CopyOptions::default() };
    for run in ["copied", "copied again"] {
        let report = copy::copy(&source, &direct, &copy_options, &Silent).expect(run);
        assert_eq!(report.rows, archive.manifest().rows(), "{run}");
        expect_same_schema(&schema(&direct), &original, run);
        expect_equal(&archive, &direct, &Selection::default());
        oracle("direct");
    }
    let again = dump_to(scratch, &copy, "again", &dump_options(&original));
    for (first, second) in archive.manifest().collections.iter().zip(&again.manifest().collections) {
        assert_eq!(proof(first), proof(second), "{}", first.collection.name);
    }
    assert_eq!(archive.manifest().objects.len(), again.manifest().objects.len());

    for group in ["even", "odd"] {
        options.selection = Selection { groups: Some(vec![group.into()]), ..Selection::default() };
        if !archive.manifest().groups.iter().any(|known| known.name == group) {
            continue;
        }
        restore(&archive, &copy, &options, &Silent).expect("one group over what is there");
        expect_same_schema(&schema(&copy), &original, group);
        expect_equal(&archive, &copy, &Selection::default());
        oracle("copy");
        one_group_alone(scratch, &archive, group, &options);
    }
}

/// Every row was read again from the target, of another dialect too, and is equal.
pub(crate) fn expect_proven(report: &RestoreReport) {
    for line in report.units.iter().flat_map(|unit| &unit.collections) {
        assert_eq!(line.proof, Proof::Hash, "{}: {:?}", line.collection, report.warnings);
    }
}

/// Takes the database `source` of one place to another server of its dialect and back; the rows are the same, whatever the
/// other server says of types and objects that it does not have: what it has no type for comes back as text, which is read
/// as what it was. Tables named `*_only_*` have values that the other server cannot hold in any column, which is refused.
#[cfg(feature = "mysql")]
pub(crate) fn there_and_back(here: &Scratch, there: &Scratch) {
    let original = schema(&here.database("source"));
    let first = dump_to(here, &here.database("source"), "first", &dump_options(&original));
    let names = original.collections.iter().map(|collection| &collection.name);
    let (refused, taken): (Vec<_>, Vec<_>) = names.partition(|name| name.name.contains("_only_"));
    let only = |names: &[&CollectionName]| Selection {
        tables: names.iter().map(|name| escaped(name)).collect(),
        ..Selection::default()
    };
    let mut options = RestoreOptions { resources: RESOURCES, selection: only(&taken), ..RestoreOptions::default() };
    if refused.is_empty() {
        options.selection = Selection::default();
    }
    let everything = options.selection.clone();
    restore(&first, &there.database("copy"), &options, &Silent).expect("a restore on the other server");
    let copied = schema(&there.database("copy"));
    let second = dump_to(there, &there.database("copy"), "second", &dump_options(&copied));
    let back = RestoreOptions { resources: RESOURCES, ..RestoreOptions::default() };
    restore(&second, &here.database("back"), &back, &Silent).expect("a restore on the first server");
    expect_equal(&first, &here.database("back"), &everything);

    for name in refused {
        options.selection = only(&[name]);
        let error = match restore(&first, &there.database("copy"), &options, &Silent) {
            Err(error) => error,
            // Older versions of MariaDB keep them.
            Ok(_) if name.name.ends_with("_negative_zeros") => continue,
            Ok(report) => panic!("{name} has a value that does not fit: {report:?}"),
        };
        let found = |key: &str| error.context().any(|(context, _)| context == key);
        assert!(error.context().any(|(key, value)| key == "collection" && value == name.to_string()), "{error}");
        // A check that does not hold is told without a place.
        assert!(found("column") && found("row") || error.to_string().contains("onstraint"), "{error}");
        assert_eq!(schema(&there.database("copy")).collections, copied.collections, "a refused restore left something");
    }
}

/// Restores one group into a database of its own, which is refused when a foreign key leaves the group, or a table's parent
/// is in the other one.
fn one_group_alone(scratch: &Scratch, archive: &Archive, group: &str, options: &RestoreOptions) {
    let alone = scratch.database(group);
    let problems = plan(archive, &alone, options).expect("a plan").problems();
    let nothing_was_made = || {
        if alone.dialect.capabilities().creates_database {
            assert!(alone.open(Purpose::Read, &Cancel::new()).is_err(), "a refused restore made a database");
        } else {
            assert_eq!(schema(&alone).collections, [], "a refused restore made a table");
        }
    };
    if problems.is_empty() {
        match restore(archive, &alone, options, &Silent) {
            Err(error) if error.to_string().contains("inherits from") => {
                assert_eq!(error.kind(), ErrorKind::Incompatible);
                return nothing_was_made();
            }
            result => _ = result.expect("one group alone"),
        }
        let expected = archive.manifest().collections.iter().filter(|entry| entry.group == group);
        let names: Vec<_> = expected.map(|entry| entry.collection.name.clone()).collect();
        assert_eq!(schema(&alone).collections.into_iter().map(|c| c.name).collect::<Vec<_>>(), names);
        expect_equal(archive, &alone, &options.selection);
    } else {
        assert!(problems.iter().all(|problem| problem.contains("foreign key")), "{problems:?}");
        let error = restore(archive, &alone, options, &Silent).expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Incompatible);
        nothing_was_made();
    }
}

fn dump_to(scratch: &Scratch, source: &Endpoint<'_>, name: &str, options: &DumpOptions) -> Archive {
    let path = scratch.archive(name);
    dump(source, &path, options, &Silent).expect("a dump");
    Archive::open(&path).expect("an archive")
}

/// The pattern of that name alone.
fn escaped(name: &CollectionName) -> String {
    let escape = |text: &str| {
        text.chars().map(|c| if "*?[]".contains(c) { format!("[{c}]") } else { c.into() }).collect::<String>()
    };
    format!("{}.{}", escape(&name.namespace), escape(&name.name))
}

/// Small row groups, and every second collection in another group.
fn dump_options(schema: &Schema) -> DumpOptions {
    let mut patterns: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    for (position, collection) in schema.collections.iter().filter(|c| c.part_of.is_none()).enumerate() {
        patterns[position % 2].push(escaped(&collection.name));
    }
    let rules = ["even", "odd"].into_iter().zip(patterns).filter(|(_, patterns)| !patterns.is_empty()).map(
        |(group, patterns)| {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            Rule::tables(group, &patterns).expect("a rule")
        },
    );
    DumpOptions {
        resources: RESOURCES,
        row_group_bytes: 10_000,
        group_by: GroupBy::Rules(GroupRules::new(rules.collect(), Vec::new(), Unmatched::Unknown)),
        ..DumpOptions::default()
    }
}

/// The catalogue as a snapshot sees it, in an order that means something.
fn schema(database: &Endpoint<'_>) -> Schema {
    let mut opened = database.open(Purpose::Read, &Cancel::new()).expect("a database");
    let declared = opened.introspect().expect("a catalogue");
    let mut snapshot = opened.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut schema = snapshot.schema().expect("a catalogue");
    let names = |schema: &Schema| schema.collections.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&declared), names(&schema), "the two ways to the catalogue disagree");
    for collection in &mut schema.collections {
        collection.estimate = Estimate::default();
    }
    schema.objects.sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
    schema
}

fn expect_same_schema(found: &Schema, expected: &Schema, run: &str) {
    let pairs = found.collections.iter().zip(&expected.collections);
    pairs.for_each(|(found, expected)| assert_eq!(found, expected, "{run}"));
    let pairs = found.objects.iter().zip(&expected.objects);
    pairs.for_each(|(found, expected)| assert_eq!(found, expected, "{run}"));
    assert_eq!(found.attributes, expected.attributes, "{run}");
    assert_eq!(found.not_carried, expected.not_carried, "{run}");
    assert_eq!(found, expected, "{run}");
}

/// Every collection of the selection has the archive's rows.
fn expect_equal(archive: &Archive, database: &Endpoint<'_>, selection: &Selection) {
    let options = VerifyOptions { resources: RESOURCES, selection: selection.clone(), ..VerifyOptions::default() };
    let report = verify_against(archive, database, &options, &Silent).expect("readable");
    let differences = report.differences().collect::<Vec<_>>();
    assert!(differences.is_empty() && !report.collections.is_empty(), "{differences:?}");
}

fn proof(entry: &CollectionEntry) -> (u64, String) {
    (entry.rows, entry.hash.clone())
}

/// Rows and hashes of a database read through columns of another dialect's collections.
fn hashes<'a>(
    database: &Endpoint<'_>,
    collections: impl Iterator<Item = &'a Collection>,
) -> BTreeMap<CollectionName, (u64, String)> {
    let mut opened = database.open(Purpose::Read, &Cancel::new()).expect("a database");
    let mut snapshot = opened.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut readers = snapshot.readers();
    let mut found = BTreeMap::new();
    for collection in collections {
        let mut hasher = RowHasher::new(collection);
        for chunk in snapshot.chunks(collection, 20_000).expect("chunks") {
            let request = ReadRequest { collection, chunk: &chunk, batch_bytes: 10_000, predicate: None };
            let mut sink = |batch: Batch| {
                assert_eq!(batch.exceptions, [], "exceptions in {}", collection.name);
                hasher.update(&batch)
            };
            readers[0].read(&request, &mut sink).expect("rows");
        }
        let hash = hasher.total();
        found.insert(collection.name.clone(), (hash.rows, hash.to_string()));
    }
    found
}
