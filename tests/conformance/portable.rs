//! Databases that every SQL engine can hold, made from the schema model.
//!
//! All of it is in the namespace `main`, in types that every engine holds exactly, without texts that one of them refuses
//! (NUL) and names that differ in case only. What an engine may lack is asked for with a [`Need`].

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use dbferry::dialect::model::{
    Counter, DefaultMeaning, DefaultValue, Deferral, ForeignKey, Identity, Index, IndexPart, IndexSubject, Key,
    ReferentialAction,
};
use dbferry::dialect::testkit::generate::{self, GenerateOptions};
use dbferry::dialect::{Batch, Capabilities, Collection, CollectionName, Column, LogicalType, Schema, carrier};
use std::sync::Arc;

/// A database as a schema and its rows.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) schema: Schema,
    pub(crate) rows: Vec<(CollectionName, Vec<Batch>)>,
}

/// One case of the matrix.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) needs: Option<Need>,
    pub(crate) make: Box<dyn Fn() -> Tables + Send>,
}

/// An ability that a case needs.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    pub(crate) name: &'static str,
    pub(crate) is_met: fn(&Capabilities) -> bool,
}

const UNSIGNED: Need = Need { name: "unsigned integers", is_met: |can| can.unsigned_integers };
const COMMENTS: Need = Need { name: "comments", is_met: |can| can.comments };
const SUPPLEMENTARY: Need = Need { name: "names of any character", is_met: |can| can.identifiers.supplementary };
const NAMESPACES: Need = Need { name: "namespaces", is_met: |can| can.namespaces };

pub(crate) fn cases() -> Vec<Case> {
    const SEEDS: std::ops::Range<u64> = 1..9;
    let plain = |name: &str, make: fn() -> Tables| Case { name: name.into(), needs: None, make: Box::new(make) };
    let needing = |name: &str, need, make| Case { needs: Some(need), ..plain(name, make) };
    let mut cases = vec![
        plain("every_type", every_type),
        plain("keys", keys),
        plain("references_to_itself", references_to_itself),
        plain("a_cycle_of_references", cycle),
        plain("a_chain_of_references", chain),
        plain("empty_tables_with_counters", counters),
        plain("defaults_and_indexes", defaults_and_indexes),
        plain("many_columns", many_columns),
        plain("long_values", long_values),
        plain("many_rows", many_rows),
        plain("many_tables", many_tables),
        plain("odd_names", odd_names),
        needing("supplementary_names", SUPPLEMENTARY, supplementary_names),
        needing("unsigned_numbers", UNSIGNED, unsigned_numbers),
        needing("comments", COMMENTS, comments),
        needing("two_namespaces", NAMESPACES, two_namespaces),
    ];
    cases.extend(SEEDS.map(|seed| Case {
        name: format!("generated_{seed}"),
        needs: None,
        make: Box::new(move || {
            let options = GenerateOptions { portable_only: true, collections: 6, max_rows: 200 };
            let (schema, rows) = generate::database(seed, &options);
            Tables { schema, rows }
        }),
    }));
    cases
}

impl Tables {
    fn with(mut self, collection: Collection, columns: Vec<ArrayRef>) -> Self {
        let records = RecordBatch::try_new(carrier::schema(&collection), columns).expect("cells of the columns' types");
        self.rows.push((collection.name.clone(), vec![Batch::plain(records)]));
        self.schema.collections.push(collection);
        self.schema.collections.sort_by(|left, right| left.name.cmp(&right.name));
        self
    }
}

fn main(name: &str) -> CollectionName {
    CollectionName::new("main", name)
}

fn column(name: &str, logical: LogicalType) -> Column {
    let native = logical.to_string();
    Column::new(name, logical, native)
}

/// A table with a whole number as its key, and further columns.
fn table(name: &str, columns: Vec<Column>) -> Collection {
    let mut id = column("id", LogicalType::INT64);
    id.nullable = false;
    let mut table = Collection::table(main(name), std::iter::once(id).chain(columns).collect());
    table.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
    table
}

fn referencing(mut table: Collection, column: &str, parent: &str) -> Collection {
    table.foreign_keys.push(ForeignKey {
        definition: None,
        name: None,
        columns: vec![column.into()],
        references: main(parent),
        referenced_columns: vec!["id".into()],
        on_delete: ReferentialAction::Cascade,
        on_update: ReferentialAction::NoAction,
        deferred: Deferral::Immediate,
    });
    table
}

fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn optional_ints<const N: usize>(values: [Option<i64>; N]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts<const N: usize>(values: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Each type in a column of its own: the least, the greatest, what is special, null.
fn every_type() -> Tables {
    const DAYS: [i32; 5] = [-719_162, 2_932_896, 0, -1, 11_016];
    const DAY: i64 = 86_400_000_000;
    const ROWS: usize = 6;
    let decimal = |precision, scale, digits: [i128; 5]| -> (LogicalType, ArrayRef) {
        let array = Decimal128Array::from_iter(digits.map(Some).into_iter().chain([None]));
        let array = array.with_precision_and_scale(precision, scale as i8).expect("digits");
        (LogicalType::Decimal { precision, scale }, Arc::new(array))
    };
    let nines = |digits: u32| 10_i128.pow(digits) - 1;
    let instants = |unit: i64| -> ArrayRef {
        let (first, last) = (i64::from(DAYS[0]) * DAY, (i64::from(DAYS[1]) + 1) * DAY - unit);
        Arc::new(TimestampMicrosecondArray::from(vec![Some(first), Some(last), Some(0), Some(-unit), Some(unit), None]))
    };
    let uuids = [[0; 16], [0xff; 16], *b"sixteen bytes at", [0x61; 16], [1; 16]];
    let uuids = uuids.iter().map(|bytes| Some(bytes.as_slice())).chain([None]);
    let columns: Vec<(&str, LogicalType, ArrayRef)> = vec![
        (
            "truth",
            LogicalType::Bool,
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(false), None])),
        ),
        (
            "small",
            LogicalType::Int { bits: 16, signed: true },
            Arc::new(Int16Array::from(vec![Some(i16::MIN), Some(i16::MAX), Some(0), Some(-1), Some(1), None])),
        ),
        (
            "whole",
            LogicalType::Int { bits: 32, signed: true },
            Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(i32::MAX), Some(0), Some(-1), Some(1), None])),
        ),
        (
            "large",
            LogicalType::INT64,
            optional_ints([Some(i64::MIN), Some(i64::MAX), Some(0), Some(-1), Some(1 << 53 | 1), None]),
        ),
        (
            "real",
            LogicalType::FLOAT64,
            Arc::new(Float64Array::from(vec![
                Some(f64::MIN),
                Some(f64::MAX),
                Some(5e-324),
                Some(0.1 + 0.2),
                Some(1e22),
                None,
            ])),
        ),
        {
            let (logical, cells) = decimal(1, 0, [9, -9, 0, 1, -1]);
            ("digit", logical, cells)
        },
        {
            let (logical, cells) = decimal(18, 6, [nines(18), -nines(18), 0, 1, 1_500_000]);
            ("money", logical, cells)
        },
        {
            let (logical, cells) = decimal(38, 10, [nines(38), -nines(38), 0, 1, 10_i128.pow(37)]);
            ("digits", logical, cells)
        },
        (
            "text",
            LogicalType::TEXT,
            texts([
                Some(""),
                Some(" \u{1f469}\u{200d}\u{1f680} "),
                Some("NULL"),
                Some("1e5"),
                Some("it's\r\n\\\"`"),
                None,
            ]),
        ),
        (
            "name",
            LogicalType::Text { max_chars: Some(4), fixed: false },
            texts([
                Some(""),
                Some("\u{1f600}\u{1f600}\u{1f600}\u{1f600}"),
                Some("abcd"),
                Some("0042"),
                Some(" a "),
                None,
            ]),
        ),
        (
            "bytes",
            LogicalType::BYTES,
            Arc::new(BinaryArray::from(vec![
                Some(&b""[..]),
                Some(&[0]),
                Some(&[0xff, 0, 0xfe]),
                Some(b"text"),
                Some(b"'\\"),
                None,
            ])),
        ),
        ("day", LogicalType::Date, Arc::new(Date32Array::from_iter(DAYS.map(Some).into_iter().chain([None])))),
        (
            "time",
            LogicalType::Time { precision: 6 },
            Arc::new(Time64MicrosecondArray::from(vec![
                Some(0),
                Some(DAY - 1),
                Some(1),
                Some(43_200_000_000),
                Some(1_500_000),
                None,
            ])),
        ),
        ("seconds", LogicalType::Timestamp { precision: 0 }, instants(1_000_000)),
        ("millis", LogicalType::Timestamp { precision: 3 }, instants(1000)),
        ("micros", LogicalType::Timestamp { precision: 6 }, instants(1)),
        (
            "uuid",
            LogicalType::Uuid,
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(uuids, 16).expect("16 bytes each")),
        ),
    ];
    let declared = columns.iter().map(|(name, logical, _)| column(name, logical.clone())).collect();
    let cells = std::iter::once(ints(1..=ROWS as i64)).chain(columns.into_iter().map(|(_, _, cells)| cells)).collect();
    Tables::default().with(table("every_type", declared), cells)
}

