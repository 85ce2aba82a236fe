//! What every session is set to before it is used: nothing that the server's settings, its `init_connect` or the user's
//! account could have changed may change what is read or written.

use dbferry_dialect::{ErrorKind, Result};
use std::time::Duration;

/// One setting, and which servers have it.
struct Setting {
    text: &'static str,
    servers: Servers,
}

/// Which servers know a setting, in words that they skip by themselves: executable comments.
#[derive(Clone, Copy)]
enum Servers {
    All,
    MySql(u32),
    MariaDb(u32),
}

const fn all(text: &'static str) -> Setting {
    Setting { text, servers: Servers::All }
}

/// MySQL from that version on, such as 80013. MariaDB skips comments for MySQL from 50700 on.
const fn mysql(version: u32, text: &'static str) -> Setting {
    Setting { text, servers: Servers::MySql(version) }
}

const fn mariadb(version: u32, text: &'static str) -> Setting {
    Setting { text, servers: Servers::MariaDb(version) }
}

/// What has to succeed: text in UTF-8, times in UTC, a zero that stays a zero, zero dates and every other value as it is.
/// Strictness is the business of who writes.
const NEEDED: &[Setting] = &[
    all("NAMES utf8mb4"),
    all("time_zone = '+00:00'"),
    all("sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"),
    all("autocommit = 1"),
    all("sql_quote_show_create = 1"),
    all("group_concat_max_len = 4294967295"),
    // No limit to rows, and none to the time that a long read or a slow reader takes.
    all("sql_select_limit = 18446744073709551615"),
    all("sql_big_selects = 1"),
    all("net_read_timeout = 86400"),
    all("net_write_timeout = 86400"),
    all("wait_timeout = 86400"),
];

/// What a server of another make may not know.
const WISHED: &[Setting] = &[
    mysql(50720, "transaction_isolation = 'REPEATABLE-READ'"),
    mysql(50720, "transaction_read_only = 0"),
    mariadb(100100, "tx_isolation = 'REPEATABLE-READ'"),
    mariadb(100100, "tx_read_only = 0"),
    mysql(50708, "max_execution_time = 0"),
    mariadb(100101, "max_statement_time = 0"),
    all("completion_type = 'NO_CHAIN'"),
    all("sql_safe_updates = 0"),
    all("sql_auto_is_null = 0"),
    all("sql_buffer_result = 0"),
    all("sql_notes = 1"),
    // MySQL has so many from the start, and wants a privilege for it.
    mariadb(100100, "max_error_count = 1024"),
    all("foreign_key_checks = 1"),
    all("unique_checks = 1"),
    // What is counted and told of tables is that of now.
    mysql(80003, "information_schema_stats_expiry = 0"),
    // A key that the server made by itself is a column as any other.
    mysql(80030, "show_gipk_in_create_table_and_information_schema = 1"),
    // Rows come from the table, not from a copy for analyses.
    mysql(80013, "use_secondary_engine = 'OFF'"),
    mariadb(100304, "system_versioning_asof = DEFAULT"),
];

/// Sets a session up by `run`, which runs one statement; one round trip, unless the server does not know something.
///
/// # Errors
/// When the server refuses what is needed.
pub(super) fn prepare(lock_wait: Duration, mut run: impl FnMut(&str) -> Result<()>) -> Result<()> {
    // Whole seconds, and at least one, which is the least that MySQL knows.
    let seconds = lock_wait.as_secs() + u64::from(lock_wait.subsec_nanos() > 0);
    let locks = format!("lock_wait_timeout = {0}, innodb_lock_wait_timeout = {0}", seconds.clamp(1, 31_536_000));
    let needed: Vec<String> = NEEDED.iter().enumerate().map(|(position, one)| one.sql(position == 0)).collect();
    let wished: Vec<String> = WISHED.iter().map(|one| one.sql(false)).collect();
    let all = format!("SET {}{}, {locks}", needed.concat(), wished.concat());
    match run(&all) {
        Err(error) if is_unknown(&error) => {}
        result => return result,
    }
    run(&format!("SET {}", needed.concat()))?;
    let mut each: Vec<String> = WISHED.iter().map(|one| one.sql(true)).collect();
    each.extend(locks.split(", ").map(str::to_owned));
    for setting in each {
        // Servers of other makes say in several ways that they do not have it.
        match run(&format!("SET {setting}")) {
            Err(error) if error.kind() != ErrorKind::Database && !is_unknown(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

impl Setting {
    /// As one of a list.
    fn sql(&self, is_first: bool) -> String {
        let comma = if is_first { "" } else { ", " };
        match self.servers {
            Servers::All => format!("{comma}{}", self.text),
            Servers::MySql(version) => format!(" /*!{version} {comma}{} */", self.text),
            Servers::MariaDb(version) => format!(" /*M!{version} {comma}{} */", self.text),
        }
    }
}

/// Whether the server does not know a variable, or does not let this user set it.
fn is_unknown(error: &dbferry_dialect::Error) -> bool {
    const UNKNOWN: &[&str] = &["1193", "1227", "1231", "1238", "1064", "1235"];
    error.context().any(|(key, value)| key == "error" && UNKNOWN.contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::Target;
    use crate::testing::Server;
    use dbferry_dialect::{DatabaseUrl, Error, OpenOptions};

    #[test]
    fn every_server_takes_it_in_one_round_trip_and_without_privileges() {
        for server in Server::all() {
            let database = server.create_database();
            let user = format!("plain_{database}");
            server.sql("", &format!("CREATE USER '{user}'; GRANT SELECT ON {database}.* TO '{user}'")).expect("a user");
            let url = DatabaseUrl::parse(&server.url_of(&user, "", &database)).expect("a URL");
            let mut session =
                Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session");
            let mut trips = 0;
            let run = |sql: &str| {
                trips += 1;
                session.run("", sql).map(|_| ())
            };
            prepare(Duration::from_millis(1500), run).expect("a setup");
            assert_eq!(trips, 1, "{}", server.name());
            let rows = session.query("", "SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout").expect("rows");
            assert_eq!(rows[0].get::<u64, _>(0), Some(2));
            assert_eq!(rows[0].get::<u64, _>(1), Some(2));
        }
    }

    #[test]
    fn what_a_server_does_not_know_is_left_out() {
        let mut heard = Vec::new();
        let run = |sql: &str| {
            heard.push(sql.to_owned());
            let is_unknown = sql.contains("use_secondary_engine");
            if is_unknown { Err(crate::error::server_error("", 1193, "Unknown system variable")) } else { Ok(()) }
        };
        prepare(Duration::from_secs(5), run).expect("a setup");
        assert!(heard[1].contains("NAMES utf8mb4") && !heard[1].contains("completion_type"), "{heard:?}");
        assert!(heard.iter().any(|sql| sql == "SET lock_wait_timeout = 5"), "{heard:?}");
        assert_eq!(heard.len(), 2 + WISHED.len() + 2);
        let refused = |_: &str| -> Result<()> { Err(Error::new(ErrorKind::Connect, "gone")) };
        assert_eq!(prepare(Duration::ZERO, refused).expect_err("gone").kind(), ErrorKind::Connect);
    }
}
