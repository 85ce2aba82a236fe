//! `serve`: the backup page.

use super::App;
use super::args::ServeArgs;
use super::config::{Configuration, read_small};
use super::exit;
use super::text::one_line;
use dbferry::dialect::Secret;
use dbferry::failure::redact;
use dbferry::web::{ServeOptions, Transport, new_token, serve};
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::sync::Arc;

/// Where the token comes from when no file is named.
const VARIABLE: &str = "DBFERRY_TOKEN";

/// The document of a server that listens.
#[derive(Serialize)]
struct Ready<'a> {
    url: &'a str,
    /// The URL that signs in by itself; only where the token is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

pub(super) fn run(args: &ServeArgs, app: &App) -> Result<u8> {
    let configuration = Arc::new(Configuration::load(&args.config)?);
    let (token, is_new) = token(args)?;
    let transport = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Transport::Tls { certificate: certificate.clone(), key: key.clone() },
        _ if args.behind_proxy => Transport::BehindProxy,
        _ => Transport::Plain,
    };
    if configuration.config.connections.is_empty() {
        app.output.warn(
            "the configuration has no connections: backups can be looked at, and none can be made or restored; add \
             [connections.NAME] to dbferry.toml",
        );
    }
    let opener = Arc::clone(&configuration);
    let options = ServeOptions {
        archives: args.archives.clone(),
        config: configuration.config.clone(),
        open: Box::new(move |name| Ok(opener.connection(name)?.endpoint)),
        listen: args.listen,
        transport,
        allowed_hosts: args.allowed_host.clone(),
        token: token.clone(),
        read_only: args.read_only,
        restore: !args.no_restore,
        upload: !args.no_upload,
        upload_limit: args.upload_limit,
        resources: args.resources.resources()?,
        warn: Box::new({
            let output = app.output;
            move |message| output.warn(&redact(message))
        }),
    };
    let output = app.output;
    let mut told = Ok(());
    let mut ready = |url: &str| told = say(&output, url, is_new.then_some(&token));
    serve(options, &app.signals.cancel(), &mut ready)?;
    told?;
    Ok(exit::DONE)
}

/// Tells where the page is. Without that nobody could open it, so `--quiet` tells it too.
fn say(output: &super::output::Output, url: &str, token: Option<&Secret>) -> Result<()> {
    let link = token.map(|token| format!("{url}#token={}", token.expose()));
    let shown = link.as_deref().unwrap_or(url);
    if output.json {
        return output.document("ready", &Ready { url, link: link.as_deref() });
    }
    let line = match output.quiet {
        true => format!("{}\n", one_line(shown)),
        false => format!("the backup page is at {}\nCtrl-C ends it\n", one_line(shown)),
    };
    output.raw(line.as_bytes())
}

/// The token, and whether it was made just now.
fn token(args: &ServeArgs) -> Result<(Secret, bool)> {
    if let Some(path) = &args.token_file {
        let text = read_small(path, "token")?;
        return Ok((Secret::new(text.trim()), false));
    }
    match std::env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => Ok((Secret::new(text.trim()), false)),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::new(ErrorKind::Usage, format!("{VARIABLE} is not a text")))
        }
        _ => Ok((new_token()?, true)),
    }
}