fn keys() -> Tables {
    let not_null = |name, logical| Column { nullable: false, ..column(name, logical) };
    let key = |columns: &[&str]| Key {
        definition: None,
        name: None,
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
    };
    let mut pair = Collection::table(
        main("pair"),
        vec![not_null("b", LogicalType::TEXT), not_null("a", LogicalType::INT64), column("v", LogicalType::TEXT)],
    );
    pair.primary_key = Some(key(&["a", "b"]));
    let mut by_text = Collection::table(main("by_text"), vec![not_null("code", LogicalType::TEXT)]);
    by_text.primary_key = Some(key(&["code"]));
    let mut unique = table("unique_with_nulls", vec![column("x", LogicalType::INT64), column("y", LogicalType::TEXT)]);
    unique.unique_keys = vec![key(&["x", "y"]), key(&["y"])];
    let keyless = Collection::table(main("keyless"), vec![column("v", LogicalType::TEXT)]);
    Tables::default()
        .with(
            pair,
            vec![texts([Some("x"), Some("x"), Some("y")]), ints([1, 2, 1]), texts([None, Some("same"), Some("same")])],
        )
        .with(by_text, vec![texts([Some(""), Some("a"), Some("a b"), Some("\u{e9}"), Some("~")])])
        .with(unique, vec![ints([-5, 0, 7]), optional_ints([None, None, Some(1)]), texts([None, None, Some("1")])])
        .with(keyless, vec![texts([Some("same"), Some("same"), None, None, Some("")])])
}

fn references_to_itself() -> Tables {
    let tree = referencing(table("tree", vec![column("parent", LogicalType::INT64)]), "parent", "tree");
    // Children before parents, a row that is its own parent, two that are each other's.
    let rows = vec![ints([1, 2, 3, 4, 5]), optional_ints([Some(5), None, Some(3), Some(5), Some(4)])];
    Tables::default().with(tree, rows)
}

fn cycle() -> Tables {
    let hens = referencing(table("hens", vec![column("egg", LogicalType::INT64)]), "egg", "eggs");
    let eggs = referencing(table("eggs", vec![column("hen", LogicalType::INT64)]), "hen", "hens");
    Tables::default()
        .with(hens, vec![ints([1, 2]), optional_ints([Some(1), None])])
        .with(eggs, vec![ints([1, 2, 3]), optional_ints([Some(1), Some(1), Some(2)])])
}

fn chain() -> Tables {
    // Against the order of names, so that children come before their parents wherever names decide.
    (0..12).fold(Tables::default(), |tables, level| {
        let mut link = table(&format!("level {:02}", 11 - level), vec![column("up", LogicalType::INT64)]);
        if level > 0 {
            link = referencing(link, "up", &format!("level {:02}", 12 - level));
        }
        tables.with(link, vec![ints([1, 2]), optional_ints([Some(2), None])])
    })
}

fn counters() -> Tables {
    let counted = |name: &str, last_value| {
        let mut table = table(name, vec![column("v", LogicalType::TEXT)]);
        table.columns[0].identity = Some(Identity::ByDefault);
        table.counter = Some(Counter { column: "id".into(), last_value, is_called: true });
        table
    };
    let none = || vec![ints([]), texts([])];
    Tables::default()
        .with(counted("emptied", 77), none())
        .with(counted("ahead", 900), vec![ints([1, 2]), texts([Some("a"), None])])
        .with(counted("large", 1 << 40), vec![ints([1 << 40]), texts([Some("b")])])
        .with(table("empty", vec![column("v", LogicalType::TEXT)]), none())
}

fn defaults_and_indexes() -> Tables {
    let default = |column: Column, native: &str, meaning| Column {
        default: Some(DefaultValue { native: native.into(), meaning: Some(meaning) }),
        ..column
    };
    let mut goods = table(
        "goods",
        vec![
            default(column("label", LogicalType::TEXT), "'it''s'", DefaultMeaning::Text("it's".into())),
            default(column("count", LogicalType::INT64), "-3", DefaultMeaning::Number("-3".into())),
            default(column("note", LogicalType::TEXT), "NULL", DefaultMeaning::Null),
            Column { nullable: false, ..column("code", LogicalType::TEXT) },
        ],
    );
    let part = |name: &str, descending| IndexPart {
        subject: IndexSubject::Column(name.into()),
        meaning: None,
        descending,
        collation: None,
    };
    let index = |name: &str, parts, unique| Index {
        name: name.into(),
        parts,
        unique,
        predicate: None,
        condition: None,
        definition: None,
    };
    goods.indexes = vec![
        index("by \"label\"", vec![part("label", false)], false),
        index("by count and note", vec![part("count", true), part("note", false)], false),
        index("one code", vec![part("code", false)], true),
    ];
    Tables::default().with(
        goods,
        vec![
            ints([1, 2, 3]),
            texts([None, Some("it's"), Some("same")]),
            optional_ints([Some(-3), None, Some(0)]),
            texts([None, None, Some("")]),
            texts([Some("a"), Some("b"), Some("")]),
        ],
    )
}

