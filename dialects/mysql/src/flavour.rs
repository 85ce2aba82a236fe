//! Which server it is: MySQL or MariaDB, and how new.

use std::fmt;

/// The two families of servers. They have grown apart in types, catalogues and statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flavour {
    /// Oracle's MySQL, and what is built from it (Percona Server).
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Flavour {
    /// The name in attributes of an archive.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerVersion {
    /// Which family.
    pub(crate) flavour: Flavour,
    /// Major, minor and patch level.
    pub(crate) number: (u16, u16, u16),
}

impl ServerVersion {
    /// Reads what `VERSION()` gives: `9.7.4`, `10.11.14-MariaDB-deb12`. MariaDB says so in its version; in the handshake it
    /// may put `5.5.5-` before it, for old clients.
    pub(crate) fn parse(text: &str) -> Self {
        let flavour = if text.to_ascii_lowercase().contains("mariadb") { Flavour::MariaDb } else { Flavour::MySql };
        let text = text.strip_prefix("5.5.5-").filter(|_| flavour == Flavour::MariaDb).unwrap_or(text);
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self { flavour, number: (next(), next(), next()) }
    }

    /// Whether it is MariaDB.
    pub(crate) fn is_mariadb(self) -> bool {
        self.flavour == Flavour::MariaDb
    }

    /// Whether it is MariaDB of that version or newer.
    pub(crate) fn is_mariadb_from(self, number: (u16, u16, u16)) -> bool {
        self.flavour == Flavour::MariaDb && self.number >= number
    }

    /// Whether it is MySQL of that version or newer.
    pub(crate) fn is_mysql_from(self, number: (u16, u16, u16)) -> bool {
        self.flavour == Flavour::MySql && self.number >= number
    }

    /// The product as it names itself.
    pub(crate) fn product(self) -> &'static str {
        match self.flavour {
            Flavour::MySql => "MySQL",
            Flavour::MariaDb => "MariaDB",
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.number;
        write!(f, "{} {major}.{minor}.{patch}", self.product())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_understood() {
        let maria = ServerVersion::parse("5.5.5-10.11.14-MariaDB-0+deb12u2");
        assert_eq!(maria.to_string(), "MariaDB 10.11.14");
        assert!(
            maria.is_mariadb_from((10, 5, 0)) && !maria.is_mariadb_from((11, 0, 0)) && !maria.is_mysql_from((5, 0, 0))
        );
        let mysql = ServerVersion::parse("9.7.4");
        assert!(mysql.is_mysql_from((8, 0, 13)) && !mysql.is_mariadb());
        assert_eq!(ServerVersion::parse("8.4.0-1.commercial").number, (8, 4, 0));
    }
}
