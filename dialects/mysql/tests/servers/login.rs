//! Who is let in, and what is said to those who are not.

use crate::{CANARY, Case, ask, options, over_network, refused};
use dbferry_dialect::{Cancel, ErrorKind};
use dbferry_mysql::testing::{Installation, Kind, Server, Setup, free_port};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("passwords_in_every_form", passwords_in_every_form),
    ("passwords_of_every_kind", passwords_of_every_kind),
    ("wrong_and_missing_passwords", wrong_and_missing_passwords),
    ("options_files", options_files),
    ("accounts_that_are_not_let_in", accounts_that_are_not_let_in),
    ("hosts_that_are_not_let_in", hosts_that_are_not_let_in),
    ("an_account_of_the_operating_system", an_account_of_the_operating_system),
    ("servers_that_are_not_there", servers_that_are_not_there),
    ("servers_that_say_nothing", servers_that_say_nothing),
    ("settings_of_the_server_are_overridden", settings_of_the_server_are_overridden),
];

/// A server on the network with users of every kind.
fn server(installation: &Installation) -> &'static Server {
    static SERVERS: Mutex<BTreeMap<String, &'static Server>> = Mutex::new(BTreeMap::new());
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.entry(installation.name.clone()).or_insert_with(|| {
        let server = Server::start_with(installation, &Setup { network: true, ..Setup::default() }).expect("a server");
        let users = if installation.is_mariadb {
            "INSTALL SONAME 'auth_ed25519';
             CREATE USER native IDENTIFIED VIA mysql_native_password USING PASSWORD('c4n4ry');
             CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('c4n4ry');"
        } else {
            "CREATE USER sha IDENTIFIED WITH caching_sha2_password BY 'c4n4ry';"
        };
        let common = format!(
            "CREATE USER me IDENTIFIED BY '{CANARY}'; CREATE USER bare; CREATE USER odd IDENTIFIED BY '{0}';
             CREATE USER crowd IDENTIFIED BY '{CANARY}' WITH MAX_USER_CONNECTIONS 1;
             CREATE USER locked IDENTIFIED BY '{CANARY}' ACCOUNT LOCK;
             CREATE USER expired IDENTIFIED BY '{CANARY}' PASSWORD EXPIRE;
             CREATE DATABASE shop; CREATE DATABASE hidden; GRANT ALL ON shop.* TO me, crowd, locked, expired;",
            odd_password()
        );
        server.sql("", users).expect("users");
        server.sql("", &common).expect("users");
        for user in users_with_passwords(installation) {
            server.sql("", &format!("GRANT SELECT ON mysql.* TO {user}")).expect("a privilege");
        }
        server.sql("", "GRANT SELECT ON mysql.* TO bare, odd, crowd").expect("privileges");
        Box::leak(Box::new(server))
    })
}

fn users_with_passwords(installation: &Installation) -> &'static [&'static str] {
    if installation.is_mariadb { &["native", "ed", "me"] } else { &["sha", "me"] }
}

