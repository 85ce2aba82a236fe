//! Certificates of every kind, under every `ssl-mode`.

use crate::{CANARY, Case, ask, is_told, options, over_network, refused};
use dbferry_dialect::{Cancel, ErrorKind};
use dbferry_mysql::testing::{Authority, Identity, Installation, Kind, Server, Setup, self_signed};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const CASES: &[Case] = &[
    ("a_good_certificate", a_good_certificate),
    ("a_certificate_for_another_name", a_certificate_for_another_name),
    ("a_certificate_for_no_name", a_certificate_for_no_name),
    ("an_expired_certificate", an_expired_certificate),
    ("a_certificate_that_signed_itself", a_certificate_that_signed_itself),
    ("no_tls", no_tls),
    ("a_server_that_wants_tls", a_server_that_wants_tls),
    ("a_client_with_a_certificate", a_client_with_a_certificate),
    ("cancelling_over_tls", cancelling_over_tls),
];

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
        let users = format!(
            "CREATE USER anyone IDENTIFIED BY '{CANARY}'; CREATE USER secret IDENTIFIED BY '{CANARY}' REQUIRE SSL;
             GRANT SELECT ON mysql.* TO anyone, secret"
        );
        server.sql("", &users).expect("users");
        Self { server, files: TempDir::new().expect("a directory") }
    }

    /// Writes a file, as its owner's alone, and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        path.display().to_string()
    }

    fn url(&self, user: &str, parameters: &str) -> String {
        over_network(&self.server, &format!("{user}:{CANARY}"), parameters)
    }

    /// Whether sessions are encrypted with these parameters.
    #[track_caller]
    fn is_encrypted(&self, parameters: &str) -> bool {
        ask(&self.url("anyone", parameters), &[], "SELECT 1").expect(parameters);
        ask(&self.url("secret", parameters), &[], "SELECT 1").is_ok()
    }

    #[track_caller]
    fn refuses(&self, parameters: &str, words: &[&str]) {
        refused(&self.url("anyone", parameters), &[], ErrorKind::Tls, words);
    }
}

fn a_good_certificate(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue(&["127.0.0.1", "localhost"])));
    let root = place.file("root.crt", authority.certificate());
    let other = place.file("other.crt", Authority::new("theirs").certificate());
    assert!(!place.is_encrypted("ssl-mode=DISABLED"));
    assert!(place.is_encrypted(""), "what is offered is taken, also on this machine");
    for mode in ["PREFERRED", "REQUIRED", "preferred"] {
        assert!(place.is_encrypted(&format!("ssl-mode={mode}")), "{mode}");
    }
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        assert!(place.is_encrypted(&format!("ssl-mode={mode}&ssl-ca={root}")), "{mode}");
        place.refuses(&format!("ssl-mode={mode}&ssl-ca={other}"), &["UnknownIssuer", "ssl-ca"]);
        place.refuses(&format!("ssl-mode={mode}&ssl-ca=/nowhere"), &["/nowhere"]);
    }
    place.refuses(&format!("ssl-ca={other}"), &["UnknownIssuer"]);
    assert!(place.is_encrypted(&format!("ssl-mode=PREFERRED&ssl-ca={other}")), "nothing is checked");
    place.refuses("ssl-mode=VERIFY_IDENTITY&ssl-ca=system", &["UnknownIssuer"]);
    let unchecked = place.url("anyone", "ssl-mode=VERIFY_CA");
    refused(&unchecked, &[], ErrorKind::Usage, &["no certificate to check", "ssl-ca=system"]);
    let named = place.url("secret", &format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={root}"));
    ask(&named.replace("127.0.0.1", "localhost"), &[], "SELECT 1").expect("by its other name");
    // The options file says it as well.
    let text = format!("[client]\nssl-ca={other}\n");
    let named = format!("defaults-file={}", place.file("my.cnf", &text));
    place.refuses(&named, &["UnknownIssuer"]);
}

fn a_certificate_for_another_name(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue(&["db.example"])));
    let root = place.file("root.crt", authority.certificate());
    assert!(place.is_encrypted(&format!("ssl-mode=VERIFY_CA&ssl-ca={root}")));
    place.refuses(&format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={root}"), &["another name", "VERIFY_CA"]);
    let other = place.file("other.crt", Authority::new("theirs").certificate());
    place.refuses(&format!("ssl-mode=VERIFY_CA&ssl-ca={other}"), &["UnknownIssuer"]);
    // Of several names, of which none is the host's.
    for names in [&["*.db.example", "db.example"][..], &["192.0.2.1"]] {
        let place = Place::start(installation, Some(authority.issue(names)));
        let root = place.file("root.crt", authority.certificate());
        assert!(place.is_encrypted(&format!("ssl-mode=VERIFY_CA&ssl-ca={root}")), "{names:?}");
        place.refuses(&format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={root}"), &["another name"]);
    }
}

fn a_certificate_for_no_name(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue(&[])));
    let root = place.file("root.crt", authority.certificate());
    assert!(place.is_encrypted("ssl-mode=REQUIRED"));
    place.refuses(&format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={root}"), &["for no name at all"]);
    // The driver wants a name; without it there are no sessions for statements, and so no database.
    let url = place.url("anyone", &format!("ssl-mode=VERIFY_CA&ssl-ca={root}"));
    let error = Kind::Statements.ask(&url, &options(&[], &Cancel::new()), "SELECT 1").expect_err("no name");
    is_told(&error, ErrorKind::Tls, &["for no name at all", "subjectAltName"]);
}

