//! Who is let in, and what is said to those who are not.

use crate::{CANARY, Case, ask, open, over_network, refused};
use dbferry_dialect::ErrorKind;
use dbferry_postgres::testing::{Installation, Server, Setup, free_port};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("passwords_in_every_form", passwords_in_every_form),
    ("wrong_and_missing_passwords", wrong_and_missing_passwords),
    ("password_files", password_files),
    ("services", services),
    ("databases_and_users_that_are_not_there", databases_and_users_that_are_not_there),
    ("servers_that_are_not_there", servers_that_are_not_there),
    ("servers_that_say_nothing", servers_that_say_nothing),
    ("several_servers", several_servers),
    ("a_table_without_privilege", a_table_without_privilege),
    ("settings_of_a_role_are_overridden", settings_of_a_role_are_overridden),
    ("row_security_never_filters", row_security_never_filters),
];

const RULES: &str = "
local all postgres trust
host all postgres 127.0.0.1/32 trust
host all md5er 127.0.0.1/32 md5
host all plain 127.0.0.1/32 password
host all scram,crowd,slow,bare 127.0.0.1/32 scram-sha-256
";

/// A server that lets in nobody without a password but its superuser.
fn server(installation: &Installation) -> &'static Server {
    static SERVERS: Mutex<BTreeMap<u32, &'static Server>> = Mutex::new(BTreeMap::new());
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.entry(installation.major).or_insert_with(|| {
        let setup = Setup { network: true, hba: Some(RULES.into()), ..Setup::default() };
        let server = Server::start_with(installation, &setup).expect("a server");
        let roles = format!(
            "SET password_encryption = 'scram-sha-256';
             CREATE ROLE scram LOGIN PASSWORD '{CANARY}'; CREATE ROLE plain LOGIN PASSWORD '{CANARY}';
             CREATE ROLE crowd LOGIN PASSWORD '{CANARY}' CONNECTION LIMIT 0;
             CREATE ROLE slow LOGIN PASSWORD '{CANARY}'; CREATE ROLE bare LOGIN PASSWORD '{CANARY}';
             SET password_encryption = 'md5'; CREATE ROLE md5er LOGIN PASSWORD '{CANARY}';
             CREATE ROLE outsider LOGIN;"
        );
        server.sql("postgres", &roles).expect("roles");
        Box::leak(Box::new(server))
    })
}

fn file(directory: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
    path.display().to_string()
}

fn passwords_in_every_form(installation: &Installation) {
    let server = server(installation);
    for user in ["scram", "md5er", "plain"] {
        let with = over_network(server, &format!("{user}:{CANARY}"), "");
        assert_eq!(ask(&mut *open(&with, &[]).expect(user), "SELECT current_user::text"), user);
        let without = over_network(server, user, "");
        open(&without, &[("PGPASSWORD", CANARY)]).expect("a password from the environment");
    }
    let port = server.port().to_string();
    let variables = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "scram"),
        ("PGDATABASE", "postgres"),
        ("PGPASSWORD", CANARY),
        ("PGAPPNAME", "nightly"),
    ];
    let mut database = open("postgres:///", &variables).expect("everything from the environment");
    let name = "SELECT application_name FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()";
    assert_eq!(ask(&mut *database, name), "nightly");
    let mut database = open(&server.url("postgres"), &[]).expect("the socket");
    assert_eq!(ask(&mut *database, name), "dbferry");
    assert!(!format!("{:?}", database.info()).contains("127.0.0.1"));
}

fn wrong_and_missing_passwords(installation: &Installation) {
    let server = server(installation);
    for user in ["scram", "md5er", "plain"] {
        let wrong = over_network(server, &format!("{user}:{CANARY}x"), "");
        refused(open(&wrong, &[]), ErrorKind::Connect, &["28P01", "check the user and the password", "127.0.0.1:"]);
        let without = over_network(server, user, "");
        refused(open(&without, &[]), ErrorKind::Connect, &["asks for a password", "PGPASSWORD"]);
    }
}

