//! Every type with its extremes, read and loaded again: the copy is what `mysqldump` prints of the source, and what is read of
//! it is what was read of the source, bit for bit.

use super::Place;
use crate::MySql;
use crate::load::loader::Loader;
use crate::load::{TableLoad, loader};
use dbferry_dialect::{
    Batch, ChunkRange, Collection, DatabaseUrl, Dialect, OpenOptions, ReadRequest, Schema, Sink, SnapshotOptions,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const MYSQL: &str = include_str!("../../../../../fixtures/types.mysql.sql");
const MARIADB: &str = include_str!("../../../../../fixtures/types.mariadb.sql");

/// Everything of a database, with its batches.
fn read(place: &Place<'_>) -> (Schema, BTreeMap<String, Vec<Batch>>) {
    let url = DatabaseUrl::parse(&place.server.url(&place.database)).expect("a URL");
    let mut database = MySql.open(&url, &OpenOptions::default()).expect("a database");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let schema = snapshot.schema().expect("a schema");
    let mut reader = snapshot.readers().remove(0);
    let mut batches = BTreeMap::new();
    for collection in &schema.collections {
        let chunks = snapshot.chunks(collection, u64::MAX).expect("chunks");
        let found: &mut Vec<Batch> = batches.entry(collection.name.name.clone()).or_default();
        for chunk in &chunks {
            assert_eq!(chunk.range, ChunkRange::Whole);
            let request = ReadRequest { collection, chunk, batch_bytes: 1 << 16, predicate: None };
            let mut sink = |batch| {
                found.push(batch);
                Ok(())
            };
            reader.read(&request, &mut sink as &mut dyn Sink).expect("rows");
        }
    }
    (schema, batches)
}

fn load(place: &Place<'_>, collection: &Collection, batches: &[Batch], method: Option<loader::Method>) {
    let table = &collection.name.name;
    let plan = TableLoad::new(&mut place.session(), place.version(), collection, table);
    let plan = Arc::new(plan.unwrap_or_else(|error| panic!("{table}: {error}")));
    let mut loader = Loader::new(place.session(), place.version()).expect("a loader");
    if let Some(method) = method {
        loader.set_method(method);
    }
    for batch in batches {
        loader.write(&plan, batch).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    loader.finish().unwrap_or_else(|error| panic!("{table}: {error}"));
}

fn printed(place: &Place<'_>) -> Vec<String> {
    let options = [
        "--compact",
        "--skip-comments",
        "--hex-blob",
        "--skip-extended-insert",
        "--order-by-primary",
        "--complete-insert",
        "--tz-utc",
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=64M",
    ];
    place.server.dump(&place.database, &options).expect("a dump").lines().map(str::to_owned).collect()
}

#[test]
fn every_value_of_every_type_comes_back() {
    for source in Place::all() {
        source.sql(if source.server.is_mariadb() { MARIADB } else { MYSQL });
        let structure = source.server.dump(&source.database, &["--no-data", "--skip-comments"]).expect("a structure");
        let expected = printed(&source);
        let (schema, batches) = read(&source);
        assert!(schema.collections.len() > 15, "{:?}", batches.keys());
        assert!(batches.values().flatten().map(|batch| batch.exceptions.len()).sum::<usize>() > 20);
        for method in [None, Some(loader::Method::Insert)] {
            let copy = Place::new(source.server);
            copy.sql(&structure);
            for collection in &schema.collections {
                load(&copy, collection, &batches[&collection.name.name], method);
            }
            let found = printed(&copy);
            let short = |line: &&String| line.chars().take(300).collect::<String>();
            let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).map(|l| short(&l)).collect();
            let extra: Vec<_> = found.iter().filter(|line| !expected.contains(line)).map(|l| short(&l)).collect();
            assert!(found == expected, "{} {method:?}: missing {missing:#?}\nextra {extra:#?}", source.server.name());
            let (_, again) = read(&copy);
            for (name, batches) in &batches {
                let again = &again[name];
                assert_eq!(again.len(), batches.len(), "{name}");
                for (again, batch) in again.iter().zip(batches) {
                    assert!(again.records == batch.records, "{name}: {:#?} {:#?}", again.records, batch.records);
                    assert_eq!(again.exceptions, batch.exceptions, "{name}");
                }
            }
        }
    }
}
