use super::*;

fn of(text: &str) -> (String, LogicalType) {
    let native = NativeText::parse(text);
    let logical = logical(&native);
    assert_eq!(NativeText::parse(&native.text), native, "{text} is spelt so that it stays");
    assert!(logical.validate().is_ok(), "{text}");
    (native.text, logical)
}

fn int(bits: u8, signed: bool) -> LogicalType {
    LogicalType::Int { bits, signed }
}

fn text(max_chars: Option<u64>, fixed: bool) -> LogicalType {
    LogicalType::Text { max_chars, fixed }
}

fn bytes(max_bytes: Option<u64>, fixed: bool) -> LogicalType {
    LogicalType::Bytes { max_bytes, fixed }
}

/// `COLUMN_TYPE` of MySQL 9.7, of MySQL before 8.0.19, which shows the width of whole numbers, and of MariaDB 10.11.
#[test]
fn both_flavours_spell_types_alike() {
    for (spellings, normalised, logical) in [
        (&["tinyint", "tinyint(4)", "TINYINT(3)"][..], "tinyint", int(8, true)),
        (&["tinyint(1)"], "tinyint(1)", int(8, true)),
        (&["tinyint unsigned", "tinyint(3) unsigned", "tinyint(1) unsigned"], "tinyint unsigned", int(8, false)),
        (&["tinyint(3) unsigned zerofill", "tinyint(3) zerofill"], "tinyint(3) unsigned zerofill", int(8, false)),
        (&["smallint", "smallint(6)"], "smallint", int(16, true)),
        (&["mediumint", "mediumint(9)"], "mediumint", int(32, true)),
        (&["mediumint unsigned", "mediumint(8) unsigned"], "mediumint unsigned", int(32, false)),
        (&["int", "int(11)", "integer"], "int", int(32, true)),
        (&["int(5) unsigned zerofill"], "int(5) unsigned zerofill", int(32, false)),
        (&["bigint", "bigint(20)"], "bigint", int(64, true)),
        (&["bigint unsigned", "bigint(20) unsigned"], "bigint unsigned", int(64, false)),
        (&["bit(1)", "bit"], "bit(1)", LogicalType::Bool),
        (&["bit(64)"], "bit(64)", LogicalType::Bits { length: Some(64), varying: false }),
        (
            &["decimal(10,0)", "decimal", "numeric(10)"],
            "decimal(10,0)",
            LogicalType::Decimal { precision: 10, scale: 0 },
        ),
        (&["decimal(65,30)"], "decimal(65,30)", LogicalType::Decimal { precision: 65, scale: 30 }),
        (
            &["decimal(8,2) unsigned zerofill"],
            "decimal(8,2) unsigned zerofill",
            LogicalType::Decimal { precision: 8, scale: 2 },
        ),
        (&["float"], "float", LogicalType::Float { bits: 32 }),
        (&["float(7,3)"], "float(7,3)", LogicalType::Float { bits: 32 }),
        (&["float unsigned"], "float unsigned", LogicalType::Float { bits: 32 }),
        (&["double", "double precision", "real"], "double", LogicalType::FLOAT64),
        (&["double(10,2)"], "double(10,2)", LogicalType::FLOAT64),
        (&["char(10)"], "char(10)", text(Some(10), true)),
        (&["char(0)"], "char(0)", text(Some(0), true)),
        (&["varchar(255)", "varchar(255) /*M!100301 COMPRESSED*/"], "varchar(255)", text(Some(255), false)),
        (&["tinytext"], "tinytext", LogicalType::TEXT),
        (&["text", "text /*M!100301 COMPRESSED*/"], "text", LogicalType::TEXT),
        (&["mediumtext"], "mediumtext", LogicalType::TEXT),
        (&["longtext"], "longtext", LogicalType::TEXT),
        (&["binary(16)"], "binary(16)", bytes(Some(16), true)),
        (&["varbinary(20)"], "varbinary(20)", bytes(Some(20), false)),
        (&["tinyblob"], "tinyblob", LogicalType::BYTES),
        (&["blob"], "blob", LogicalType::BYTES),
        (&["mediumblob"], "mediumblob", LogicalType::BYTES),
        (&["longblob"], "longblob", LogicalType::BYTES),
        (&["date"], "date", LogicalType::Date),
        (&["datetime", "datetime(0)"], "datetime", LogicalType::Timestamp { precision: 0 }),
        (&["datetime(3)", "datetime(3) /* mariadb-5.3 */"], "datetime(3)", LogicalType::Timestamp { precision: 3 }),
        (&["timestamp"], "timestamp", LogicalType::Instant { precision: 0 }),
        (&["timestamp(6)"], "timestamp(6)", LogicalType::Instant { precision: 6 }),
        (&["time"], "time", LogicalType::Span { precision: 0 }),
        (&["time(4)"], "time(4)", LogicalType::Span { precision: 4 }),
        (&["year", "year(4)"], "year", LogicalType::Year),
        (&["json"], "json", LogicalType::Json),
        (&["uuid"], "uuid", LogicalType::Uuid),
        (&["inet4"], "inet4", LogicalType::Network { kind: NetworkKind::Inet }),
        (&["inet6"], "inet6", LogicalType::Network { kind: NetworkKind::Inet }),
        (&["vector(3)"], "vector(3)", LogicalType::List { element: Box::new(LogicalType::Float { bits: 32 }) }),
        (&["geometry"], "geometry", LogicalType::Geometry { srid: None, kind: None, geodesic: false }),
        (
            &["geomcollection", "geometrycollection"],
            "geometrycollection",
            LogicalType::Geometry { srid: None, kind: Some("geometrycollection".into()), geodesic: false },
        ),
        (
            &["multipolygon"],
            "multipolygon",
            LogicalType::Geometry { srid: None, kind: Some("multipolygon".into()), geodesic: false },
        ),
        (
            &["enum('a','it''s','c,d','E \\\\ )')"],
            "enum('a','it''s','c,d','E \\\\ )')",
            LogicalType::Enum { labels: ["a", "it's", "c,d", "E \\ )"].map(String::from).to_vec() },
        ),
        (&["set('x','Y')"], "set('x','Y')", LogicalType::Set { labels: ["x", "Y"].map(String::from).to_vec() }),
        // A type of a plugin.
        (
            &["mystery(3)"],
            "mystery(3)",
            LogicalType::Opaque { dialect: "mysql".into(), native: "mystery(3)".into(), form: OpaqueForm::Text },
        ),
    ] {
        for spelling in spellings {
            assert_eq!(of(spelling), (normalised.to_owned(), logical.clone()), "{spelling}");
        }
    }
}

#[test]
fn what_is_no_type_is_not_taken_for_one() {
    for text in ["", "(", "'x'", "decimal(999,0)", "datetime(7)", "varchar", "int(", "bit(99999999999)"] {
        let native = NativeText::parse(text);
        // Nothing here may panic; what is not understood is opaque.
        _ = logical(&native).to_string();
    }
    assert!(!NativeText::parse("datetime(7)").is_known());
    assert!(!NativeText::parse("varchar").is_known());
}
