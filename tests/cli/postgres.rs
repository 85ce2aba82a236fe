//! A database on a server, as the command line meets it: who is let in, what is said to the others, and no password anywhere.

use crate::workdir::Workdir;
use dbferry_postgres::testing::{Authority, Installation, Server, Setup};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

const CANARY: &str = "c4n4ry";
const TABLES: &str = "
    CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, total numeric(10,2));
    INSERT INTO users (name) VALUES ('Zoë'), ('Bo');
    INSERT INTO orders VALUES (1, 1, 9.99), (2, 2, 10.01);";

/// A server without TLS that asks everybody on the network for a password; `None` where PostgreSQL is not installed, which
/// is said, and fails where `CI` is set.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let Some(installation) = Installation::all().into_iter().next() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            // Past the harness, which shows the output of failed tests only.
            _ = writeln!(std::io::stderr(), "SKIPPED: the command line on PostgreSQL, which is not installed");
            return None;
        };
        let hba = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        let setup = Setup { network: true, hba: Some(hba.into()), ..Setup::default() };
        let server = Server::start_with(&installation, &setup).expect("a server");
        let roles = format!(
            "CREATE ROLE me LOGIN PASSWORD '{CANARY}' IN ROLE pg_read_all_data;
             CREATE ROLE nobody LOGIN PASSWORD '{CANARY}';"
        );
        server.sql("postgres", &roles).expect("roles");
        Some(server)
    };
    SERVER.get_or_init(start).as_ref()
}

/// A database with two tables, which `nobody` may not read one of.
fn database(server: &Server) -> String {
    let name = server.create_database();
    server.sql(&name, TABLES).expect("tables");
    server.sql(&name, "GRANT SELECT ON users TO nobody").expect("a privilege");
    name
}

fn over_network(server: &Server, login: &str, database: &str) -> String {
    format!("postgres://{login}@127.0.0.1:{}/{database}", server.port())
}

/// Whether a text is in any file below the directory.
fn is_anywhere(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("a directory").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return is_anywhere(&path, text);
        }
        fs::read(path).expect("a file").windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn a_dump_says_nothing_of_how_it_was_made() {
    let Some(server) = server() else { return };
    let (workdir, database) = (Workdir::empty(), database(server));
    let home = workdir.path("home");
    fs::create_dir(&home).expect("a directory");
    let pass = home.join(".pgpass");
    fs::write(&pass, format!("127.0.0.1:*:*:me:{CANARY}\n")).expect("a file");
    fs::set_permissions(&pass, fs::Permissions::from_mode(0o600)).expect("permissions");
    let without = over_network(server, "me", &database);
    let with = over_network(server, &format!("me:{CANARY}"), &database);
    let home = home.display().to_string();
    let port = server.port().to_string();
    let everything = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "me"),
        ("PGDATABASE", &database),
        ("PGPASSWORD", CANARY),
    ];
    for (archive, url, variables) in [
        ("by-url", with.as_str(), &[][..]),
        ("by-variable", &without, &[("PGPASSWORD", CANARY)]),
        ("by-file", &without, &[("HOME", home.as_str())]),
        ("by-environment", "postgres:///", &everything),
    ] {
        let run = workdir.run_with(&["dump", url, archive, "--json", "-vv"], variables).is(0);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(CANARY), "{archive}");
        let archive = workdir.path(archive);
        for text in [CANARY, "127.0.0.1", &format!(":{port}"), "postgres://"] {
            assert!(!is_anywhere(&archive, text), "{text} is in {}", archive.display());
        }
    }
    assert!(is_anywhere(&workdir.path("by-url"), &database), "the search finds nothing, so it proves nothing");
}

#[test]
fn every_refusal_has_its_code_and_its_hint() {
    let Some(server) = server() else { return };
    let (workdir, database) = (Workdir::empty(), database(server));
    let with = |user: &str| over_network(server, &format!("{user}:{CANARY}"), &database);
    let root = workdir.path("root.crt");
    fs::write(&root, Authority::new("ours").certificate()).expect("a file");
    let full = format!("{}?sslmode=verify-full&sslrootcert={}", with("me"), root.display());
    for (url, code, words) in [
        (
            over_network(server, &format!("me:{CANARY}x"), &database),
            13,
            vec!["28P01", "check the user and the password"],
        ),
        (over_network(server, "me", &database), 13, vec!["asks for a password"]),
        (over_network(server, &format!("me:{CANARY}"), "nowhere"), 13, vec!["3D000", "createdb"]),
        (format!("postgres://me:{CANARY}@127.0.0.1:1/d"), 13, vec!["is PostgreSQL running"]),
        (full, 14, vec!["offers no TLS"]),
        (format!("{}?pooling=1", with("me")), 2, vec!["parameter pooling"]),
        (with("nobody"), 1, vec!["orders", "grant the privilege"]),
    ] {
        for arguments in [vec!["dump", &url, "out"], vec!["dump", &url, "out", "--json", "-vv"]] {
            let run = workdir.run(&arguments).is(code);
            let all = format!("{}{}", run.stdout, run.stderr);
            assert!(!all.contains(CANARY), "{all}");
            for word in &words {
                assert!(all.contains(word), "{word:?} is missing: {all}");
            }
            assert!(!workdir.path("out").join("manifest.json").exists(), "a failed dump looks complete");
        }
    }
}

#[test]
fn a_source_stays_a_source_however_it_is_spelled() {
    let Some(server) = server() else { return };
    let (workdir, database) = (Workdir::with_backup(), database(server));
    let url = over_network(server, "me", &database);
    workdir.write("dbferry.toml", format!("version = 1\n[connections.prod]\nurl = \"{url}\"\nrole = \"source\"\n"));
    let other = format!("postgres://other@/?host=127.0.0.1&port={}&dbname={database}", server.port());
    for target in [url.as_str(), "@prod", &other] {
        let run = workdir.run(&["restore", "backup", target, "--yes"]);
        assert_eq!(run.code, 20, "{target}: {}", run.stderr);
    }
}

#[test]
fn parquet_of_other_programs_goes_to_the_servers_own_schema() {
    let Some(server) = server() else { return };
    let workdir = Workdir::empty();
    let name = server.create_database();
    let url = server.url(&name);
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/foreign/shop");
    // What stands in a subfolder goes to the schema of that name.
    server.sql(&name, "CREATE SCHEMA audit").expect("a schema");
    let run = workdir.run(&["restore", foreign, &url]);
    assert!([0, 3].contains(&run.code), "{}", run.code);
    let query = "SELECT (SELECT sum(total) || ' ' || max(placed) FROM public.orders), (SELECT took FROM audit.log)";
    let found = server.sql(&name, query).expect("rows");
    assert!(found.contains("6312.50 2026-11-05 04:00:00") && found.contains("1 year 2 days 00:00:03"), "{found}");
}
