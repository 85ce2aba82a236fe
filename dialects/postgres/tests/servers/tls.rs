//! Certificates of every kind, under every `sslmode`.

use crate::{CANARY, Case, ask, open, over_network, refused};
use dbferry_dialect::ErrorKind;
use dbferry_postgres::testing::{Authority, Identity, Installation, Server, Setup, self_signed};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

pub(crate) const CASES: &[Case] = &[
    ("a_good_certificate", a_good_certificate),
    ("a_certificate_for_another_name", a_certificate_for_another_name),
    ("an_expired_certificate", an_expired_certificate),
    ("a_certificate_that_signed_itself", a_certificate_that_signed_itself),
    ("no_tls", no_tls),
    ("rules_for_encrypted_and_for_plain_sessions", rules_for_encrypted_and_for_plain_sessions),
    ("a_client_with_a_certificate", a_client_with_a_certificate),
    ("passwords_bound_to_the_channel", passwords_bound_to_the_channel),
    ("cancelling_over_tls", cancelling_over_tls),
];

const ENCRYPTED: &str = "SELECT ssl::text FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";

struct Place {
    server: Server,
    files: TempDir,
}

impl Place {
    fn start(installation: &Installation, identity: Option<Identity>) -> Self {
        Self::start_with(installation, &Setup { network: true, identity, ..Setup::default() })
    }

    fn start_with(installation: &Installation, setup: &Setup) -> Self {
        let server = Server::start_with(installation, setup).expect("a server");
        Self { server, files: TempDir::new().expect("a directory") }
    }

    /// Writes a file, as its owner's alone, and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        path.display().to_string()
    }

    /// Whether sessions are encrypted with these parameters.
    #[track_caller]
    fn is_encrypted(&self, parameters: &str) -> bool {
        let mut database = open(&over_network(&self.server, "postgres", parameters), &[]).expect(parameters);
        ask(&mut *database, ENCRYPTED) == "true"
    }

    #[track_caller]
    fn refuses(&self, parameters: &str, words: &[&str]) {
        refused(
            open(&over_network(&self.server, &format!("postgres:{CANARY}"), parameters), &[]),
            ErrorKind::Tls,
            words,
        );
    }
}

fn a_good_certificate(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue(&["127.0.0.1", "localhost"])));
    let root = place.file("root.crt", authority.certificate());
    let other = place.file("other.crt", Authority::new("theirs").certificate());
    assert!(!place.is_encrypted("sslmode=disable"));
    assert!(!place.is_encrypted("sslmode=allow"));
    assert!(place.is_encrypted(""), "what is offered is taken, also on this machine");
    for mode in ["prefer", "require"] {
        assert!(place.is_encrypted(&format!("sslmode={mode}")), "{mode}");
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        assert!(place.is_encrypted(&format!("sslmode={mode}&sslrootcert={root}")), "{mode}");
        place.refuses(&format!("sslmode={mode}&sslrootcert={other}"), &["UnknownIssuer", "sslrootcert"]);
        place.refuses(&format!("sslmode={mode}&sslrootcert=/nowhere"), &["/nowhere"]);
    }
    place.refuses("sslmode=verify-full&sslrootcert=system", &["UnknownIssuer"]);
    for mode in ["verify-ca", "verify-full"] {
        place.refuses(&format!("sslmode={mode}"), &["no certificate to check", "sslrootcert=system"]);
    }
    let named = format!(
        "postgres://postgres@localhost:{}/postgres?sslmode=verify-full&sslrootcert={root}",
        place.server.port()
    );
    open(&named, &[]).expect("by its other name");
    // The name is that of the host, whatever its address.
    let wrong = over_network(&place.server, "postgres", "").replace("127.0.0.1", "db.example");
    let wrong = format!("{wrong}hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={root}");
    refused(open(&wrong, &[]), ErrorKind::Tls, &["another name"]);
    // The environment and the file at home say it as well.
    let full = [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", root.as_str())];
    open(&over_network(&place.server, "postgres", ""), &full).expect("from the environment");
    fs::create_dir(place.files.path().join(".postgresql")).expect("a directory");
    place.file(".postgresql/root.crt", &fs::read_to_string(&other).expect("a file"));
    let home = [("HOME", place.files.path().to_str().expect("a path"))];
    let require = over_network(&place.server, "postgres", "sslmode=require");
    refused(open(&require, &home), ErrorKind::Tls, &["UnknownIssuer"]);
    open(&over_network(&place.server, "postgres", "sslmode=prefer"), &home).expect("nothing is checked");
    if place.server.major >= 17 {
        assert!(place.is_encrypted("sslnegotiation=direct"));
    }
}

fn a_certificate_for_another_name(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue(&["db.example"])));
    let root = place.file("root.crt", authority.certificate());
    assert!(place.is_encrypted(&format!("sslmode=verify-ca&sslrootcert={root}")));
    place.refuses(&format!("sslmode=verify-full&sslrootcert={root}"), &["another name"]);
    let named = over_network(&place.server, "postgres", "").replace("127.0.0.1", "db.example");
    open(&format!("{named}hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={root}"), &[]).expect("by its name");
}

fn an_expired_certificate(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue_expired(&["127.0.0.1"])));
    let root = place.file("root.crt", authority.certificate());
    assert!(place.is_encrypted("sslmode=require"));
    for mode in ["require", "verify-ca", "verify-full"] {
        place.refuses(&format!("sslmode={mode}&sslrootcert={root}"), &["has expired"]);
    }
}

