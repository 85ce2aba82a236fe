//! Whatever database goes in comes out, whatever the options are.

use crate::support::{Work, archived_rows};
use dbferry::archive::{Archive, Compression, pack};
use dbferry::dialect::hash::RowHasher;
use dbferry::dialect::testkit::generate::{GenerateOptions, database};
use dbferry::dialect::testkit::{Throttle, ThrottleDialect, rows_as_text};
use dbferry::dump::{DumpOptions, dump};
use dbferry::progress::Silent;
use dbferry::resources::Resources;
use dbferry::restore::{RestoreOptions, restore};
use dbferry::verify::{VerifyOptions, verify, verify_against};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn config(cases: u32) -> ProptestConfig {
    // A failing case is printed in full and a seed is all that there is to keep, so no file of them is kept.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Every file of an archive but its manifest, which tells the time.
fn data_files(archive: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.insert(path.clone(), fs::read(&path).expect("a file"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&archive.join("data"), &mut found);
    found.into_iter().map(|(path, bytes)| (path.strip_prefix(archive).expect("below").to_owned(), bytes)).collect()
}

fn dump_options(jobs: usize, memory: u64, row_group_bytes: usize) -> DumpOptions {
    DumpOptions { resources: Resources { jobs, memory }, row_group_bytes, ..DumpOptions::default() }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn what_goes_in_comes_out(
        seed in any::<u64>(),
        (dump_jobs, restore_jobs) in (1_usize..5, 1_usize..5),
        row_group_bytes in prop_oneof![Just(1_usize), 10_usize..3000, Just(32 << 20)],
        // From far too little to plenty: the least that the command line allows is 32 MiB a job.
        memory in prop_oneof![Just(1_u64 << 12), Just(1 << 16), Just(64 << 20)],
        compression in prop_oneof![Just(Compression::Zstd(1)), Just(Compression::Lz4), Just(Compression::None)],
        (packed, parallel_write, trusted) in any::<(bool, bool, bool)>(),
    ) {
        let (schema, rows) = database(seed, &GenerateOptions { max_rows: 60, ..GenerateOptions::default() });
        let work = Work::new();
        work.memory.insert("source", &schema, &rows).expect("good rows");
        let options = DumpOptions { compression, ..dump_options(dump_jobs, memory, row_group_bytes) };
        let report = work.dump("source", "backup", &options).expect("a dump");
        let mut archive = work.archive("backup");

        prop_assert_eq!(archive.manifest().collections.len(), schema.collections.len());
        for (collection, (_, batches)) in schema.collections.iter().zip(&rows) {
            let entries = &archive.manifest().collections;
            let entry = entries.iter().find(|entry| entry.collection.name == collection.name).expect("an entry");
            let mut hasher = RowHasher::new(collection);
            batches.iter().for_each(|batch| hasher.update(batch).expect("a hash"));
            prop_assert_eq!(&entry.hash, &hasher.total().to_string(), "{}", collection.name);
            prop_assert_eq!(entry.rows, hasher.total().rows);
            prop_assert_eq!(archived_rows(&archive, entry), rows_as_text(collection, batches), "{}", collection.name);
        }
        prop_assert_eq!(report.rows, archive.manifest().rows());

        if packed {
            pack(&work.path("backup"), &work.path("backup.zip")).expect("a packed archive");
            fs::remove_dir_all(work.path("backup")).expect("removed");
            archive = Archive::open(&work.path("backup.zip")).expect("a packed archive");
        }
        let dialect = work.memory.with_capabilities(|can| can.parallel_write = parallel_write);
        let target = work.at(&dialect, "target");
        let resources = Resources { jobs: restore_jobs, memory };
        let options = RestoreOptions { resources, trusted, ..RestoreOptions::default() };
        let restored = restore(&archive, &target, &options, &Silent).expect("a restore");
        prop_assert_eq!(restored.rows, report.rows);
        let (source, found) = (work.content("source"), work.content("target"));
        prop_assert_eq!(&source.rows, &found.rows);
        if trusted {
            prop_assert_eq!(source.differences(&found), Vec::<String>::new());
        }

        let options = VerifyOptions { resources, ..VerifyOptions::default() };
        verify(&archive, &options, &Silent).expect("a whole archive");
        let against = verify_against(&archive, &target, &options, &Silent).expect("readable");
        prop_assert_eq!(against.collections.len(), schema.collections.len());
        prop_assert_eq!(against.differences().count(), 0);

        // Once more, on top of what is there.
        restore(&archive, &target, &RestoreOptions { resources, ..RestoreOptions::default() }, &Silent).expect("again");
        prop_assert_eq!(&source.rows, &work.content("target").rows);
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn the_same_options_give_the_same_bytes(seed in any::<u64>(), row_group_bytes in 50_usize..2000) {
        let (schema, rows) = database(seed, &GenerateOptions { max_rows: 80, ..GenerateOptions::default() });
        let work = Work::new();
        work.memory.insert("source", &schema, &rows).expect("good rows");
        // Delays shuffle the order in which threads finish.
        let slow = ThrottleDialect::new(work.memory.clone(), Throttle::Delay(Duration::from_micros(300)));
        let mut first: Option<BTreeMap<PathBuf, Vec<u8>>> = None;
        for jobs in [1, 2, 4] {
            let path = work.path(&format!("backup-{jobs}"));
            let options = dump_options(jobs, 64 << 20, row_group_bytes);
            dump(&work.at(&slow, "source"), &path, &options, &Silent).expect("a dump");
            let files = data_files(&path);
            match &first {
                None => first = Some(files),
                Some(first) => prop_assert!(*first == files, "{jobs} jobs give other bytes"),
            }
        }
        prop_assert!(first.is_some_and(|files| !files.is_empty()));
    }
}