fn an_expired_certificate(installation: &Installation) {
    let authority = Authority::new("ours");
    let place = Place::start(installation, Some(authority.issue_expired(&["127.0.0.1"])));
    let root = place.file("root.crt", authority.certificate());
    assert!(place.is_encrypted("ssl-mode=REQUIRED"));
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        place.refuses(&format!("ssl-mode={mode}&ssl-ca={root}"), &["has expired"]);
    }
}

fn a_certificate_that_signed_itself(installation: &Installation) {
    let identity = self_signed(&["127.0.0.1"], false);
    let place = Place::start(installation, Some(identity.clone()));
    let itself = place.file("itself.crt", &identity.certificate);
    assert!(place.is_encrypted("ssl-mode=REQUIRED"));
    for mode in ["VERIFY_CA", "VERIFY_IDENTITY"] {
        place.refuses(&format!("ssl-mode={mode}&ssl-ca={itself}"), &["CaUsedAsEndEntity", "have an authority"]);
    }
}

fn no_tls(installation: &Installation) {
    // MySQL makes certificates by itself, and offers TLS unless it knows no version of it.
    let settings = if installation.is_mariadb { Vec::new() } else { vec!["tls-version=".to_owned()] };
    let place = Place::start_with(installation, &Setup { network: true, settings, ..Setup::default() });
    let root = place.file("root.crt", Authority::new("ours").certificate());
    for mode in ["DISABLED", "PREFERRED"] {
        assert!(!place.is_encrypted(&format!("ssl-mode={mode}")), "{mode}");
    }
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        let parameters = format!("ssl-mode={mode}&ssl-ca={root}");
        place.refuses(&parameters, &["offers no TLS", "ssl-mode=DISABLED", "127.0.0.1:"]);
    }
    // A socket never leaves the machine.
    let socket = format!("{}?ssl-mode=VERIFY_IDENTITY&ssl-ca={root}", place.server.url("mysql"));
    ask(&socket, &[], "SELECT 1").expect("a socket");
}

fn a_server_that_wants_tls(installation: &Installation) {
    let setup = Setup {
        network: true,
        identity: Some(Authority::new("ours").issue(&["127.0.0.1"])),
        settings: vec!["require-secure-transport=ON".into()],
        ..Setup::default()
    };
    let place = Place::start_with(installation, &setup);
    ask(&place.url("anyone", ""), &[], "SELECT 1").expect("by itself");
    let plain = place.url("anyone", "ssl-mode=DISABLED");
    // MariaDB says the same as of a wrong password.
    let words: &[&str] = if installation.is_mariadb { &["error 1045"] } else { &["error 3159"] };
    refused(&plain, &[], ErrorKind::Connect, &[words, &["ssl-mode=REQUIRED"]].concat());
}

fn a_client_with_a_certificate(installation: &Installation) {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let setup = Setup {
        network: true,
        identity: Some(servers.issue(&["127.0.0.1"])),
        authority: Some(clients.certificate().to_owned()),
        ..Setup::default()
    };
    let place = Place::start_with(installation, &setup);
    let user = format!("CREATE USER robot IDENTIFIED BY '{CANARY}' REQUIRE X509; GRANT SELECT ON mysql.* TO robot");
    place.server.sql("", &user).expect("a user");
    let write = |name: &str, identity: &Identity| {
        let certificate = place.file(&format!("{name}.crt"), &identity.certificate);
        format!("ssl-cert={certificate}&ssl-key={}", place.file(&format!("{name}.key"), &identity.key))
    };
    let good = write("good", &clients.issue(&["robot"]));
    let who = "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)";
    assert_eq!(ask(&place.url("robot", &good), &[], who).expect("a certificate"), "robot");
    refused(&place.url("robot", ""), &[], ErrorKind::Connect, &["error 1045"]);
    // Somebody else's is turned away by TLS itself, under TLS 1.3 after the handshake.
    let bad = write("bad", &Authority::new("others").issue(&["robot"]));
    refused(&place.url("robot", &bad), &[], ErrorKind::Tls, &["ssl-cert"]);
    let key = place.files.path().join("good.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("permissions");
    refused(&place.url("robot", &good), &[], ErrorKind::Refused, &["can be read by everybody", "chmod 600"]);
}

fn cancelling_over_tls(installation: &Installation) {
    let place = Place::start(installation, Some(Authority::new("ours").issue(&["127.0.0.1"])));
    for kind in Kind::ALL {
        let cancel = Cancel::new();
        let url = place.url("secret", "ssl-mode=REQUIRED");
        let stopping = {
            let cancel = cancel.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(500));
                cancel.cancel();
            })
        };
        let error = kind.ask(&url, &options(&[], &cancel), crate::lost::LONG).expect_err("a cancelled query");
        is_told(&error, ErrorKind::Cancelled, &["cancelled"]);
        stopping.join().expect("no panic");
    }
}