/// Far longer than any digest, and in no ASCII.
fn odd_password() -> String {
    format!("{CANARY} ü€😀 @:/?#%").repeat(8)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn file(directory: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
    path.display().to_string()
}

const WHO: &str = "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)";

fn passwords_in_every_form(installation: &Installation) {
    let server = server(installation);
    // Encrypted where the server can, plain, and by the socket.
    for (mode, forget) in [("PREFERRED", true), ("DISABLED", true), ("DISABLED", false), ("socket", true)] {
        for user in users_with_passwords(installation) {
            for kind in Kind::ALL {
                if forget {
                    // The server asks for the password itself where it does not remember its digest.
                    server.sql("", "FLUSH PRIVILEGES").expect("an empty cache");
                }
                let url = match mode {
                    "socket" => server.url_of(user, CANARY, "mysql"),
                    mode => over_network(server, &format!("{user}:{CANARY}"), &format!("ssl-mode={mode}")),
                };
                let options = dbferry_dialect::OpenOptions::default();
                assert_eq!(kind.ask(&url, &options, WHO).expect(user), [*user], "{mode} {kind:?}");
            }
        }
    }
    let port = server.port().expect("a network").to_string();
    let variables = [("MYSQL_HOST", "127.0.0.1"), ("MYSQL_TCP_PORT", &port), ("USER", "me"), ("MYSQL_PWD", CANARY)];
    assert_eq!(ask("mysql:///shop", &variables, WHO).expect("everything from the environment"), "me");
    let socket = server.directory().join("s.sock").display().to_string();
    let variables = [("MYSQL_UNIX_PORT", socket.as_str()), ("MYSQL_PWD", CANARY)];
    assert_eq!(ask("mariadb://me@/shop", &variables, WHO).expect("the socket of the environment"), "me");
}

fn passwords_of_every_kind(installation: &Installation) {
    let server = server(installation);
    for mode in ["PREFERRED", "DISABLED"] {
        server.sql("", "FLUSH PRIVILEGES").expect("an empty cache");
        let login = format!("odd:{}", encoded(&odd_password()));
        assert_eq!(ask(&over_network(server, &login, &format!("ssl-mode={mode}")), &[], WHO).expect(mode), "odd");
    }
    for login in ["bare", "bare:"] {
        assert_eq!(ask(&over_network(server, login, ""), &[("MYSQL_PWD", "")], WHO).expect("no password"), "bare");
    }
}

fn wrong_and_missing_passwords(installation: &Installation) {
    let server = server(installation);
    for user in users_with_passwords(installation) {
        for mode in ["PREFERRED", "DISABLED"] {
            let wrong = over_network(server, &format!("{user}:{CANARY}x"), &format!("ssl-mode={mode}"));
            refused(&wrong, &[], ErrorKind::Connect, &["error 1045", "check the user and the password", "127.0.0.1:"]);
        }
        let without = over_network(server, user, "");
        refused(&without, &[], ErrorKind::Connect, &["error 1045", "no password is given", "MYSQL_PWD"]);
    }
    refused(&over_network(server, &format!("nobody:{CANARY}"), ""), &[], ErrorKind::Connect, &["check the user"]);
    refused("mysql://h/d", &[], ErrorKind::Usage, &["no user is named"]);
    refused("mysql://u@h", &[], ErrorKind::Usage, &["names no database"]);
    refused("mysql://u@h/d?colour=red", &[], ErrorKind::Usage, &["parameter colour", "ssl-mode"]);
}

fn options_files(installation: &Installation) {
    let server = server(installation);
    let home = tempfile::tempdir().expect("a directory");
    let url = over_network(server, "me", "");
    let text = format!("[client]\npassword = \"{CANARY}\" # of me\n");
    let named = file(home.path(), "named", &text, 0o600);
    ask(&format!("{url}&defaults-file={named}"), &[], WHO).expect("the file that is named");
    file(home.path(), ".my.cnf", &text, 0o644);
    let home_variable = ("HOME", home.path().to_str().expect("a path"));
    ask(&url, &[home_variable], WHO).expect("the file at home");
    ask(&url, &[home_variable, ("MYSQL_PWD", "wrong")], WHO).expect("a file comes before MYSQL_PWD");
    let wrong = format!("me:{CANARY}x");
    refused(&over_network(server, &wrong, ""), &[home_variable], ErrorKind::Connect, &["error 1045"]);
    // What everybody could have written is not used, and that is said where it matters.
    file(home.path(), ".my.cnf", &text, 0o646);
    refused(&url, &[home_variable], ErrorKind::Connect, &["error 1045", ".my.cnf", "chmod 600"]);
    ask(&url, &[home_variable, ("MYSQL_PWD", CANARY)], WHO).expect("another password");
    refused(&format!("{url}&defaults-file=/nowhere/x"), &[], ErrorKind::Io, &["/nowhere/x"]);
    // Everything in the file.
    let all =
        format!("{text}user=me\nhost=127.0.0.1\nport={}\nssl-mode=PREFERRED\n", server.port().expect("a network"));
    let all = file(home.path(), "all", &all, 0o600);
    assert_eq!(ask(&format!("mysql:///shop?defaults-file={all}"), &[("USER", "you")], WHO).expect("the file"), "me");
}

fn accounts_that_are_not_let_in(installation: &Installation) {
    let server = server(installation);
    let url = |user: &str, database: &str| {
        format!("mysql://{user}:{CANARY}@127.0.0.1:{}/{database}", server.port().expect("a network"))
    };
    refused(&url("locked", "shop"), &[], ErrorKind::Connect, &["ACCOUNT UNLOCK"]);
    refused(&url("expired", "shop"), &[], ErrorKind::Connect, &["has expired"]);
    refused(&url("me", "hidden"), &[], ErrorKind::Permission, &["error 1044", "hidden", "grant the privilege"]);
    let root = server.url("nowhere");
    refused(&root, &[], ErrorKind::Connect, &["error 1049", "nowhere", "CREATE DATABASE"]);
    // One session that stays, and no second one.
    let (url, options) = (url("crowd", "shop"), dbferry_dialect::OpenOptions::default());
    let first = dbferry_dialect::Dialect::open(
        &dbferry_mysql::MySql,
        &dbferry_dialect::DatabaseUrl::parse(&url).expect("a URL"),
        &options,
    );
    let first = first.expect("the first session");
    assert!(!format!("{:?}", first.info()).contains("127.0.0.1"));
    refused(&url, &[], ErrorKind::Connect, &["error 1226", "fewer jobs"]);
}

fn hosts_that_are_not_let_in(installation: &Installation) {
    let setup = Setup { network: true, settings: vec!["skip-name-resolve".into()], ..Setup::default() };
    let server = Server::start_with(installation, &setup).expect("a server");
    server.sql("", "DELETE FROM mysql.user WHERE Host LIKE '127%' OR Host LIKE '%:%'").unwrap_or_default();
    server.sql("", "FLUSH PRIVILEGES").expect("privileges");
    let url = over_network(&server, &format!("root:{CANARY}"), "");
    refused(&url, &[], ErrorKind::Connect, &["error 1130", "from this host"]);
}

fn an_account_of_the_operating_system(installation: &Installation) {
    let server = Server::start(installation, &[]).expect("a server");
    let name = String::from_utf8(std::process::Command::new("id").arg("-un").output().expect("a name").stdout);
    let name = name.expect("a name").trim().to_owned();
    let sql = if installation.is_mariadb {
        format!(
            "CREATE OR REPLACE USER '{name}'@localhost IDENTIFIED VIA unix_socket; GRANT ALL ON *.* TO '{name}'@localhost"
        )
    } else {
        // Root itself is needed for that.
        format!(
            "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'; CREATE USER IF NOT EXISTS '{name}'@localhost; \
             ALTER USER '{name}'@localhost IDENTIFIED WITH auth_socket; GRANT ALL ON *.* TO '{name}'@localhost"
        )
    };
    server.sql("", &sql).expect("a user");
    let url = server.url("mysql").replace("root@", &format!("{name}@"));
    assert_eq!(ask(&url, &[], WHO).expect("who one is"), name);
}

fn servers_that_are_not_there(_: &Installation) {
    let nobody = free_port().expect("a port");
    let url = format!("mysql://me:{CANARY}@127.0.0.1:{nobody}/d");
    refused(&url, &[], ErrorKind::Connect, &["refused", "is the server running", &format!("127.0.0.1:{nobody}")]);
    let url = format!("mysql://me:{CANARY}@nowhere.invalid/d");
    refused(&url, &[], ErrorKind::Connect, &["no address is known for the host nowhere.invalid"]);
    let url = format!("mysql://me:{CANARY}@%2Fnowhere%2Fx.sock/d");
    refused(&url, &[], ErrorKind::Connect, &["/nowhere/x.sock", "is it running"]);
}

fn servers_that_say_nothing(_: &Installation) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let began = Instant::now();
    let url = format!("mysql://me:{CANARY}@127.0.0.1:{port}/d?connect-timeout=1");
    refused(&url, &[], ErrorKind::Connect, &["did not answer within 1 seconds", "connect-timeout"]);
    assert!(began.elapsed() < Duration::from_secs(10));
    drop(listener);
    // One that hangs up, and one that speaks something else.
    for words in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answering = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut client, _) = listener.accept().expect("a client");
                std::io::Write::write_all(&mut client, words).expect("sent");
            }
        });
        refused(&format!("mysql://me:{CANARY}@127.0.0.1:{port}/d"), &[], ErrorKind::Connect, &["cannot connect"]);
        answering.join().expect("a thread");
    }
}

