//! SQLite for dbferry.
