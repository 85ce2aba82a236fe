use super::*;

#[test]
fn it_is_read_backwards_and_goes_on_after_a_cut() {
    let directory = tempfile::tempdir().expect("a directory");
    let numbers = |page: &Page| page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    let audit = Audit::open(directory.path()).expect("a log");
    for _ in 0..5 {
        audit.record(&Record::new(Who::Page, "backup", "asked")).expect("room");
    }
    let page = audit.page(2, None).expect("a page");
    assert_eq!((numbers(&page), page.before), (vec![5, 4], Some(4)));
    let page = audit.page(3, Some(4)).expect("a page");
    assert_eq!((numbers(&page), page.before), (vec![3, 2, 1], None));
    drop(audit);
    let path = directory.path().join("audit.ndjson");
    let content = fs::read(&path).expect("content");
    fs::write(&path, &content[..content.len() - 9]).expect("a file");
    let audit = Audit::open(directory.path()).expect("a log");
    audit.record(&Record::new(Who::Server, "start", "done")).expect("room");
    assert_eq!(numbers(&audit.page(9, None).expect("a page")), [5, 4, 3, 2, 1]);
}

#[test]
fn a_full_file_makes_room_for_another_and_the_oldest_goes() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut names: Vec<String> = (1..=OLDER).map(|age| format!("audit.ndjson.{age}")).collect();
    names.insert(0, "audit.ndjson".to_owned());
    let mut written = 0;
    for _ in 0..3 {
        // It goes on as before after a restart, also in a file with nothing in it yet.
        let audit = Audit::with_limit(directory.path(), 1_000).expect("a log");
        for _ in 0..40 {
            audit.record(&Record::new(Who::Page, "backup", "asked")).expect("room");
            written += 1;
        }
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let page = audit.page(7, before).expect("a page");
            found.extend(page.entries.iter().map(|entry| entry.seq));
            before = page.before;
            if before.is_none() {
                break;
            }
        }
        let kept = found.len() as u64;
        assert!((20..40).contains(&kept), "{kept}");
        assert_eq!(found, (written - kept + 1..=written).rev().collect::<Vec<_>>(), "the newest ones, without a gap");
        let mut files = Vec::new();
        for entry in fs::read_dir(directory.path()).expect("a directory") {
            let entry = entry.expect("a file");
            assert!(entry.metadata().expect("a size").len() <= 1_000);
            files.push(entry.file_name().into_string().expect("a name"));
        }
        files.sort();
        assert_eq!(files, names);
        // As after a sudden end between two files.
        audit.begin_another().expect("another file");
    }
}

#[test]
fn an_entry_after_half_a_line_is_not_lost() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("audit.ndjson");
    let audit = Audit::open(directory.path()).expect("a log");
    audit.record(&Record::new(Who::Page, "backup", "asked")).expect("room");
    // As a full disk leaves it while the server runs.
    let mut file = OpenOptions::new().append(true).open(&path).expect("a file");
    file.write_all(b"{\"seq\":2,\"at\":\"20").expect("room");
    audit.record(&Record::new(Who::Page, "delete", "done")).expect("room");
    let page = audit.page(9, None).expect("a page");
    let actions: Vec<&str> = page.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["delete", "backup"]);
}

#[test]
fn a_file_that_was_taken_away_is_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("audit.ndjson");
    let audit = Audit::open(directory.path()).expect("a log");
    audit.record(&Record::new(Who::Page, "backup", "asked")).expect("room");
    fs::rename(&path, directory.path().join("audit.ndjson-20261130")).expect("a move");
    audit.record(&Record::new(Who::Page, "delete", "done")).expect("room");
    let page = audit.page(9, None).expect("a page");
    assert_eq!(
        page.entries.iter().map(|entry| (entry.seq, entry.action.as_str())).collect::<Vec<_>>(),
        [(2, "delete")]
    );
    fs::remove_dir_all(directory.path()).expect("a directory");
    assert!(audit.record(&Record::new(Who::Page, "backup", "asked")).is_err(), "it cannot be put on record");
}

#[test]
fn long_values_are_cut() {
    let directory = tempfile::tempdir().expect("a directory");
    let audit = Audit::open(directory.path()).expect("a log");
    let (long, groups) = ("é".repeat(1_000_000), vec!["x".repeat(1_000); 1_000]);
    let record = Record { backup: Some(&long), groups: Some(&groups), ..Record::new(Who::Script, "backup", "asked") };
    audit.record(&Record { message: Some(&long), connection: Some(&long), ..record }).expect("room");
    let size = fs::metadata(directory.path().join("audit.ndjson")).expect("a file").len();
    assert!(size < 30_000, "{size}");
    let page = audit.page(1, None).expect("a page");
    let groups = page.entries[0].groups.as_ref().expect("groups");
    assert_eq!((groups.len(), groups[MOST_GROUPS].as_str()), (MOST_GROUPS + 1, "… and 950 more"));
    assert!(page.entries[0].message.as_ref().expect("a message").ends_with("é…"));
}
