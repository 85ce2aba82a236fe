//! Bad input: each is refused with its own exit code and with words that say what failed, where, and what to do.

use crate::workdir::{RULES, Run, Workdir};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Runs what must be refused, and looks at its message as somebody does who knows nothing: it is an error, it has `says`,
/// and it has a hint. JSON says the same.
#[track_caller]
pub(crate) fn refused(workdir: &Workdir, arguments: &[&str], code: i32, says: &[&str]) -> Run {
    let with_json = workdir.run(&[arguments, &["--json"]].concat()).is(code);
    let document = with_json.document();
    assert_eq!((&document["type"], &document["exit_code"]), (&"error".into(), &code.into()), "{document}");
    assert_ne!(document["kind"], "internal", "{document}");
    let run = workdir.run(arguments).is(code).complains(&["error: "]).complains(says).complains(&["hint: "]);
    assert!(document["hint"].is_string(), "{document}");
    run
}

/// The files below the working directory, so that a test sees what came or went.
pub(crate) fn files(workdir: &Workdir) -> Vec<String> {
    fn walk(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).expect("a listing") {
            let path = entry.expect("an entry").path();
            found.push(path.display().to_string());
            if path.is_dir() && !path.is_symlink() {
                walk(&path, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(&workdir.path("."), &mut found);
    found.sort();
    found
}

/// Changes the manifest of an archive and puts the right hash to it, as an attacker would.
fn forge(workdir: &Workdir, archive: &str, alter: impl FnOnce(&mut Value)) {
    let path = format!("{archive}/manifest.json");
    let text = fs::read_to_string(workdir.path(&path)).expect("a manifest");
    let mut envelope: Value = serde_json::from_str(&text).expect("JSON");
    let mut manifest = envelope["manifest"].take();
    alter(&mut manifest);
    let manifest = manifest.to_string();
    let hash = blake3::hash(manifest.as_bytes()).to_hex();
    let version = &envelope["version"];
    let text = format!(r#"{{"format":"dbferry-archive","version":{version},"blake3":"{hash}","manifest":{manifest}}}"#);
    workdir.write(&path, text);
}

/// Every verb that reads an archive refuses it with code 6, and nothing is created.
#[track_caller]
fn refused_by_every_reader(workdir: &Workdir, archive: &str, says: &[&str]) {
    let before = files(workdir);
    for arguments in [
        &["inspect", archive][..],
        &["verify", archive],
        &["plan", archive, "sqlite:new.db"],
        &["restore", archive, "sqlite:new.db"],
    ] {
        refused(workdir, arguments, 6, says);
    }
    assert_eq!(files(workdir), before);
}

#[test]
fn no_such_file() {
    let workdir = Workdir::with_backup();
    refused(&workdir, &["dump", "sqlite:none.db", "x"], 13, &["no such file", "none.db"]);
    refused(&workdir, &["groups", "sqlite:none.db"], 13, &["no such file", "none.db"]);
    refused(&workdir, &["verify", "backup", "--against", "sqlite:none.db"], 13, &["no such file", "none.db"]);
    refused(&workdir, &["restore", "backup", "sqlite:none/new.db"], 13, &["no such directory", "create "]);
    for arguments in
        [&["inspect", "none"][..], &["verify", "none"], &["restore", "none", "sqlite:x.db"], &["pack", "none", "x.zip"]]
    {
        refused(&workdir, arguments, 10, &["no archive at none: nothing is there"]);
    }
    refused(&workdir, &["list", "none"], 10, &["no archives in none: there is no such directory"]);
    refused(&workdir, &["list", "shop.db"], 10, &["no archives in shop.db: it is not a directory"]);
}

#[test]
fn what_is_no_database() {
    let workdir = Workdir::with_backup();
    workdir.write("text.db", "not a database, however long ".repeat(100));
    workdir.write("empty.db", "");
    fs::create_dir(workdir.path("directory")).expect("a directory");
    let database = fs::read(workdir.path("shop.db")).expect("a database");
    workdir.write("cut.db", &database[..5000]);
    let before = files(&workdir);
    for (place, code, says) in [
        ("sqlite:text.db", 13, "not a database"),
        ("sqlite:empty.db", 13, "it is empty"),
        ("sqlite:cut.db", 1, "malformed"),
    ] {
        refused(&workdir, &["dump", place, "x"], code, &[says, place]);
    }
    workdir.run(&["dump", "sqlite:directory", "x"]).is(13).complains(&["is a directory, not a database file"]);
    refused(&workdir, &["restore", "backup", "sqlite:text.db", "--yes"], 13, &["not a database", "text.db"]);
    assert_eq!(files(&workdir), before);
    // What is no archive.
    refused(&workdir, &["inspect", "text.db"], 10, &["no archive at text.db", "not a packed archive"]);
    refused(&workdir, &["inspect", "directory"], 10, &["no archive at directory", "no manifest.json"]);
}

#[test]
fn a_truncated_parquet_file() {
    let workdir = Workdir::with_backup();
    let file = workdir.path(workdir.parquet_of("backup", "users").to_str().expect("UTF-8"));
    let whole = fs::read(&file).expect("a file");
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).expect("a file");
        let says = &["main.users.parquet", "the manifest says", "archive: backup", "use another copy"];
        refused(&workdir, &["verify", "backup"], 6, says);
        refused(&workdir, &["restore", "backup", "sqlite:new.db"], 6, says);
        refused(&workdir, &["pack", "backup", "x.zip"], 6, &says[..2]);
        assert!(!workdir.path("new.db").exists() && !workdir.path("x.zip").exists());
    }
    fs::remove_file(&file).expect("a file");
    refused(&workdir, &["verify", "backup"], 6, &["main.users.parquet", "missing from the archive"]);
}

#[test]
fn a_flipped_byte() {
    let workdir = Workdir::with_backup();
    let manifest = fs::read(workdir.path("backup/manifest.json")).expect("a manifest");
    workdir.damage("backup/manifest.json");
    refused_by_every_reader(&workdir, "backup", &["manifest.json", "archive: backup", "use another copy"]);
    workdir.write("backup/manifest.json", manifest);
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    workdir.damage(workdir.parquet_of("backup", "users"));
    let says = &["its hash differs", "main.users.parquet", "use another copy"];
    refused(&workdir, &["verify", "backup"], 6, says);
    refused(&workdir, &["restore", "backup", "sqlite:new.db"], 6, says);
    // In the packed form the manifest comes last, and the data first.
    let zip = fs::read(workdir.path("backup.zip")).expect("a file");
    let mut damaged = zip.clone();
    damaged[100] ^= 1;
    workdir.write("backup.zip", damaged);
    refused(&workdir, &["verify", "backup.zip"], 6, &["its hash differs", "use another copy"]);
    refused(&workdir, &["restore", "backup.zip", "sqlite:new.db"], 6, &["its hash differs"]);
    workdir.write("backup.zip", &zip[..zip.len() - 10]);
    refused_by_every_reader(&workdir, "backup.zip", &["packed archive", "backup.zip"]);
}

#[test]
fn a_manifest_from_the_future() {
    let workdir = Workdir::with_backup();
    let text = fs::read_to_string(workdir.path("backup/manifest.json")).expect("a manifest");
    workdir.write("backup/manifest.json", text.replacen("\"version\":1", "\"version\":7,\"signature\":\"x\"", 1));
    refused_by_every_reader(&workdir, "backup", &["newer dbferry: format 7, this one reads up to 1"]);
    workdir.run(&["list"]).is(3).complains(&["./backup cannot be read", "newer dbferry"]);
}

#[test]
fn an_unknown_field() {
    let workdir = Workdir::with_backup();
    let whole = fs::read_to_string(workdir.path("backup/manifest.json")).expect("a manifest");
    workdir.write("backup/manifest.json", whole.replacen('{', "{\"colour\":\"red\",", 1));
    refused_by_every_reader(&workdir, "backup", &["unknown field `colour`", "manifest.json", "archive: backup"]);
    for pointer in ["", "/source", "/collections/0", "/collections/0/collection/columns/0", "/collections/0/file"] {
        workdir.write("backup/manifest.json", &whole);
        forge(&workdir, "backup", |manifest| {
            let object = manifest.pointer_mut(pointer).and_then(Value::as_object_mut).expect(pointer);
            object.insert("colour".into(), "red".into());
        });
        refused(&workdir, &["inspect", "backup"], 6, &["unknown field `colour`"]);
    }
    workdir.write("backup/manifest.json", &whole);
    forge(&workdir, "backup", |_| {});
    workdir.run(&["verify", "backup"]).is(0);
}

#[test]
fn paths_that_lead_out_of_an_archive() {
    let workdir = Workdir::with_backup();
    let whole = fs::read_to_string(workdir.path("backup/manifest.json")).expect("a manifest");
    let file = whole.split('"').find(|text| text.ends_with(".parquet")).expect("a file");
    fs::copy(workdir.path("backup").join(file), workdir.path("outside.parquet")).expect("a copy");
    let outside = workdir.path("outside.parquet").display().to_string();
    for path in ["../outside.parquet", "data/../../outside.parquet", "data\\outside.parquet", "", &outside] {
        workdir.write("backup/manifest.json", &whole);
        forge(&workdir, "backup", |manifest| manifest["collections"][0]["file"]["path"] = path.into());
        refused_by_every_reader(&workdir, "backup", &["is not the one that the format gives it"]);
    }
    workdir.write("backup/manifest.json", &whole);
    forge(&workdir, "backup", |manifest| {
        manifest["groups"][0]["name"] = "../up".into();
        for collection in manifest["collections"].as_array_mut().expect("collections") {
            collection["group"] = "../up".into();
        }
    });
    refused_by_every_reader(&workdir, "backup", &["is not the one that the format gives it"]);
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_an_archive() {
    let workdir = Workdir::with_backup();
    for name in ["data", "manifest.json"] {
        fs::rename(workdir.path("backup").join(name), workdir.path("elsewhere")).expect("a move");
        std::os::unix::fs::symlink("../elsewhere", workdir.path("backup").join(name)).expect("a link");
        let run = workdir.run(&["restore", "backup", "sqlite:new.db"]).is(6);
        run.complains(&["symbolic link", "archive: backup"]);
        fs::remove_file(workdir.path("backup").join(name)).expect("a link");
        fs::rename(workdir.path("elsewhere"), workdir.path("backup").join(name)).expect("a move");
    }
    workdir.run(&["verify", "backup"]).is(0);
}

#[test]
fn entries_that_lead_out_of_a_packed_archive() {
    let workdir = Workdir::with_backup();
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    let zip = fs::read(workdir.path("backup.zip")).expect("a file");
    let name = b"data/unknown/main.users.parquet";
    for (from, to) in [
        (&b"data"[..], &b"../x"[..]),
        (b"data", b"/tmp"),
        (b"data/", b"data\\"),
        (b"/main.", b"/../.."),
        (b"users", b"us\0rs"),
    ] {
        let mut evil = name.to_vec();
        let at = evil.windows(from.len()).position(|part| part == from).expect("a part of the name");
        evil[at..at + from.len()].copy_from_slice(to);
        let mut altered = zip.clone();
        let places: Vec<usize> = (0..zip.len() - name.len()).filter(|at| &zip[*at..*at + name.len()] == name).collect();
        assert_eq!(places.len(), 3, "a header, the manifest, the directory");
        for at in places {
            altered[at..at + name.len()].copy_from_slice(&evil);
        }
        workdir.write("evil.zip", altered);
        refused_by_every_reader(&workdir, "evil.zip", &["name", "evil.zip"]);
        let before = files(&workdir);
        refused(&workdir, &["unpack", "evil.zip", "out"], 6, &["name", "evil.zip"]);
        assert_eq!(files(&workdir), before);
    }
}

#[test]
fn names_that_look_like_paths_are_names() {
    let workdir = Workdir::empty();
    workdir.sql(
        "odd.db",
        r#"CREATE TABLE "../../evil" (a); INSERT INTO "../../evil" VALUES (1); CREATE TABLE "/etc/passwd" (a);
           CREATE TABLE "con" (a); CREATE TABLE "a\b" (a)"#,
    );
    workdir.write("dbferry.toml", "version = 1\n[[rule]]\ngroup = \"../up\"\ntables = [\"*evil\"]\n");
    workdir.run(&["dump", "sqlite:odd.db", "backup", "-q"]).is(2).complains(&["\"../up\" cannot be a group's name"]);
    workdir.write("dbferry.toml", "version = 1\n");
    workdir.run(&["dump", "sqlite:odd.db", "backup", "-q"]).is(0);
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    workdir.run(&["unpack", "backup.zip", "copy", "-q"]).is(0);
    workdir.run(&["restore", "copy", "sqlite:new.db", "-q"]).is(0);
    assert_eq!(workdir.number("new.db", r#"SELECT count(*) FROM "../../evil""#), 1);
    let mut here: Vec<_> =
        fs::read_dir(workdir.path(".")).expect("a listing").map(|entry| entry.expect("an entry").file_name()).collect();
    here.sort();
    assert_eq!(here, ["backup", "backup.zip", "copy", "dbferry.toml", "new.db", "odd.db"]);
}

#[test]
fn an_unknown_group_and_a_pattern_that_matches_nothing() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", RULES);
    workdir.run(&["dump", "sqlite:shop.db", "backup", "-q"]).is(0);
    let before = files(&workdir);
    for (arguments, place) in [
        (&["dump", "sqlite:shop.db", "x"][..], "database"),
        (&["restore", "backup", "sqlite:new.db"], "archive"),
        (&["plan", "backup", "sqlite:new.db"], "archive"),
        (&["verify", "backup"], "archive"),
    ] {
        let run = |more: &[&str], says: &[&str]| drop(refused(&workdir, &[arguments, more].concat(), 2, says));
        run(&["-g", "usr"], &[&format!("no group \"usr\" in the {place}"), "user (2)"]);
        run(&["-t", "usres"], &["table", "matches usres", "did you mean users?"]);
        run(&["-t", "zzz*"], &["matches zzz*", "main.orders"]);
        run(&["-T", "zzz*"], &["matches zzz*"]);
    }
    assert_eq!(files(&workdir), before);
}

#[test]
fn a_wrong_url_scheme() {
    let workdir = Workdir::with_backup();
    for url in ["oracle://h/d", "http://h/d", "sqlitee:shop.db"] {
        let scheme = url.split(':').next().expect("a scheme");
        for arguments in [&["dump", url, "x"][..], &["restore", "backup", url], &["groups", url]] {
            refused(&workdir, arguments, 2, &[scheme, "this build knows ", " sqlite:"]);
        }
    }
    refused(&workdir, &["dump", "sqlite:", "x"], 2, &["names no file", "write sqlite:path/to/file.db"]);
    refused(&workdir, &["dump", "shop.db", "x"], 2, &["no scheme", "write sqlite:shop.db"]);
}

#[test]
fn numbers_that_are_too_large() {
    let workdir = Workdir::with_backup();
    forge(&workdir, "backup", |manifest| {
        let huge = json!(u64::MAX);
        manifest["collections"][0]["rows"] = huge.clone();
        manifest["collections"][0]["row_groups"] = json!([huge]);
        let group = manifest["groups"].as_array_mut().expect("groups").first_mut().expect("a group");
        group["rows"] = huge;
    });
    refused(&workdir, &["inspect", "backup"], 6, &["archive: backup"]);
}
