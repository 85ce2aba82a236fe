//! Declared types to logical types.
//!
//! A declared type is only a hint in SQLite: it sets the column's affinity, and any cell may still hold any storage class.
//! The choice here is refined by a look at some values ([`crate::sample`]) and need not be right for all of them: a value
//! that does not fit becomes an exception.

pub(crate) mod spelled;

use crate::number::Decimal;
use crate::sample::{Profile, Style};
use crate::temporal::Separator;
use dbferry_dialect::LogicalType;
use dbferry_dialect::model::NativeType;
use std::collections::BTreeMap;

/// The native parameter that names the column's affinity.
pub(crate) const AFFINITY: &str = "affinity";
/// The native parameter that says how a value of the logical type is stored.
pub(crate) const ENCODING: &str = "encoding";

/// What SQLite does with a value that is stored in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    /// SQLite's own rules, in its order: <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.
    pub(crate) fn of(declared: &str) -> Self {
        let upper = declared.to_ascii_uppercase();
        let has = |part| upper.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || upper.is_empty() {
            Self::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }

    /// Its name in the native parameters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Blob => "blob",
            Self::Real => "real",
            Self::Numeric => "numeric",
        }
    }
}

/// What a declared type asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Family {
    Dynamic,
    Integer,
    Real,
    Text {
        max_chars: Option<u64>,
    },
    Bytes,
    Bool,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Numeric,
    Date,
    Timestamp,
    Uuid,
    /// A name of NUMERIC affinity that says nothing about numbers: its values decide.
    Unknown,
}

/// How much of a value the choice depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// On nothing: there is no choice.
    Nowhere,
    /// On its storage class.
    Class,
    /// On the value itself.
    Value,
}

impl Family {
    /// What the declared type of a column asks for.
    pub(crate) fn of(declared: &str, strict: bool) -> Self {
        let (name, arguments) = split(declared);
        if strict && name == "ANY" {
            return Self::Dynamic;
        }
        match name.as_str() {
            "" => return Self::Dynamic,
            "BOOL" | "BOOLEAN" => return Self::Bool,
            "DATE" => return Self::Date,
            "UUID" | "GUID" | "UNIQUEIDENTIFIER" => return Self::Uuid,
            _ => {}
        }
        if spelled::meaning(declared).is_some() {
            // The numbers in parentheses are no length.
            return Self::Text { max_chars: None };
        }
        match Affinity::of(declared) {
            Affinity::Integer => Self::Integer,
            Affinity::Real => Self::Real,
            Affinity::Blob => Self::Bytes,
            Affinity::Text => Self::Text { max_chars: arguments.first().copied().filter(|_| arguments.len() == 1) },
            Affinity::Numeric if name.starts_with("DATETIME") || name.starts_with("TIMESTAMP") => Self::Timestamp,
            Affinity::Numeric => match name.as_str() {
                "NUMERIC" | "DECIMAL" | "DEC" | "NUMBER" | "FIXED" => decimal(&arguments).unwrap_or(Self::Numeric),
                "MONEY" | "SMALLMONEY" | "CURRENCY" => Self::Numeric,
                _ => Self::Unknown,
            },
        }
    }

    /// What must be looked at to choose.
    pub(crate) fn look(self) -> Look {
        match self {
            Self::Dynamic => Look::Nowhere,
            Self::Integer | Self::Real | Self::Text { .. } | Self::Bytes | Self::Numeric | Self::Unknown => Look::Class,
            Self::Bool | Self::Decimal { .. } | Self::Date | Self::Timestamp | Self::Uuid => Look::Value,
        }
    }

    /// The decimal type that values are tried against.
    pub(crate) fn decimal(self) -> Option<Decimal> {
        match self {
            Self::Decimal { precision, scale } => Decimal::new(precision, scale),
            _ => None,
        }
    }

