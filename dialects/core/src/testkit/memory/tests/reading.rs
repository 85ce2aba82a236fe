//! Snapshots, chunks, readers.

use super::*;

#[test]
fn a_snapshot_does_not_see_later_writes() {
    let dialect = shop();
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(3)).expect("a snapshot");
    let mut readers = snapshot.readers();
    assert_eq!((readers.len(), snapshot.readers().len()), (3, 0));
    replace(&dialect, vec![planned(parents(), CollectionAction::Replace)], &[("parents", parent_rows(&[1, 7]))])
        .expect("replaced");
    for reader in &mut readers {
        let seen = read(&mut **reader, &parents(), &WHOLE, usize::MAX).expect("rows");
        assert_eq!(rows_as_text(&parents(), &seen), ["id=1 | label=null", "id=2 | label=\"p2\""]);
    }
    assert!(snapshot.consistency().proven);
    snapshot.finish().expect("nothing moved");
    assert_eq!(rows_of(&dialect, "parents"), ["id=1 | label=null", "id=7 | label=null"]);
}

#[test]
fn chunks_are_disjoint_and_hold_everything() {
    for seed in 0..40 {
        let (schema, rows) = generate::database(seed, &GenerateOptions::default());
        let dialect = MemoryDialect::new();
        dialect.insert("shop", &schema, &rows).expect("good rows");
        let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
        let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
        let mut readers = snapshot.readers();
        for (collection, (_, batches)) in schema.collections.iter().zip(&rows) {
            let expected = rows_as_text(collection, batches);
            for target_bytes in [1, 100, 1000, u64::MAX] {
                let chunks = snapshot.chunks(collection, target_bytes).expect("chunks");
                assert_eq!(chunks, snapshot.chunks(collection, target_bytes).expect("the same chunks"));
                if target_bytes == 1 {
                    assert_eq!(chunks.len(), expected.len().max(1));
                }
                let mut seen = Vec::new();
                for chunk in &chunks {
                    let batches = read(&mut *readers[0], collection, chunk, 200).expect("rows");
                    assert!(batches.iter().all(|batch| batch.records.schema() == carrier::schema(collection)));
                    seen.extend(rows_as_text(collection, &batches));
                }
                assert_eq!(seen, expected);
            }
        }
    }
}

#[test]
fn batches_keep_to_their_size() {
    let dialect = MemoryDialect::new();
    let ids: Vec<i64> = (0..10_000).collect();
    dialect
        .insert("shop", &schema(&[parents()]), &[(name("parents"), vec![parent_rows_unlabelled(&ids)])])
        .expect("rows");
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut readers = snapshot.readers();
    let batches = read(&mut *readers[0], &parents(), &WHOLE, 8_000).expect("rows");
    assert!((10..40).contains(&batches.len()), "{}", batches.len());
    assert!(batches.iter().all(|batch| batch.memory_size() < 20_000));
    assert_eq!(read(&mut *readers[0], &parents(), &WHOLE, 0).expect("rows").len(), 10_000);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let dialect = shop();
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut reader = snapshot.readers().remove(0);
    let parents = parents();
    let request = ReadRequest { collection: &parents, chunk: &WHOLE, batch_bytes: 1, predicate: Some("id > 1") };
    let mut sink = |_: Batch| Ok(());
    assert_eq!(reader.read(&request, &mut sink).expect_err("a predicate").kind(), ErrorKind::Unsupported);
    let unknown = Collection::table(name("unknown"), Vec::new());
    let error = read(&mut *reader, &unknown, &WHOLE, 1).expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(error.context().any(|pair| pair == ("collection", "main.unknown")), "{error}");
    let pages = Chunk { range: ChunkRange::Pages { from: 0, to: None }, estimated_bytes: 0 };
    assert!(read(&mut *reader, &parents, &pages, 1).is_err());
    let mut stop = |_: Batch| Err(Error::new(ErrorKind::Io, "full"));
    let request = ReadRequest { predicate: None, ..request };
    assert_eq!(reader.read(&request, &mut stop).expect_err("the sink's error").kind(), ErrorKind::Io);
    drop(snapshot);
    assert_eq!(read(&mut *reader, &parents, &WHOLE, 1).expect_err("released").kind(), ErrorKind::Internal);
}

#[test]
fn a_collection_is_read_through_the_columns_asked_for() {
    let dialect = shop();
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut reader = snapshot.readers().remove(0);
    let mut narrow = parents();
    narrow.columns =
        vec![narrow.columns[1].clone(), Column::new("id", LogicalType::Int { bits: 32, signed: true }, "int32")];
    let batches = read(&mut *reader, &narrow, &WHOLE, usize::MAX).expect("rows");
    assert_eq!(rows_as_text(&narrow, &batches), ["label=null | id=1", "label=\"p2\" | id=2"]);
}

#[test]
fn the_staged_group_is_seen_by_its_readers_only() {
    let dialect = shop();
    let before = dialect.content("shop");
    let mut replacer = replacer(&dialect, "shop", 2);
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    assert_eq!(replacer.readers(1).err().expect("nothing is staged").kind(), ErrorKind::Internal);
    load(&mut *replacer, plan, &[("parents", parent_rows(&[1, 3]))]).expect("loaded");
    let chunks = replacer.chunks(&parents(), 1).expect("chunks");
    assert_eq!(chunks.len(), 2);
    let mut readers = replacer.readers(2).expect("readers");
    let mut seen = Vec::new();
    for (reader, chunk) in readers.iter_mut().zip(&chunks) {
        seen.extend(rows_as_text(&parents(), &read(&mut **reader, &parents(), chunk, 1).expect("rows")));
    }
    assert_eq!(seen, ["id=1 | label=null", "id=3 | label=null"]);
    assert_eq!(replacer.commit().expect_err("readers are there").kind(), ErrorKind::Internal);
    assert_eq!(dialect.content("shop"), before);
    drop(replacer);
    assert_eq!(dialect.content("shop"), before);
}

#[test]
fn a_cancelled_run_stops() {
    let dialect = shop();
    let cancel = Cancel::new();
    let mut database =
        dialect.open(&dialect.url("shop"), &OpenOptions::new(Purpose::Write, cancel.clone())).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut reader = snapshot.readers().remove(0);
    cancel.cancel();
    assert_eq!(read(&mut *reader, &parents(), &WHOLE, 1).expect_err("cancelled").kind(), ErrorKind::Cancelled);
    assert_eq!(database.introspect().expect_err("cancelled").kind(), ErrorKind::Cancelled);
}