fn password_files(installation: &Installation) {
    let server = server(installation);
    let home = tempfile::tempdir().expect("a directory");
    let url = over_network(server, "scram", "");
    let line = format!("127.0.0.1:{}:postgres:scram:{CANARY}\n", server.port());
    let named = file(home.path(), "named", &line, 0o600);
    open(&url, &[("PGPASSFILE", &named)]).expect("the file that is named");
    file(home.path(), ".pgpass", &line, 0o600);
    let home_variable = [("HOME", home.path().to_str().expect("a path"))];
    open(&url, &home_variable).expect("the file at home");
    file(home.path(), ".pgpass", &line, 0o644);
    refused(open(&url, &home_variable), ErrorKind::Refused, &["can be read by others", "chmod 600", ".pgpass"]);
    // Where no password is asked for, none is missed.
    open(&over_network(server, "postgres", ""), &home_variable).expect("a login without password");
    refused(open(&url, &[("PGPASSFILE", "/nowhere/x")]), ErrorKind::Io, &["/nowhere/x", "no such file"]);
}

fn services(installation: &Installation) {
    let server = server(installation);
    let home = tempfile::tempdir().expect("a directory");
    let text = format!(
        "[good]\nhost=127.0.0.1\nport={}\nuser=scram\npassword={CANARY}\ndbname=postgres\n[bad]\nhots=x\n",
        server.port()
    );
    let path = file(home.path(), "services", &text, 0o600);
    let variables = [("PGSERVICEFILE", path.as_str())];
    open("postgres://?service=good", &variables).expect("a service");
    open("postgres:///", &[variables[0], ("PGSERVICE", "good")]).expect("a service of the environment");
    refused(open("postgres://?service=bad", &variables), ErrorKind::Usage, &["parameter hots", "service bad"]);
    refused(open("postgres://?service=none", &variables), ErrorKind::Usage, &["none is not defined", "services"]);
}

fn databases_and_users_that_are_not_there(installation: &Installation) {
    let server = server(installation);
    let url = format!("postgres://scram:{CANARY}@127.0.0.1:{}/nowhere", server.port());
    refused(open(&url, &[]), ErrorKind::Connect, &["3D000", "createdb", "nowhere"]);
    let outsider = over_network(server, &format!("outsider:{CANARY}"), "");
    refused(open(&outsider, &[]), ErrorKind::Connect, &["28000", "pg_hba.conf"]);
    let crowd = over_network(server, &format!("crowd:{CANARY}"), "");
    refused(open(&crowd, &[]), ErrorKind::Connect, &["53300", "fewer jobs"]);
    refused(open("postgres:///", &[]), ErrorKind::Usage, &["no user is named"]);
}

fn servers_that_are_not_there(_: &Installation) {
    let nobody = free_port().expect("a port");
    let url = format!("postgres://me:{CANARY}@127.0.0.1:{nobody}/d");
    refused(open(&url, &[]), ErrorKind::Connect, &["refused", "is PostgreSQL running", &format!("127.0.0.1:{nobody}")]);
    let url = format!("postgres://me:{CANARY}@nowhere.invalid/d");
    refused(open(&url, &[]), ErrorKind::Connect, &["no address is known for the host nowhere.invalid"]);
    let url = format!("postgres://me:{CANARY}@%2Fnowhere/d");
    refused(open(&url, &[]), ErrorKind::Connect, &["/nowhere/.s.PGSQL.5432", "is it running"]);
}

fn servers_that_say_nothing(_: &Installation) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let began = Instant::now();
    let url = format!("postgres://me:{CANARY}@127.0.0.1:{port}/d?connect_timeout=2");
    refused(open(&url, &[]), ErrorKind::Connect, &["did not answer within 2 seconds", "connect_timeout"]);
    assert!(began.elapsed() < Duration::from_secs(10));
    drop(listener);
    // One that hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answering = std::thread::spawn(move || drop(listener.accept()));
    refused(open(&format!("postgres://me@127.0.0.1:{port}/d"), &[]), ErrorKind::Connect, &["cannot connect"]);
    answering.join().expect("a thread");
}