    /// The logical type and the encoding, by what the sample shows. An empty sample gives what the name asks for.
    pub(crate) fn choose(self, profile: &Profile) -> (LogicalType, Option<String>) {
        let some = |logical, encoding: &str| (logical, Some(encoding.to_owned()));
        let empty = profile.total() == 0;
        match self {
            Self::Dynamic => (LogicalType::Dynamic, None),
            Self::Integer if empty || profile.integers > 0 => some(LogicalType::INT64, "integer"),
            Self::Real if empty || profile.reals > 0 => some(LogicalType::FLOAT64, "real"),
            Self::Text { max_chars } if empty || profile.texts > 0 => {
                some(LogicalType::Text { max_chars, fixed: false }, "text")
            }
            Self::Bytes if empty => some(LogicalType::BYTES, "blob"),
            Self::Bytes if profile.blobs < profile.total() => (LogicalType::Dynamic, None),
            Self::Bool if profile.integers == profile.total() && profile.beyond_bool == 0 => {
                some(LogicalType::Bool, "integer")
            }
            Self::Bool if profile.integers > 0 => some(LogicalType::INT64, "integer"),
            Self::Decimal { precision, scale } if profile.mostly_numbers() && profile.misfits == 0 => {
                some(LogicalType::Decimal { precision, scale }, "number")
            }
            Self::Decimal { .. } | Self::Numeric if profile.mostly_numbers() => some(LogicalType::Numeric, "number"),
            Self::Unknown if !empty && profile.mostly_numbers() => some(LogicalType::Numeric, "number"),
            Self::Unknown if empty => some(LogicalType::TEXT, "text"),
            Self::Date if profile.texts == profile.total() && profile.not_dates == 0 => {
                some(LogicalType::Date, "iso-date")
            }
            Self::Timestamp if empty => timestamp(Separator::Space, 0),
            Self::Timestamp if profile.texts == profile.total() => match profile.style {
                Style::One(separator, fraction) => timestamp(separator, fraction),
                Style::None | Style::Many => some(LogicalType::TEXT, "text"),
            },
            Self::Uuid if profile.texts == profile.total() && profile.not_uuids == 0 => some(LogicalType::Uuid, "text"),
            Self::Uuid if profile.blobs == profile.total() && profile.not_uuids == 0 => some(LogicalType::Uuid, "blob"),
            _ => by_class(profile),
        }
    }
}

/// The logical type that a declared type asks for when no value is looked at. Of a `STRICT` table only `ANY` means something
/// else, and there the declarations alone do not tell.
pub(crate) fn declared_type(declared: &str) -> LogicalType {
    Family::of(declared, false).choose(&Profile::default()).0
}

/// Whether a column declared as `target` stores every value that comes out of one declared as `source` as it is.
pub(crate) fn stores_alike(source: &str, target: &str) -> bool {
    use Affinity::{Blob, Integer, Numeric};
    // `ANY` keeps values as they are in a `STRICT` table and is a number's name in any other.
    let is_any = |declared: &str| declared.eq_ignore_ascii_case("ANY");
    if is_any(source) || is_any(target) {
        return is_any(source) && is_any(target);
    }
    match (Affinity::of(source), Affinity::of(target)) {
        // Nothing is converted on the way in.
        (_, Blob) => true,
        // They differ in CAST expressions only.
        (Integer | Numeric, Integer | Numeric) => true,
        (source, target) => source == target,
    }
}

/// The native type of a column that is stored so.
pub(crate) fn native(declared: &str, encoding: Option<String>) -> NativeType {
    let mut parameters = BTreeMap::from([(AFFINITY.to_owned(), Affinity::of(declared).as_str().to_owned())]);
    if let Some(encoding) = encoding {
        parameters.insert(ENCODING.to_owned(), encoding);
    }
    NativeType { text: declared.to_owned(), parameters, imposed: None }
}

