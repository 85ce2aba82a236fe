//! What every session is set to before it is used.

use crate::session::Session;
use dbferry_dialect::Result;

/// Text in UTF-8, times in UTC, values and catalogue texts in one spelling, no time limits, nothing in the search path, and
/// an error rather than fewer rows where row-level security would hide some. Every user may set these.
const SETTINGS: &[(&str, &str)] = &[
    ("search_path", ""),
    ("client_encoding", "UTF8"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("xmloption", "content"),
    ("xmlbinary", "base64"),
    ("standard_conforming_strings", "on"),
    ("array_nulls", "on"),
    ("quote_all_identifiers", "off"),
    ("transform_null_equals", "off"),
    ("row_security", "off"),
    // A table is read from its beginning, so that the same data gives the same archive.
    ("synchronize_seqscans", "off"),
    // Compiling a query that only copies costs more than it saves.
    ("jit", "off"),
    ("client_min_messages", "warning"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("transaction_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
];

/// Sets a session up. A setting that this version of the server does not have is left out.
///
/// # Errors
/// When the server refuses.
pub(super) fn prepare(session: &mut Session) -> Result<()> {
    // The first statement alone empties the search path, so that the second means the catalogue's own operators.
    let values: Vec<String> = SETTINGS.iter().map(|(name, value)| format!("('{name}', '{value}')")).collect();
    let sql = format!(
        "SELECT pg_catalog.set_config('search_path', '', false); \
         SELECT pg_catalog.count(pg_catalog.set_config(s.name, v.value, false)) \
         FROM (VALUES {}) AS v (name, value) JOIN pg_catalog.pg_settings AS s ON s.name = v.name",
        values.join(", ")
    );
    session.run("cannot set the session up", &sql)
}
