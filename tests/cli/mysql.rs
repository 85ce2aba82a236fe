//! MySQL and MariaDB, as the command line meets them: who is let in, what is said to the others, and no password anywhere.

use crate::workdir::Workdir;
use dbferry_mysql::testing::{Authority, Installation, Server, Setup};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

const CANARY: &str = "c4n4ry";
const TABLES: &str = "
    CREATE TABLE users (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total decimal(10,2), FOREIGN KEY (user_id) REFERENCES users (id));
    INSERT INTO users (name) VALUES ('Zoë'), ('Bo');
    INSERT INTO orders VALUES (1, 1, 9.99), (2, 2, 10.01);";

/// The servers that there are, on the network and without TLS; none where none is installed, which is said, and fails where
/// `CI` is set.
fn servers() -> &'static [Server] {
    static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
    let start = || {
        let installations = Installation::all();
        if installations.is_empty() {
            assert!(std::env::var_os("CI").is_none(), "neither MySQL nor MariaDB is installed");
            // Past the harness, which shows the output of failed tests only.
            _ = writeln!(std::io::stderr(), "SKIPPED: the command line on MySQL and MariaDB, which are not installed");
        }
        let start = |installation: &Installation| {
            let settings = if installation.is_mariadb { Vec::new() } else { vec!["tls-version=".to_owned()] };
            let setup = Setup { network: true, settings, ..Setup::default() };
            let server = Server::start_with(installation, &setup).expect("a server");
            let users = format!(
                "CREATE USER me IDENTIFIED BY '{CANARY}'; GRANT ALL ON *.* TO me;
                 CREATE USER nobody IDENTIFIED BY '{CANARY}'"
            );
            server.sql("", &users).expect("users");
            server
        };
        installations.iter().map(start).collect()
    };
    SERVERS.get_or_init(start)
}

fn database(server: &Server) -> String {
    let name = server.create_database();
    server.sql(&name, TABLES).expect("tables");
    name
}

fn over_network(server: &Server, login: &str, database: &str) -> String {
    format!("mysql://{login}@127.0.0.1:{}/{database}", server.port().expect("a network"))
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
    for server in servers() {
        let (workdir, database) = (Workdir::empty(), database(server));
        let home = workdir.path("home");
        fs::create_dir(&home).expect("a directory");
        fs::write(home.join(".my.cnf"), format!("[client]\npassword={CANARY}\n")).expect("a file");
        let without = over_network(server, "me", &database);
        let with = over_network(server, &format!("me:{CANARY}"), &database);
        let home = home.display().to_string();
        let port = server.port().expect("a network").to_string();
        let everything =
            [("MYSQL_HOST", "127.0.0.1"), ("MYSQL_TCP_PORT", &port), ("USER", "me"), ("MYSQL_PWD", CANARY)];
        let path = format!("mysql:///{database}");
        for (archive, url, variables) in [
            ("by-url", with.as_str(), &[][..]),
            ("by-variable", &without, &[("MYSQL_PWD", CANARY)]),
            ("by-file", &without, &[("HOME", home.as_str())]),
            ("by-environment", &path, &everything),
        ] {
            let run = workdir.run_with(&["dump", url, archive, "--json", "-vv"], variables).is(0);
            assert!(!format!("{}{}", run.stdout, run.stderr).contains(CANARY), "{archive}");
            let archive = workdir.path(archive);
            for text in [CANARY, "127.0.0.1", &format!(":{port}"), "mysql://"] {
                assert!(!is_anywhere(&archive, text), "{text} is in {}", archive.display());
            }
        }
        assert!(is_anywhere(&workdir.path("by-url"), &database), "the search finds nothing, so it proves nothing");
    }
}

