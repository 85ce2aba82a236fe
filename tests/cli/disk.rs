//! Places that take no more, or nothing at all: what failed is told, and nothing half-done stays behind.
#![cfg(unix)]

use crate::hostile::files;
use crate::workdir::{Run, Workdir};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// More than fits into any of the places below.
const LARGE: &str = "
    CREATE TABLE t (b BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO t SELECT randomblob(1000) FROM n;";

/// A file system of its own, as far as this system permits to mount one.
struct Mount(PathBuf);

impl Mount {
    fn new(workdir: &Workdir, name: &str, size: &str) -> Option<Self> {
        let path = workdir.path(name);
        fs::create_dir(&path).expect("a directory");
        let mount = Self(path);
        let options = format!("size={size}");
        let mounted = mount.call("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"]);
        if mounted { Some(mount) } else { None }
    }

    fn make_read_only(&self) {
        assert!(self.call("mount", &["-o", "remount,ro"]), "what was mounted can be made read-only");
    }

    fn call(&self, command: &str, arguments: &[&str]) -> bool {
        let status = Command::new(command).args(arguments).arg(&self.0).stderr(std::process::Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if !self.call("umount", &[]) {
            // It was never mounted, or it cannot be helped.
            let _ = fs::remove_dir(&self.0);
        }
    }
}

/// Runs with a limit on the size of files that everybody may set: 16 blocks of 512 bytes or, in some shells, of 1024.
fn with_small_files(workdir: &Workdir, arguments: &[&str]) -> Run {
    let program = workdir.command(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 16 && exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    shell.current_dir(workdir.path("."));
    Run::new(arguments, shell.output().expect("a shell"))
}

/// Every verb that writes into `place` fails there and leaves nothing. `place` holds `target.db`, which keeps its row.
fn everything_fails_in(workdir: &Workdir, place: &str, says: &str, run: impl Fn(&[&str]) -> Run) {
    let at = |name: &str| format!("{place}/{name}");
    let url = |name: &str| format!("sqlite:{place}/{name}");
    let before = files(workdir);
    for arguments in [
        &["dump", "sqlite:large.db", &at("x")][..],
        &["pack", "backup", &at("x.zip")],
        &["unpack", "backup.zip", &at("x")],
        &["restore", "backup", &url("new.db")],
        &["restore", "backup", &url("target.db"), "--yes"],
    ] {
        let result = run(arguments).is(1);
        // SQLite has words of its own.
        let says = if arguments[0] == "restore" { "disk" } else { says };
        result.complains(&["error: ", says, "hint: ", place]);
        assert_eq!(files(workdir), before, "{arguments:?}");
    }
    assert_eq!(workdir.number(&at("target.db"), "SELECT count(*) FROM t WHERE b = 'mine'"), 1);
}

fn scene() -> Workdir {
    let workdir = Workdir::empty();
    workdir.sql("large.db", LARGE);
    workdir.run(&["dump", "sqlite:large.db", "backup", "-q"]).is(0);
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    workdir
}

const TARGET: &str = "PRAGMA page_size = 512; CREATE TABLE t (b BLOB); INSERT INTO t VALUES ('mine')";

#[test]
fn a_limit_on_the_size_of_files() {
    let workdir = scene();
    fs::create_dir(workdir.path("place")).expect("a directory");
    workdir.sql("place/target.db", TARGET);
    everything_fails_in(&workdir, "place", "File too large", |arguments| with_small_files(&workdir, arguments));
}

/// The same on a disk that is really full, where one can be mounted; elsewhere the limit above has to do.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let workdir = scene();
    let Some(_mount) = Mount::new(&workdir, "place", "64k") else {
        assert!(std::env::var_os("CI").is_none(), "in CI a file system can be mounted");
        return a_limit_on_the_size_of_files();
    };
    workdir.sql("place/target.db", TARGET);
    everything_fails_in(&workdir, "place", "No space left on device", |arguments| workdir.run(arguments));
}

#[test]
fn a_place_that_takes_nothing() {
    let workdir = Workdir::with_backup();
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    let fails = |place: &str, codes: [i32; 2], says: &str| {
        let at = |name: &str| format!("{place}/{name}");
        let url = format!("sqlite:{place}/new.db");
        let before = files(&workdir);
        for (arguments, code) in [
            (&["dump", "sqlite:shop.db", &at("x")][..], codes[0]),
            (&["pack", "backup", &at("x.zip")], codes[0]),
            (&["unpack", "backup.zip", &at("x")], codes[0]),
            (&["restore", "backup", &url], codes[1]),
        ] {
            workdir.run(arguments).is(code).complains(&["error: ", says, place, "hint: "]);
            assert_eq!(files(&workdir), before, "{arguments:?}");
        }
    };
    fails("shop.db", [1, 13], "directory");
    fails("nowhere", [1, 13], "directory");
    if let Some(reason) = read_only(&workdir, &workdir.path("locked")) {
        fails("locked", [1, 1], reason);
        workdir.run(&["restore", "backup", "sqlite:locked/shop.db", "--yes"]).is(1).complains(&[
            "error: the database can only be read",
            "locked/shop.db",
            "hint: ",
        ]);
        // Reading needs no permission to write.
        workdir.run(&["dump", "sqlite:locked/shop.db", "copy", "-q"]).is(0);
        unlock(&workdir.path("locked"));
    }
}

/// A directory with a copy of the shop that cannot be written, and what the system says about it: by its mode, which the
/// superuser ignores, or by a mount, which only the superuser may do. `None` for a superuser who may not mount.
fn read_only(workdir: &Workdir, path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;

    let copy = || fs::copy(workdir.path("shop.db"), path.join("shop.db")).expect("a copy");
    if let Some(mount) = Mount::new(workdir, "locked", "1m") {
        copy();
        mount.make_read_only();
        // Unmounted by `unlock`, or with the system's own clean-up of what a failed test leaves.
        std::mem::forget(mount);
        return Some("Read-only file system");
    }
    fs::create_dir(path).expect("a directory");
    copy();
    for path in [path.join("shop.db"), path.to_owned()] {
        let mut permissions = fs::metadata(&path).expect("metadata").permissions();
        permissions.set_mode(permissions.mode() & !0o222);
        fs::set_permissions(&path, permissions).expect("permissions");
    }
    let ignored = fs::write(path.join("probe"), "x").is_ok();
    if ignored {
        fs::remove_dir_all(path).expect("a directory");
    }
    (!ignored).then_some("Permission denied")
}

fn unlock(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    drop(Mount(path.to_owned()));
    if path.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("permissions");
    }
}
