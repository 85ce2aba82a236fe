//! Making shadows, and what they get after the load: keys, and where their numbering stands.

use super::statement::run;
use super::unit::Member;
use crate::MySqlSyntax;
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::model::Counter;
use dbferry_dialect::{Result, Syntax};

/// Has a session, by `run`, wait for those who use shadows: nobody but this restore does, and each of its steps comes to an
/// end.
pub(super) fn wait_for_own<T>(run: impl FnOnce(&'static str, &str) -> Result<T>) -> Result<()> {
    run("the session cannot be set up", "SET SESSION lock_wait_timeout = 86400").map(|_| ())
}

/// Makes a shadow.
pub(super) fn create(session: &mut Session, member: &Member) -> Result<()> {
    let made = run(session, "a table cannot be made", &member.shape.create);
    made.map(|_| ()).map_err(|error| error.with("collection", &member.plan.target))
}

/// What a session needs to make and change tables as they were in the source.
pub(super) fn settings(session: &mut Session, version: ServerVersion) -> Result<()> {
    const DOING: &str = "the session cannot be set up";
    run(session, DOING, "SET SESSION foreign_key_checks = 0")?;
    if version.is_mariadb() {
        // Without it a table that keeps its history cannot be given keys.
        run(session, DOING, "SET SESSION system_versioning_alter_history = KEEP")?;
    } else {
        if version.is_mysql_from((8, 0, 30)) {
            // Takes a privilege that not everybody has, so it is only set where it is not off from the start.
            const ASKED: &str = "SELECT @@SESSION.sql_generate_invisible_primary_key";
            let generates = session.query(DOING, ASKED)?.first().and_then(|row| row.get::<Option<u8>, _>(0)).flatten();
            if generates == Some(1) {
                run(session, DOING, "SET SESSION sql_generate_invisible_primary_key = OFF")?;
            }
        }
        if version.is_mysql_from((8, 4, 0)) {
            // Takes a privilege that not everybody has; without it a foreign key to a key that is not unique is refused.
            _ = run(session, DOING, "SET SESSION restrict_fk_on_non_standard_key = OFF");
        }
    }
    Ok(())
}

/// Gives a loaded shadow its keys and its counter.
pub(super) fn complete(session: &mut Session, member: &Member) -> Result<()> {
    complete_all(session, member).map_err(|error| error.with("collection", &member.plan.target))
}

fn complete_all(session: &mut Session, member: &Member) -> Result<()> {
    const DOING: &str = "a key cannot be made";
    if !member.moving.takes_place {
        return Ok(());
    }
    let table = MySqlSyntax.quote_identifier(&member.moving.shadow);
    let shape = &member.shape;
    for keys in &shape.keys {
        run(session, DOING, &format!("ALTER TABLE {table} {}", keys.join(", ")))?;
    }
    if let Some(next) = member.plan.source.counter.as_ref().filter(|_| shape.numbers).and_then(next) {
        run(session, "the numbering cannot be set", &format!("ALTER TABLE {table} AUTO_INCREMENT = {next}"))?;
    }
    if member.plan.action.loads() {
        // So that queries are planned well from the first one on. The server samples a few pages, and waits for nobody, since
        // nobody else uses the table yet. What goes wrong is an answer, not an error, and no harm.
        run(session, "the statistics cannot be made", &format!("ANALYZE TABLE {table}"))?;
    }
    Ok(())
}

/// The next number that a counter gives.
fn next(counter: &Counter) -> Option<i64> {
    let next = if counter.is_called { counter.last_value.checked_add(1)? } else { counter.last_value };
    (next > 0).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_says_what_comes_next() {
        let counter = |last_value, is_called| Counter { column: "id".into(), last_value, is_called };
        assert_eq!(next(&counter(41, true)), Some(42));
        assert_eq!(next(&counter(42, false)), Some(42));
        assert_eq!(next(&counter(0, false)), None);
        assert_eq!(next(&counter(i64::MAX, true)), None);
    }
}
