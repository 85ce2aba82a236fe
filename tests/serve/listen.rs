//! Where the server listens: what would be open to a network is refused, and TLS is TLS.

use crate::client::Request;
use crate::served::{Served, TOKEN, shop};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::net::TcpStream;
use std::sync::Arc;

#[test]
fn an_open_address_is_refused() {
    let workdir = shop();
    let run = |arguments: &[&str]| workdir.run(&[&["serve", "--archives", "archives"], arguments].concat());
    run(&["--listen", "0.0.0.0:0"]).is(2).complains(&["nothing protects", "--behind-proxy"]);
    run(&["--listen", "0.0.0.0:0", "--behind-proxy"]).is(2).complains(&["--allowed-host"]);
    run(&["--listen", "nowhere"]).is(2);
    run(&["--listen", "127.0.0.1:0", "--tls-cert", "nothing.pem"]).is(2);
    run(&["--listen", "127.0.0.1:0", "--tls-cert", "nothing.pem", "--tls-key", "nothing.pem"]).is(14);
    workdir.run(&["serve", "--archives", "nothing"]).is(10);
    workdir.write("token", "short\n");
    run(&["--listen", "127.0.0.1:0", "--token-file", "token"]).is(2).complains(&["too short"]);
}

#[test]
fn over_tls_everything_is_encrypted() {
    let workdir = shop();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    workdir.write("cert.pem", made.cert.pem());
    workdir.write("key.pem", made.signing_key.serialize_pem());
    workdir.write("token", format!("{TOKEN}\n"));
    let mut command = workdir.command(&["serve", "--archives", "archives", "--listen", "0.0.0.0:0", "--json"]);
    command.args(["--allowed-host", "localhost", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    command.args(["--token-file", "token"]);
    let served = Served::of(command);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let ask = |request: Request| {
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::clone(&config), name).expect("a client");
        let stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
        request.header("host", "localhost").send_over(StreamOwned::new(client, stream), served.port)
    };
    let signed_in = Request::new("POST", "/api/session").json(&serde_json::json!({ "token": TOKEN }));
    let signed_in = ask(signed_in).is(200);
    let set = signed_in.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-") && set.contains("; Secure"), "{set}");
    ask(Request::new("GET", "/api/server")).is(401);
    ask(Request::new("GET", "/api/server").header("authorization", format!("Bearer {TOKEN}"))).is(200);
}
