//! Pieces of catalogue queries, and reading their rows.

use dbferry_dialect::{Error, ErrorKind, Result};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// A condition on `pg_namespace n`: namespaces that belong to users. No user can make one that begins with `pg_`.
pub(crate) const USER_NAMESPACE: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// How the privileges of a thing differ from those of a new one, as the JSON that [`access`](crate::ddl::access) reads; null
/// when they do not. `kind` is that of `acldefault`.
pub(crate) fn privileges(kind: char, acl: &str, owner: &str) -> String {
    format!(
        "CASE WHEN {acl} IS NOT NULL THEN (
           SELECT json_agg(json_build_array(x.verb, x.privilege_type,
                    CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee)::text END, x.is_grantable,
                    x.grantee = {owner})
                    ORDER BY x.verb DESC, pg_get_userbyid(x.grantee), x.privilege_type)::text
             FROM ((SELECT 'grant' AS verb, grantee, privilege_type, is_grantable FROM aclexplode({acl})
                    EXCEPT
                    SELECT 'grant', grantee, privilege_type, is_grantable FROM aclexplode(acldefault('{kind}', {owner})))
                   UNION ALL
                   (SELECT 'revoke', grantee, privilege_type, false FROM aclexplode(acldefault('{kind}', {owner}))
                    EXCEPT
                    SELECT 'revoke', grantee, privilege_type, false FROM aclexplode({acl}))) x) END"
    )
}

/// The value of a column of a catalogue query.
pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(|error| {
        Error::new(ErrorKind::Internal, "the catalogue answers something unexpected")
            .with("dialect", crate::NAME)
            .caused_by(error)
    })
}
