//! What is in the database and is not carried, with the reason.
//!
//! What belongs to the server and not to one of its databases (users, roles, plugins, loadable functions, resource groups,
//! replication, settings, keys of encryption) is not looked at: it is no part of what is dumped.

use super::{Catalogue, READING, text};
use crate::ddl;
use crate::session::Session;
use dbferry_dialect::model::NotCarried;
use dbferry_dialect::{ErrorKind, Result, Schema};

/// Attribute of a schema: the database's character set.
pub(crate) const CHARACTER_SET: &str = "character-set";

/// Those on single tables and columns. Privileges on the database as a whole are a part of the server's accounts, and every
/// database that an application uses has some.
const PRIVILEGES: &str = "
  SELECT DISTINCT 'privileges', CONCAT(TABLE_NAME, ' to ', GRANTEE), 'they belong to users of this server: GRANT gives them in the target'
    FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
  UNION ALL
  SELECT DISTINCT 'privileges', CONCAT('columns of ', TABLE_NAME, ' to ', GRANTEE), 'they belong to users of this server: GRANT gives them in the target'
    FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
  ORDER BY 1, 2";

const HISTOGRAMS: &str = "
  SELECT 'histogram', CONCAT(TABLE_NAME, '.', COLUMN_NAME), 'it is made from the rows: ANALYZE TABLE ... UPDATE HISTOGRAM makes it in the target'
    FROM information_schema.COLUMN_STATISTICS WHERE SCHEMA_NAME = DATABASE() ORDER BY 2";

const SECONDARY_ENGINES: &str = "
  SELECT 'secondary engine', TABLE_NAME, 'it belongs to this server: ALTER TABLE ... SECONDARY_ENGINE sets it in the target'
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND CREATE_OPTIONS LIKE '%SECONDARY_ENGINE=%' ORDER BY 2";

/// Histograms of MariaDB are in a table that few users may read.
const STATISTICS: &str = "
  SELECT DISTINCT 'statistics', table_name, 'they are made from the rows: ANALYZE TABLE ... PERSISTENT FOR ALL makes them in the target'
    FROM mysql.table_stats WHERE db_name = DATABASE() ORDER BY 2";

const DATABASE: &str = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
                          FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()";

/// Adds what is not carried to the schema, and the facts of the database as a whole.
pub(super) fn read(session: &mut Session, catalogue: &Catalogue, schema: &mut Schema) -> Result<()> {
    list(session, PRIVILEGES, schema)?;
    if catalogue.version.is_mysql_from((8, 0, 0)) {
        list(session, HISTOGRAMS, schema)?;
        list(session, SECONDARY_ENGINES, schema)?;
    }
    if catalogue.version.is_mariadb() {
        match list(session, STATISTICS, schema) {
            Err(error) if error.kind() != ErrorKind::Permission => return Err(error),
            _ => {}
        }
        list(session, DATABASE_COMMENT, schema)?;
    }
    for row in session.query(READING, DATABASE)? {
        for (column, name) in [CHARACTER_SET, ddl::COLLATION].into_iter().enumerate() {
            schema.attributes.insert(name.to_owned(), text(&row, column).unwrap_or_default());
        }
    }
    schema.attributes.insert(ddl::FLAVOUR.to_owned(), catalogue.flavour());
    Ok(())
}

const DATABASE_COMMENT: &str = "
  SELECT 'comment', 'the database', 'it belongs to the database itself: ALTER DATABASE ... COMMENT sets it in the target'
    FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE() AND SCHEMA_COMMENT <> ''";

/// Adds the rows of a query of kind, name and reason.
fn list(session: &mut Session, sql: &str, schema: &mut Schema) -> Result<()> {
    for row in session.query(READING, sql)? {
        let column = |at| text(&row, at).unwrap_or_default();
        schema.not_carried.push(NotCarried { kind: column(0), name: column(1), reason: column(2) });
    }
    Ok(())
}