#[test]
fn every_refusal_has_its_code_and_its_hint() {
    for server in servers() {
        let (workdir, database) = (Workdir::empty(), database(server));
        let with = |user: &str| over_network(server, &format!("{user}:{CANARY}"), &database);
        let root = workdir.path("root.crt");
        fs::write(&root, Authority::new("ours").certificate()).expect("a file");
        let full = format!("{}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", with("me"), root.display());
        for (url, code, words) in [
            (over_network(server, &format!("me:{CANARY}x"), &database), 13, vec!["1045", "check the user"]),
            (over_network(server, "me", &database), 13, vec!["no password is given", "MYSQL_PWD"]),
            (over_network(server, &format!("me:{CANARY}"), "nowhere"), 13, vec!["1049", "CREATE DATABASE"]),
            (format!("mysql://me:{CANARY}@127.0.0.1:1/d"), 13, vec!["is the server running"]),
            (full, 14, vec!["offers no TLS"]),
            (format!("{}?pooling=1", with("me")), 2, vec!["parameter pooling"]),
            (with("nobody"), 1, vec!["1044", "grant the privilege"]),
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
}

#[test]
fn a_source_stays_a_source_however_it_is_spelled() {
    for server in servers() {
        let (workdir, database) = (Workdir::with_backup(), database(server));
        let url = over_network(server, "me", &database);
        workdir.write("dbferry.toml", format!("version = 1\n[connections.prod]\nurl = \"{url}\"\nrole = \"source\"\n"));
        let port = server.port().expect("a network");
        let other = format!("mariadb://other@/?host=127.0.0.1&port={port}&database={database}");
        for target in [url.as_str(), "@prod", &other] {
            let run = workdir.run(&["restore", "backup", target, "--yes"]);
            assert_eq!(run.code, 20, "{target}: {}", run.stderr);
        }
    }
}

/// What a run says, with its exit code.
fn told(run: &crate::workdir::Run, code: i32, words: &[&str]) {
    let all = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, code, "{all}");
    assert!(!all.contains(CANARY), "{all}");
    for word in words {
        assert!(all.contains(word), "{word:?} is missing: {all}");
    }
}

#[test]
fn missing_privileges_are_told_with_the_table() {
    for server in servers() {
        let (workdir, source, target) = (Workdir::empty(), database(server), server.create_database());
        let sees =
            format!("CREATE USER 'sees-{source}' IDENTIFIED BY '{CANARY}'; GRANT SELECT ON *.* TO 'sees-{source}'");
        server.sql("", &sees).expect("a user");
        let login = |user: &str, database: &str| over_network(server, &format!("{user}-{source}:{CANARY}"), database);
        // Neither RELOAD nor LOCK TABLES is needed for tables with transactions.
        workdir.run(&["dump", &login("sees", &source), "out"]).is(0);
        let half = format!(
            "CREATE USER 'half-{source}' IDENTIFIED BY '{CANARY}'; GRANT SELECT ON {source}.users TO 'half-{source}';
             GRANT INSERT ON {source}.orders TO 'half-{source}'"
        );
        server.sql("", &half).expect("a user");
        let run = workdir.run(&["dump", &login("half", &source), "other"]);
        told(&run, 1, &["1142", "orders", "grant the privilege"]);
        assert!(!workdir.path("other").join("manifest.json").exists(), "a failed dump looks complete");
        let run = workdir.run(&["restore", "out", &login("sees", &target), "--yes"]);
        told(&run, 1, &["1142", "grant the privilege"]);
        assert_eq!(server.sql(&target, "SHOW TABLES").expect("tables"), "", "a refused restore left something");
    }
}

#[test]
fn values_that_do_not_fit_are_told_with_their_place() {
    for server in servers() {
        let (workdir, source, target) = (Workdir::empty(), database(server), server.create_database());
        let url = |database: &str| over_network(server, &format!("me:{CANARY}"), database);
        workdir.run(&["dump", &url(&source), "out"]).is(0);
        let narrow = "CREATE TABLE users (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(2) NOT NULL)";
        server.sql(&target, narrow).expect("a table");
        let restore = ["restore", "out", &url(&target), "--yes", "--table", "main.users", "--mode", "append"];
        let run = workdir.run(&restore);
        assert_ne!(run.code, 0);
        told(&run, run.code, &["main.users", "name"]);
        assert_eq!(server.sql(&target, "SELECT COUNT(*) FROM users").expect("a count").trim(), "0");
        told(&workdir.run(&["restore", "out", &url("nowhere"), "--yes"]), 13, &["1049", "nowhere"]);
    }
}

#[test]
fn a_server_that_takes_no_files_gets_statements_of_its_size() {
    for server in servers() {
        let setup = Setup {
            network: true,
            settings: vec!["local-infile=0".to_owned(), "max-allowed-packet=1M".to_owned()],
            ..Setup::default()
        };
        let small = Server::start_with(server.installation(), &setup).expect("a server");
        let (workdir, source, target) = (Workdir::empty(), database(server), small.create_database());
        workdir.run(&["dump", &over_network(server, &format!("me:{CANARY}"), &source), "out"]).is(0);
        workdir.run(&["restore", "out", &small.url(&target), "--yes"]).is(0);
        assert_eq!(small.sql(&target, "SELECT COUNT(*) FROM orders").expect("a count").trim(), "2");

        server.sql(&source, "CREATE TABLE large (id int PRIMARY KEY, value longtext)").expect("a table");
        server.sql(&source, "INSERT INTO large VALUES (7, 'x'), (8, REPEAT('y', 2000000))").expect("rows");
        workdir.run(&["dump", &over_network(server, &format!("me:{CANARY}"), &source), "larger"]).is(0);
        let run = workdir.run(&["restore", "larger", &small.url(&target), "--yes"]);
        assert_ne!(run.code, 0);
        told(&run, run.code, &["max_allowed_packet", "local_infile", "main.large", "row: 1"]);
        assert_eq!(small.sql(&target, "SHOW TABLES LIKE '%large%'").expect("tables"), "", "something was left");
    }
}

#[test]
fn parquet_of_two_namespaces_comes_into_one_database_and_is_proven() {
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/foreign/shop");
    for server in servers() {
        let (workdir, name) = (Workdir::empty(), server.create_database());
        let url = over_network(server, &format!("me:{CANARY}"), &name);
        workdir.run(&["restore", foreign, &url]).is(0).says(&["main.log", "every row was read again and is equal"]);
        let against = ["verify", foreign, "--against", &url];
        workdir.run(&against).is(0).says(&["4 tables, 106 rows"]);
        server.sql(&name, "UPDATE orders SET customer_id = 7777 WHERE id = 30").expect("another value");
        workdir.run(&against).is(4).says(&["main.orders", "(extra)", "7777"]);
    }
}

#[test]
fn a_scratch_database_is_empty_again_after_a_check() {
    for server in servers() {
        let (workdir, source, scratch) = (Workdir::empty(), database(server), server.create_database());
        let url = |database: &str| over_network(server, &format!("me:{CANARY}"), database);
        let objects = "CREATE VIEW names AS SELECT name FROM users; CREATE PROCEDURE nothing() SELECT 1;
                       CREATE TRIGGER upper_name BEFORE INSERT ON users FOR EACH ROW SET NEW.name = upper(NEW.name)";
        server.sql(&source, objects).expect("objects");
        workdir.run(&["dump", &url(&source), "backup"]).is(0);
        let check = ["verify", "backup", "--restore-into", &url(&scratch)];
        for _ in 0..2 {
            workdir.run(&check).is(0).says(&["can be restored", "and taken away again"]);
        }
        server.sql(&scratch, "CREATE VIEW one AS SELECT 1").expect("a view");
        workdir.run(&check).complains(&["not empty"]);
    }
}