fn several_servers(installation: &Installation) {
    let server = server(installation);
    let nobody = free_port().expect("a port");
    let both = |attributes: &str| {
        format!(
            "postgres://postgres@/postgres?host=127.0.0.1,127.0.0.1&port={nobody},{}&target_session_attrs={attributes}",
            server.port()
        )
    };
    for attributes in ["any", "read-write", "primary", "prefer-standby"] {
        open(&both(attributes), &[]).expect(attributes);
    }
    for attributes in ["read-only", "standby"] {
        refused(open(&both(attributes), &[]), ErrorKind::Connect, &["target_session_attrs"]);
    }
    // The first answer counts: a wrong password is not tried elsewhere.
    let url = format!("postgres://scram:{CANARY}x@/postgres?host=127.0.0.1,127.0.0.1&port={},{nobody}", server.port());
    refused(open(&url, &[]), ErrorKind::Connect, &["28P01"]);
}

fn a_table_without_privilege(installation: &Installation) {
    let server = server(installation);
    server.sql("postgres", "CREATE TABLE private_table (n text)").expect("a table");
    let mut database = open(&over_network(server, &format!("scram:{CANARY}"), ""), &[]).expect("a database");
    let error = database.query_names("SELECT n FROM public.private_table").expect_err("no privilege");
    crate::is_told(&error, ErrorKind::Permission, &["private_table", "42501", "grant the privilege"]);
}

fn settings_of_a_role_are_overridden(installation: &Installation) {
    let server = server(installation);
    let hostile = "
        ALTER ROLE slow SET statement_timeout = 60000; ALTER ROLE slow SET lock_timeout = 60000;
        ALTER ROLE slow SET idle_in_transaction_session_timeout = 60000; ALTER ROLE slow SET idle_session_timeout = 60000;
        ALTER ROLE slow SET DateStyle = 'German'; ALTER ROLE slow SET IntervalStyle = 'iso_8601';
        ALTER ROLE slow SET TimeZone = 'Europe/Paris'; ALTER ROLE slow SET extra_float_digits = 0;
        ALTER ROLE slow SET bytea_output = 'escape'; ALTER ROLE slow SET search_path = 'information_schema', 'pg_catalog';
        ALTER ROLE slow SET quote_all_identifiers = on; ALTER ROLE slow SET standard_conforming_strings = off;
        ALTER ROLE slow SET client_encoding = 'LATIN1'; ALTER ROLE slow SET array_nulls = off;";
    // A version without standard_conforming_strings = off does not let it be set.
    for statement in hostile.split(';').filter(|statement| !statement.trim().is_empty()) {
        let result = server.sql("postgres", statement);
        assert!(result.is_ok() || statement.contains("standard_conforming"), "{result:?}");
    }
    let url = over_network(server, &format!("slow:{CANARY}"), "");
    let mut database = open(&url, &[]).expect("a database");
    let wanted = [
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("idle_session_timeout", "0"),
        ("DateStyle", "ISO, YMD"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("extra_float_digits", "3"),
        ("bytea_output", "hex"),
        ("search_path", ""),
        ("quote_all_identifiers", "off"),
        ("standard_conforming_strings", "on"),
        ("client_encoding", "UTF8"),
        ("array_nulls", "on"),
        ("row_security", "off"),
    ];
    for (name, value) in wanted {
        let found = ask(&mut *database, &format!("SELECT pg_catalog.current_setting('{name}')"));
        assert_eq!(found, value, "{name}");
    }
    let newer = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'";
    assert!(["", "0"].contains(&ask(&mut *database, newer).as_str()));
}

fn row_security_never_filters(installation: &Installation) {
    let server = server(installation);
    let sql = "
        CREATE TABLE secrets (owner text); INSERT INTO secrets VALUES ('postgres'), ('bare');
        ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; GRANT SELECT ON secrets TO bare;
        CREATE POLICY own ON secrets USING (owner = current_user);";
    server.sql("postgres", sql).expect("a policy");
    let mut database = open(&over_network(server, &format!("bare:{CANARY}"), ""), &[]).expect("a database");
    let error = database.query_names("SELECT owner FROM public.secrets").expect_err("hidden rows");
    crate::is_told(&error, ErrorKind::Permission, &["BYPASSRLS"]);
}
