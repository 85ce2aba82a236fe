//! Data directories that are made once a process and copied for each server: making one takes seconds.

use super::installation::Installation;
use dbferry_dialect::testkit::watchdog::Watchdog;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long making one may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The command line that puts a fresh data directory at `data`, seen from inside the installation's root.
///
/// # Errors
/// When none can be made.
pub(super) fn copy_to(installation: &Installation, data: &str) -> io::Result<Vec<String>> {
    // They live as long as the process; the watchdog sees to their end.
    static TEMPLATES: Mutex<BTreeMap<String, Watchdog>> = Mutex::new(BTreeMap::new());
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    if !templates.contains_key(&installation.name) {
        templates.insert(installation.name.clone(), make(installation)?);
    }
    let directory = installation.system.inside(templates[&installation.name].directory());
    Ok(installation.copy(&format!("{}/data", directory.display()), data))
}

fn make(installation: &Installation) -> io::Result<Watchdog> {
    let directory = tempfile::Builder::new().prefix("dbferry-my-").tempdir_in(installation.system.temporary())?.keep();
    let inside = installation.system.inside(&directory).display().to_string();
    let mut preparation: Vec<_> = installation.chown(&inside).into_iter().collect();
    preparation.push(installation.initialise(&format!("{inside}/data")));
    // Two servers are never the same one.
    preparation.push(["rm", "-f", &format!("{}/data/auto.cnf", directory.display())].map(String::from).to_vec());
    let ready = directory.join("ready");
    preparation.push(vec!["touch".to_owned(), ready.display().to_string()]);
    // Nothing runs there: the program only has to stay.
    let template = Watchdog::start(directory, &preparation, &["sleep".to_owned(), "1000000".to_owned()])?;
    let made = template.wait_until(
        LIMIT,
        || Ok(ready.exists()),
        |log| ["[ERROR]", "FATAL"].iter().any(|word| log.contains(word)),
    );
    made.map_err(|log| io::Error::other(format!("{} makes no data directory: {log}", installation.name)))?;
    Ok(template)
}