/// One storage class gives its own type, several give [`LogicalType::Dynamic`].
fn by_class(profile: &Profile) -> (LogicalType, Option<String>) {
    let total = profile.total();
    let (logical, encoding) = if profile.integers == total {
        (LogicalType::INT64, "integer")
    } else if profile.reals == total {
        (LogicalType::FLOAT64, "real")
    } else if profile.texts == total {
        (LogicalType::TEXT, "text")
    } else if profile.blobs == total {
        (LogicalType::BYTES, "blob")
    } else {
        return (LogicalType::Dynamic, None);
    };
    (logical, Some(encoding.to_owned()))
}

fn timestamp(separator: Separator, fraction: usize) -> (LogicalType, Option<String>) {
    let style = match separator {
        Separator::Space => "iso-space",
        Separator::T => "iso-t",
    };
    // A style has 0, 3 or 6 digits.
    let precision = u8::try_from(fraction).unwrap_or(6);
    (LogicalType::Timestamp { precision }, Some(format!("{style}.{precision}")))
}

/// `DECIMAL(10,2)` and `DECIMAL(10)`; `None` for what no 38 digits hold.
fn decimal(arguments: &[u64]) -> Option<Family> {
    let (precision, scale) = match arguments {
        [precision] => (*precision, 0),
        [precision, scale] => (*precision, *scale),
        _ => return None,
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    Decimal::new(precision, scale).map(|_| Family::Decimal { precision, scale })
}

/// The name in upper case and the numbers in parentheses. Arguments that are no numbers count as none.
fn split(declared: &str) -> (String, Vec<u64>) {
    let (name, rest) = declared.split_once('(').unwrap_or((declared, ""));
    let arguments = rest.split_once(')').and_then(|(inside, _)| {
        inside.split(',').map(|argument| argument.trim().parse().ok()).collect::<Option<Vec<u64>>>()
    });
    (name.trim().to_ascii_uppercase(), arguments.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::ValueRef;

    fn choose(declared: &str, values: &[ValueRef<'_>]) -> (String, String) {
        let family = Family::of(declared, false);
        let mut profile = Profile::default();
        for value in values {
            profile.add(*value, family.decimal());
        }
        let (logical, encoding) = family.choose(&profile);
        (logical.to_string(), encoding.unwrap_or_else(|| "-".into()))
    }

    fn text(value: &str) -> ValueRef<'_> {
        ValueRef::Text(value.as_bytes())
    }

    const UUID: &str = "0190d3a0-0000-7abc-8def-000000000001";

    #[test]
    fn affinity_is_what_sqlite_says() {
        for (declared, affinity) in [
            ("INTEGER", Affinity::Integer),
            ("CHARINT", Affinity::Integer),
            ("FLOATING POINT", Affinity::Integer),
            ("VARCHAR(255)", Affinity::Text),
            ("NATIVE CHARACTER(70)", Affinity::Text),
            ("", Affinity::Blob),
            ("blob", Affinity::Blob),
            ("DOUBLE PRECISION", Affinity::Real),
            ("DECIMAL(10,5)", Affinity::Numeric),
            ("STRING", Affinity::Numeric),
            ("ANY", Affinity::Numeric),
        ] {
            assert_eq!(Affinity::of(declared), affinity, "{declared}");
        }
    }

    #[test]
    fn an_empty_column_is_what_its_name_says() {
        for (declared, logical, encoding) in [
            ("BIGINT", "int64", "integer"),
            ("bool", "bool", "integer"),
            ("REAL", "float64", "real"),
            ("varchar(40)", "text(40)", "text"),
            ("TEXT", "text", "text"),
            ("BLOB", "bytes", "blob"),
            ("", "dynamic", "-"),
            ("DECIMAL(10,2)", "decimal(10,2)", "number"),
            ("NUMERIC( 38 , 38 )", "decimal(38,38)", "number"),
            ("DECIMAL(39,2)", "numeric", "number"),
            ("DECIMAL(5,6)", "numeric", "number"),
            ("NUMERIC", "numeric", "number"),
            ("MONEY", "numeric", "number"),
            ("DATE", "date", "iso-date"),
            ("DATETIME", "timestamp(0)", "iso-space.0"),
            ("TIMESTAMP WITH TIME ZONE", "timestamp(0)", "iso-space.0"),
            ("UUID", "uuid", "text"),
            ("JSON", "text", "text"),
        ] {
            assert_eq!(choose(declared, &[]), (logical.into(), encoding.into()), "{declared}");
            assert_eq!(choose(declared, &[ValueRef::Null]), (logical.into(), encoding.into()), "{declared}");
        }
    }

    #[test]
    fn values_refine_the_choice() {
        use ValueRef::{Blob, Integer, Real};
        let cases: &[(&str, &[ValueRef<'_>], &str, &str)] = &[
            ("BOOLEAN", &[Integer(0), Integer(1)], "bool", "integer"),
            ("BOOLEAN", &[Integer(0), Integer(2)], "int64", "integer"),
            ("BOOLEAN", &[text("true")], "text", "text"),
            ("INTEGER", &[Integer(1), text("a")], "int64", "integer"),
            ("POINT", &[Blob(b"x")], "bytes", "blob"),
            ("BLOB", &[Blob(b"x"), text("a")], "dynamic", "-"),
            ("BLOB", &[Blob(b"x")], "bytes", "blob"),
            ("TEXT", &[text("a"), Blob(b"x")], "text", "text"),
            ("DECIMAL(5,2)", &[Integer(17), Real(0.02)], "decimal(5,2)", "number"),
            ("DECIMAL(5,2)", &[Real(0.001)], "numeric", "number"),
            ("DECIMAL(5,2)", &[text("a")], "text", "text"),
            ("NUMERIC", &[Integer(1), Real(0.5)], "numeric", "number"),
            ("NUMERIC", &[Integer(1), text("n/a")], "dynamic", "-"),
            ("DATE", &[text("2024-02-29"), text("0000-01-01")], "date", "iso-date"),
            ("DATE", &[text("2024-02-30")], "text", "text"),
            ("DATE", &[Integer(1)], "int64", "integer"),
            ("DATE", &[Real(2_460_000.5)], "float64", "real"),
            ("DATE", &[Integer(1), text("2024-02-29")], "dynamic", "-"),
            ("DATETIME", &[text("2024-02-29 10:00:00")], "timestamp(0)", "iso-space.0"),
            ("TIMESTAMP(6)", &[text("2024-02-29T10:00:00.123")], "timestamp(3)", "iso-t.3"),
            ("TIMESTAMP", &[text("2024-02-29T10:00:00"), text("2024-02-29 10:00:00")], "text", "text"),
            ("TIMESTAMP", &[text("2024-02-29T10:00:00"), text("2024-02-29")], "text", "text"),
            ("DATETIME", &[Integer(1_700_000_000)], "int64", "integer"),
            ("UUID", &[text(UUID)], "uuid", "text"),
            ("UUID", &[Blob(&[7; 16])], "uuid", "blob"),
            ("UUID", &[text(UUID), Blob(&[7; 16])], "dynamic", "-"),
            ("GUID", &[text("0190D3A0-0000-7abc-8def-000000000001")], "text", "text"),
            ("GUID", &[Blob(&[7; 15])], "bytes", "blob"),
            ("JSON", &[text("{}")], "text", "text"),
            ("JSON", &[Integer(1)], "numeric", "number"),
            ("JSON", &[Integer(1), text("{}")], "dynamic", "-"),
        ];
        for (declared, values, logical, encoding) in cases {
            assert_eq!(choose(declared, values), ((*logical).into(), (*encoding).into()), "{declared} {values:?}");
        }
    }

    #[test]
    fn strict_tables_say_what_they_mean() {
        assert_eq!(Family::of("ANY", true), Family::Dynamic);
        assert_eq!(Family::of("ANY", false), Family::Unknown);
        assert_eq!(Family::of("INT", true), Family::Integer);
    }
}