fn settings_of_the_server_are_overridden(installation: &Installation) {
    let mut settings: Vec<String> = [
        "init-connect=SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH', time_zone='+05:30'",
        "sql-mode=ANSI_QUOTES,STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES",
        "transaction-isolation=READ-UNCOMMITTED",
        "wait-timeout=5",
        "net-write-timeout=5",
        "default-time-zone=+02:00",
        "autocommit=0",
        "group-concat-max-len=8",
        "character-set-server=latin1",
        "completion-type=CHAIN",
        "lock-wait-timeout=1000",
        "innodb-lock-wait-timeout=1000",
    ]
    .map(str::to_owned)
    .to_vec();
    settings.push(if installation.is_mariadb { "max-statement-time=2" } else { "max-execution-time=2000" }.to_owned());
    let server = Server::start_with(installation, &Setup { settings, ..Setup::default() }).expect("a server");
    // Those who may do everything are spared the first setting.
    let sql = "SET GLOBAL sql_select_limit = 1, GLOBAL sql_safe_updates = 1, GLOBAL foreign_key_checks = 0;
               CREATE USER plain; GRANT SELECT ON mysql.* TO plain";
    server.sql("", sql).expect("a user");
    let url = server.url_of("plain", "", "mysql");
    let isolation = if installation.is_mariadb { "tx_isolation" } else { "transaction_isolation" };
    let limit = if installation.is_mariadb { "max_statement_time * 1" } else { "max_execution_time" };
    for (name, value) in [
        ("sql_mode", "NO_AUTO_VALUE_ON_ZERO"),
        ("time_zone", "+00:00"),
        (isolation, "REPEATABLE-READ"),
        ("wait_timeout", "86400"),
        ("net_write_timeout", "86400"),
        ("autocommit", "1"),
        // MariaDB has come to take no more than a gibibyte.
        ("group_concat_max_len >= 1073741824", "1"),
        ("character_set_client", "utf8mb4"),
        ("character_set_connection", "utf8mb4"),
        ("completion_type", "NO_CHAIN"),
        ("lock_wait_timeout", "5"),
        ("innodb_lock_wait_timeout", "5"),
        ("sql_select_limit", "18446744073709551615"),
        ("sql_safe_updates", "0"),
        ("foreign_key_checks", "1"),
        (limit, "0"),
    ] {
        let found = ask(&url, &[], &format!("SELECT @@{name}")).expect(name);
        assert_eq!(found.trim_end_matches(".000000"), value, "{name}");
    }
    // Rows come as they are, what is said about them in UTF-8.
    let options = options(&[], &Cancel::new());
    let charset =
        |kind: Kind| kind.ask(&url, &options, "SELECT IFNULL(@@character_set_results, 'none')").expect("a row");
    assert_eq!(Kind::ALL.map(charset), [["utf8mb4"], ["none"]]);
}