fn a_certificate_that_signed_itself(installation: &Installation) {
    let identity = self_signed(&["127.0.0.1"], false);
    let place = Place::start(installation, Some(identity.clone()));
    let itself = place.file("itself.crt", &identity.certificate);
    let other = place.file("other.crt", &self_signed(&["127.0.0.1"], false).certificate);
    assert!(place.is_encrypted("sslmode=require"));
    for mode in ["verify-ca", "verify-full"] {
        assert!(place.is_encrypted(&format!("sslmode={mode}&sslrootcert={itself}")), "{mode}");
        place.refuses(&format!("sslmode={mode}&sslrootcert={other}"), &["certificate"]);
    }
    let identity = self_signed(&["127.0.0.1"], true);
    let place = Place::start(installation, Some(identity.clone()));
    let itself = place.file("itself.crt", &identity.certificate);
    place.refuses(&format!("sslmode=verify-ca&sslrootcert={itself}"), &["has expired"]);
}

fn no_tls(installation: &Installation) {
    let place = Place::start(installation, None);
    let root = place.file("root.crt", Authority::new("ours").certificate());
    for mode in ["disable", "allow", "prefer"] {
        assert!(!place.is_encrypted(&format!("sslmode={mode}")), "{mode}");
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&sslrootcert={root}");
        place.refuses(&parameters, &["offers no TLS", "sslmode=disable", "127.0.0.1:"]);
    }
    // A socket never leaves the machine.
    let socket = place.server.url("postgres?sslmode=verify-full");
    open(&socket, &[]).expect("a socket");
}

fn rules_for_encrypted_and_for_plain_sessions(installation: &Installation) {
    let rules =
        "local all all trust\nhostssl all postgres 127.0.0.1/32 trust\nhostnossl all plain 127.0.0.1/32 trust\n";
    let setup = Setup {
        network: true,
        identity: Some(self_signed(&["127.0.0.1"], false)),
        hba: Some(rules.into()),
        ..Setup::default()
    };
    let place = Place::start_with(installation, &setup);
    place.server.sql("postgres", "CREATE ROLE plain LOGIN").expect("a role");
    assert!(place.is_encrypted("sslmode=allow"), "the server lets nobody in without");
    let plain = |parameters: &str| open(&over_network(&place.server, "plain", parameters), &[]);
    assert_eq!(ask(&mut *plain("sslmode=prefer").expect("without"), ENCRYPTED), "false");
    refused(plain("sslmode=require"), ErrorKind::Connect, &["28000", "pg_hba.conf"]);
    refused(open(&over_network(&place.server, "nobody", "sslmode=prefer"), &[]), ErrorKind::Connect, &["28000"]);
}

fn a_client_with_a_certificate(installation: &Installation) {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let setup = Setup {
        network: true,
        identity: Some(servers.issue(&["127.0.0.1"])),
        authority: Some(clients.certificate().to_owned()),
        hba: Some("local all all trust\nhostssl all robot 127.0.0.1/32 cert\n".into()),
        ..Setup::default()
    };
    let place = Place::start_with(installation, &setup);
    place.server.sql("postgres", "CREATE ROLE robot LOGIN").expect("a role");
    let write = |name: &str, identity: &Identity| {
        let certificate = place.file(&format!("{name}.crt"), &identity.certificate);
        format!("sslcert={certificate}&sslkey={}", place.file(&format!("{name}.key"), &identity.key))
    };
    let good = write("good", &clients.issue(&["robot"]));
    let url = |parameters: &str| over_network(&place.server, "robot", parameters);
    let mut database = open(&url(&good), &[]).expect("a certificate");
    assert_eq!(ask(&mut *database, "SELECT current_user::text"), "robot");
    refused(open(&url(""), &[]), ErrorKind::Connect, &["28000"]);
    // Somebody else's is turned away by TLS itself, under TLS 1.3 after the handshake.
    let bad = write("bad", &Authority::new("others").issue(&["robot"]));
    refused(open(&url(&bad), &[]), ErrorKind::Tls, &["sslcert"]);
    let key = place.files.path().join("good.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("permissions");
    refused(open(&url(&good), &[]), ErrorKind::Refused, &["can be read by others", "chmod 600"]);
}

fn passwords_bound_to_the_channel(installation: &Installation) {
    let setup = Setup {
        network: true,
        identity: Some(self_signed(&["127.0.0.1"], false)),
        hba: Some("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n".into()),
        ..Setup::default()
    };
    let place = Place::start_with(installation, &setup);
    place.server.sql("postgres", &format!("CREATE ROLE scram LOGIN PASSWORD '{CANARY}'")).expect("a role");
    let with = |parameters: &str| open(&over_network(&place.server, &format!("scram:{CANARY}"), parameters), &[]);
    with("channel_binding=require").expect("a bound password");
    with("channel_binding=disable").expect("a free password");
    refused(with("channel_binding=require&sslmode=disable"), ErrorKind::Connect, &["channel binding"]);
}

fn cancelling_over_tls(installation: &Installation) {
    use dbferry_dialect::{Cancel, DatabaseUrl, Dialect, OpenOptions, Purpose};
    let place = Place::start(installation, Some(self_signed(&["127.0.0.1"], false)));
    let cancel = Cancel::new();
    let url = DatabaseUrl::parse(&over_network(&place.server, "postgres", "sslmode=require")).expect("a URL");
    let options = OpenOptions::new(Purpose::Read, cancel.clone());
    let mut database = dbferry_postgres::Postgres.open(&url, &options).expect("a database");
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        cancel.cancel();
    });
    let error = database.query_names("SELECT pg_catalog.pg_sleep(30)::text").expect_err("a cancelled query");
    crate::is_told(&error, ErrorKind::Cancelled, &["cancelled"]);
    stopping.join().expect("no panic");
}