fn many_columns() -> Tables {
    const COLUMNS: i64 = 300;
    let name = |number| format!("column number {number:03}");
    let wide = |number: i64| if number % 2 == 0 { LogicalType::INT64 } else { LogicalType::TEXT };
    let declared = (0..COLUMNS).map(|number| column(&name(number), wide(number))).collect();
    let cells = (0..COLUMNS).map(|number| {
        if number % 2 == 0 {
            optional_ints([Some(number), None])
        } else {
            texts([None, Some(if number % 3 == 0 { "x" } else { "" })])
        }
    });
    Tables::default().with(table("wide", declared), std::iter::once(ints([1, 2])).chain(cells).collect())
}

fn long_values() -> Tables {
    let long = "\u{65e5}\u{672c}".repeat(300_000);
    let bytes: Vec<u8> = (0..1_500_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let values = table("long", vec![column("t", LogicalType::TEXT), column("b", LogicalType::BYTES)]);
    Tables::default().with(
        values,
        vec![
            ints([1, 2, 3]),
            texts([Some(&long), Some("short"), None]),
            Arc::new(BinaryArray::from(vec![Some(&b"x"[..]), Some(&bytes), None])),
        ],
    )
}

fn many_rows() -> Tables {
    const ROWS: i64 = 20_000;
    let label = |row: i64| if row % 11 == 0 { None } else { Some(format!("row {row}")) };
    let labels: StringArray = (0..ROWS).map(label).collect();
    let rows = table("rows", vec![column("label", LogicalType::TEXT)]);
    // Keys with gaps, so that ranges of keys and of rows are not the same.
    Tables::default().with(rows, vec![ints((0..ROWS).map(|row| row * row - 1000)), Arc::new(labels)])
}

fn many_tables() -> Tables {
    (0..200).fold(Tables::default(), |tables, number| {
        let small = table(&format!("small_{number:03}"), vec![column("v", LogicalType::TEXT)]);
        let rows = if number % 3 == 0 { vec![ints([]), texts([])] } else { vec![ints([number]), texts([Some("x")])] };
        tables.with(small, rows)
    })
}

fn odd_names() -> Tables {
    named(&[
        "select",
        "order",
        "a.b",
        "main.table",
        "it's",
        "quo\"ted",
        "back`tick",
        "[brackets]",
        "two  spaces",
        "\u{e9}t\u{e9}",
        "../up",
        "100%_?*",
        "-- not a comment",
    ])
}

fn supplementary_names() -> Tables {
    named(&["\u{1f986}", "\u{e9}t\u{e9} \u{1f986}"])
}

/// Tables of these names with columns of these names.
fn named(names: &[&str]) -> Tables {
    names.iter().fold(Tables::default(), |tables, name| {
        let odd = table(name, names.iter().map(|name| column(name, LogicalType::TEXT)).collect());
        let cells = names.iter().map(|text| texts([Some(*text), None]));
        tables.with(odd, std::iter::once(ints([1, 2])).chain(cells).collect())
    })
}

fn unsigned_numbers() -> Tables {
    let numbers = table("numbers", vec![column("n", LogicalType::Int { bits: 64, signed: false })]);
    let cells = UInt64Array::from(vec![Some(u64::MAX), Some(0), Some(1 << 63), None]);
    Tables::default().with(numbers, vec![ints([1, 2, 3, 4]), Arc::new(cells)])
}

fn comments() -> Tables {
    let mut told = table("told", vec![column("v", LogicalType::TEXT)]);
    told.comment = Some("it's a \"table\";\n-- with a comment \u{1f600}".into());
    told.columns[1].comment = Some("'".into());
    Tables::default().with(told, vec![ints([1]), texts([None])])
}

fn two_namespaces() -> Tables {
    let mut other = table("t", vec![column("v", LogicalType::TEXT)]);
    other.name = CollectionName::new("other.space", "t");
    let here = table("t", vec![column("v", LogicalType::INT64)]);
    Tables::default()
        .with(here, vec![ints([1]), optional_ints([None])])
        .with(other, vec![ints([1, 2]), texts([Some("x"), None])])
}
