//! What error numbers mean.
//!
//! Numbers: <https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html>,
//! <https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference>. Below 2000 the two families mostly agree;
//! MySQL counts on from 3000, MariaDB from 4000. Messages come in the server's language, so nothing is read out of them.

use dbferry_dialect::ErrorKind;
use dbferry_dialect::ErrorKind::{Busy, Connect, Database, Permission};

/// A packet that is larger than the server takes.
pub(super) const PACKET_TOO_LARGE: u16 = 1153;

/// The kind of failure, and what to do about it.
pub(super) fn meaning(code: u16) -> (ErrorKind, Option<&'static str>) {
    let found = MEANINGS.iter().find(|(codes, ..)| codes.contains(&code));
    found.map_or((Database, None), |(_, kind, hint)| (*kind, Some(*hint)))
}

const GRANT: &str = "grant the privilege, or connect as a user that has it";
const GONE: &str = "the server, or somebody there, ended the session: the server's log may say why";

const MEANINGS: &[(&[u16], ErrorKind, &str)] = &[
    // Privileges of a database, a table, a column, a routine.
    (&[1044, 1142, 1143, 1370], Permission, GRANT),
    (&[1227], Permission, "grant the privilege that the message names, or connect as a user that has it"),
    (&[1410], Permission, "the user has to be there already, and only who has GRANT OPTION may grant"),
    (
        &[1419, 1418],
        Permission,
        "with a binary log only trusted users make functions and triggers: SET GLOBAL log_bin_trust_function_creators = 1",
    ),
    (&[1356], Database, "the view names something that is not there, or that its definer may not see"),
    (&[1449], Database, "the user who defined it does not exist here: create that user, or drop what it defined"),
    // The login.
    (&[1045, 1698], Connect, "check the user and the password; MYSQL_PWD and ~/.my.cnf are honoured"),
    (&[1049], Connect, "create the database first: CREATE DATABASE NAME"),
    (&[1129], Connect, "the server has blocked this host after too many failures: mysqladmin flush-hosts"),
    (&[1130], Connect, "the server lets no user in from this host: look at the host part of the accounts"),
    (
        &[1251, 1275, 1524],
        Connect,
        "the account proves its password in a way that is not there: give it another plugin",
    ),
    (&[3159], Connect, "the server wants encrypted connections: ssl-mode=REQUIRED"),
    (
        &[1820, 1862],
        Connect,
        "the password has expired: log in with the server's own client and give the account a new one",
    ),
    (&[3118, 4151], Connect, "the account is locked: ALTER USER ... ACCOUNT UNLOCK"),
    (
        &[3955, 4150],
        Connect,
        "the server locked the account after wrong passwords: ALTER USER ... ACCOUNT UNLOCK, or FLUSH PRIVILEGES with MariaDB",
    ),
    (&[1040, 1203, 1226, 3678], Connect, "the server has no connection left: use fewer jobs, or raise max_connections"),
    // The session.
    (&[1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013], Connect, GONE),
    (&[3169, 4031], Connect, GONE),
    (&[1317], Database, "somebody stopped the statement"),
    (&[1969, 3024], Database, "a time limit of the server stopped the statement"),
    // Other sessions.
    (
        &[1205, 1213, 3572, 4144, 1099, 1100],
        Busy,
        "another session holds a lock: let it finish its transaction, or wait longer for locks",
    ),
    (&[1223, 1614, 1637], Busy, "another session is in the way: let it finish"),
    (&[1412], Busy, "somebody changed a table during the dump: dump again when nobody does"),
    // Settings of the server.
    (
        &[PACKET_TOO_LARGE, 1301],
        Database,
        "a value is larger than the server takes: SET GLOBAL max_allowed_packet = 1073741824, and connect again",
    ),
    (&[1148, 3948, 4166], Database, "the server takes no data of clients: SET GLOBAL local_infile = 1"),
    (
        &[1290, 1836],
        Database,
        "the server runs with an option that forbids it, such as read_only on a replica: restore into the primary",
    ),
    (&[1792], Database, "the transaction is read-only: look at transaction_read_only on the server"),
    (
        &[3750, 4107],
        Database,
        "the server wants a primary key for each table: SET GLOBAL sql_require_primary_key = OFF",
    ),
    (&[1231, 1193, 1238], Database, "the server does not know a setting, or lets nobody change it"),
    // Its disk and memory.
    (&[1021, 1114, 3675, 1041], Database, "the server's disk or memory is full, or a table has reached its limit"),
    (&[1030, 1015, 1016, 1017], Database, "the storage engine failed: the server's log says more"),
    (&[1034, 1194, 1195, 1712, 1877], Database, "the table itself is damaged: CHECK TABLE and REPAIR TABLE first"),
    (&[1286, 1289], Database, "the server lacks a storage engine or a feature that the archive needs"),
    // Values.
    (
        &[1264, 1265, 1292, 1366, 1406, 1411, 1416, 1690, 3140, 4025, 4038],
        Database,
        "a value does not fit the column: compare the types of the archive and of the target",
    ),
    (&[1048, 1263, 1364], Database, "a column that takes no NULL would get one"),
    (&[3819], Database, "a row breaks a CHECK of the target"),
    (
        &[1062, 1586],
        Database,
        "two rows have the same key: a unique key of the target may be narrower, or its collation coarser",
    ),
    (&[1216, 1451], Database, "rows of other tables refer to these"),
    (&[1217, 1452], Database, "a row refers to one that is not there"),
    (&[1118, 1071, 1074, 1163, 1167], Database, "the table is too wide for this server's page size or row format"),
    (&[1273, 1115, 1267], Database, "the server does not know the collation or character set"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn kinds_follow_the_number() {
        for (code, expected) in [
            (1142, Permission),
            (1227, Permission),
            (1045, Connect),
            (1049, Connect),
            (1040, Connect),
            (1927, Connect),
            (4031, Connect),
            (1205, Busy),
            (1412, Busy),
            (1153, Database),
            (1406, Database),
            (1062, Database),
            (1317, Database),
            (9999, Database),
        ] {
            assert_eq!(meaning(code).0, expected, "{code}");
        }
        assert_eq!(meaning(9999).1, None);
    }

    #[test]
    fn a_number_means_one_thing() {
        let mut seen = BTreeSet::new();
        for code in MEANINGS.iter().flat_map(|(codes, ..)| *codes) {
            assert!(seen.insert(code), "{code} stands twice");
        }
    }
}
