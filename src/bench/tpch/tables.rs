//! The tables of TPC-H with their columns and keys, as its specification has them (revision 3, clause 1.4).
//!
//! One thing is different: texts that the specification pads with blanks (`char(n)`) are not padded, since few databases of
//! today are.

use crate::progress::RowCount;
use dbferry_dialect::model::{Deferral, Estimate, ForeignKey, Key, ReferentialAction};
use dbferry_dialect::{Collection, CollectionName, Column, LogicalType};

/// The type of every amount, as standard SQL spells it.
pub(super) const AMOUNT: &str = "DECIMAL(15,2)";

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum Table {
    Region,
    Nation,
    Supplier,
    Part,
    PartSupplier,
    Customer,
    Orders,
    LineItem,
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Key,
    Number,
    Amount,
    Text(u64),
    Date,
}
use Kind::{Amount, Date, Number, Text};

/// Columns, columns of the key, and foreign keys with the tables that they lead to.
struct Shape {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    key: &'static [&'static str],
    foreign_keys: &'static [(&'static [&'static str], Table)],
    /// Bytes of a row, about.
    row_bytes: u64,
}

impl Table {
    /// All of them, parents before children.
    pub(super) const ALL: [Self; 8] = [
        Self::Region,
        Self::Nation,
        Self::Supplier,
        Self::Part,
        Self::PartSupplier,
        Self::Customer,
        Self::Orders,
        Self::LineItem,
    ];

    fn shape(self) -> Shape {
        match self {
            Self::Region => Shape {
                name: "region",
                columns: &[("r_regionkey", Kind::Key), ("r_name", Text(25)), ("r_comment", Text(152))],
                key: &["r_regionkey"],
                foreign_keys: &[],
                row_bytes: 78,
            },
            Self::Nation => Shape {
                name: "nation",
                columns: &[
                    ("n_nationkey", Kind::Key),
                    ("n_name", Text(25)),
                    ("n_regionkey", Kind::Key),
                    ("n_comment", Text(152)),
                ],
                key: &["n_nationkey"],
                foreign_keys: &[(&["n_regionkey"], Self::Region)],
                row_bytes: 90,
            },
            Self::Supplier => Shape {
                name: "supplier",
                columns: &[
                    ("s_suppkey", Kind::Key),
                    ("s_name", Text(25)),
                    ("s_address", Text(40)),
                    ("s_nationkey", Kind::Key),
                    ("s_phone", Text(15)),
                    ("s_acctbal", Amount),
                    ("s_comment", Text(101)),
                ],
                key: &["s_suppkey"],
                foreign_keys: &[(&["s_nationkey"], Self::Nation)],
                row_bytes: 160,
            },
            Self::Part => Shape {
                name: "part",
                columns: &[
                    ("p_partkey", Kind::Key),
                    ("p_name", Text(55)),
                    ("p_mfgr", Text(25)),
                    ("p_brand", Text(10)),
                    ("p_type", Text(25)),
                    ("p_size", Number),
                    ("p_container", Text(10)),
                    ("p_retailprice", Amount),
                    ("p_comment", Text(23)),
                ],
                key: &["p_partkey"],
                foreign_keys: &[],
                row_bytes: 150,
            },
            Self::PartSupplier => Shape {
                name: "partsupp",
                columns: &[
                    ("ps_partkey", Kind::Key),
                    ("ps_suppkey", Kind::Key),
                    ("ps_availqty", Number),
                    ("ps_supplycost", Amount),
                    ("ps_comment", Text(199)),
                ],
                key: &["ps_partkey", "ps_suppkey"],
                foreign_keys: &[(&["ps_partkey"], Self::Part), (&["ps_suppkey"], Self::Supplier)],
                row_bytes: 170,
            },
            Self::Customer => Shape {
                name: "customer",
                columns: &[
                    ("c_custkey", Kind::Key),
                    ("c_name", Text(25)),
                    ("c_address", Text(40)),
                    ("c_nationkey", Kind::Key),
                    ("c_phone", Text(15)),
                    ("c_acctbal", Amount),
                    ("c_mktsegment", Text(10)),
                    ("c_comment", Text(117)),
                ],
                key: &["c_custkey"],
                foreign_keys: &[(&["c_nationkey"], Self::Nation)],
                row_bytes: 190,
            },
            Self::Orders => Shape {
                name: "orders",
                columns: &[
                    ("o_orderkey", Kind::Key),
                    ("o_custkey", Kind::Key),
                    ("o_orderstatus", Text(1)),
                    ("o_totalprice", Amount),
                    ("o_orderdate", Date),
                    ("o_orderpriority", Text(15)),
                    ("o_clerk", Text(15)),
                    ("o_shippriority", Number),
                    ("o_comment", Text(79)),
                ],
                key: &["o_orderkey"],
                foreign_keys: &[(&["o_custkey"], Self::Customer)],
                row_bytes: 130,
            },
            Self::LineItem => Shape {
                name: "lineitem",
                columns: &[
                    ("l_orderkey", Kind::Key),
                    ("l_partkey", Kind::Key),
                    ("l_suppkey", Kind::Key),
                    ("l_linenumber", Number),
                    ("l_quantity", Amount),
                    ("l_extendedprice", Amount),
                    ("l_discount", Amount),
                    ("l_tax", Amount),
                    ("l_returnflag", Text(1)),
                    ("l_linestatus", Text(1)),
                    ("l_shipdate", Date),
                    ("l_commitdate", Date),
                    ("l_receiptdate", Date),
                    ("l_shipinstruct", Text(25)),
                    ("l_shipmode", Text(10)),
                    ("l_comment", Text(44)),
                ],
                key: &["l_orderkey", "l_linenumber"],
                foreign_keys: &[(&["l_orderkey"], Self::Orders), (&["l_partkey", "l_suppkey"], Self::PartSupplier)],
                row_bytes: 130,
            },
        }
    }

    /// The table in that namespace.
    pub(super) fn collection(self, namespace: &str, scale: f64) -> Collection {
        let shape = self.shape();
        let columns = shape.columns.iter().map(|(name, kind)| {
            let (logical, native) = match kind {
                Kind::Key => (LogicalType::INT64, "BIGINT"),
                Number => (LogicalType::Int { bits: 32, signed: true }, "INTEGER"),
                Amount => (LogicalType::Decimal { precision: 15, scale: 2 }, AMOUNT),
                Text(most) => (LogicalType::Text { max_chars: Some(*most), fixed: false }, "VARCHAR"),
                Date => (LogicalType::Date, "DATE"),
            };
            Column { nullable: false, ..Column::new(*name, logical, native) }
        });
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut collection = Collection::table(CollectionName::new(namespace, shape.name), columns.collect());
        collection.primary_key = Some(Key { definition: None, name: None, columns: names(shape.key) });
        collection.foreign_keys = shape
            .foreign_keys
            .iter()
            .map(|(columns, parent)| {
                let parent = parent.shape();
                ForeignKey {
                    definition: None,
                    name: None,
                    columns: names(columns),
                    references: CollectionName::new(namespace, parent.name),
                    referenced_columns: names(parent.key),
                    on_delete: ReferentialAction::NoAction,
                    on_update: ReferentialAction::NoAction,
                    deferred: Deferral::Immediate,
                }
            })
            .collect();
        collection.estimate = Estimate { rows: self.rows(scale).number(), bytes: Some(self.bytes(scale)) };
        collection
    }

    /// How many rows there are at that scale. How many lines an order has is only known once they are made.
    pub(super) fn rows(self, scale: f64) -> RowCount {
        // As the generator rounds.
        let scaled = |rows: f64| RowCount::Exactly((rows * scale) as u64);
        match self {
            Self::Region => RowCount::Exactly(5),
            Self::Nation => RowCount::Exactly(25),
            Self::Supplier => scaled(10_000.0),
            Self::Part => scaled(200_000.0),
            Self::PartSupplier => RowCount::Exactly(Self::Part.rows(scale).number().unwrap_or(0) * 4),
            Self::Customer => scaled(150_000.0),
            Self::Orders => scaled(1_500_000.0),
            Self::LineItem => RowCount::About((6_001_215.0 * scale) as u64),
        }
    }

    /// About how many bytes they are.
    pub(super) fn bytes(self, scale: f64) -> u64 {
        self.rows(scale).number().unwrap_or(0) * self.shape().row_bytes
    }

    /// Into how many parts its rows are divided, for threads to make at once.
    pub(super) fn parts(self, scale: f64) -> i32 {
        const PART_BYTES: u64 = 24 << 20;
        match self {
            // The generator does not divide them.
            Self::Region | Self::Nation => 1,
            _ => i32::try_from(self.bytes(scale) / PART_BYTES + 1).unwrap_or(i32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_columns_and_foreign_keys_lead_to_keys_of_their_types() {
        for table in Table::ALL {
            let collection = table.collection("main", 0.01);
            let key = collection.primary_key.as_ref().expect("a key");
            assert!(key.columns.iter().all(|name| collection.column(name).is_some()), "{table:?}");
            for foreign in &collection.foreign_keys {
                let parent = Table::ALL.iter().find(|parent| parent.shape().name == foreign.references.name);
                let parent = parent.expect("a parent").collection("main", 0.01);
                for (from, to) in foreign.columns.iter().zip(&foreign.referenced_columns) {
                    let types =
                        |collection: &Collection, name: &str| collection.column(name).expect(name).1.logical.clone();
                    assert_eq!(types(&collection, from), types(&parent, to), "{table:?}");
                }
                assert_eq!(foreign.columns.len(), foreign.referenced_columns.len(), "{table:?}");
            }
        }
    }

    #[test]
    fn scales_are_those_of_the_specification() {
        let rows = |scale| Table::ALL.map(|table| table.rows(scale).number().unwrap_or(0));
        assert_eq!(rows(1.0), [5, 25, 10_000, 200_000, 800_000, 150_000, 1_500_000, 6_001_215]);
        assert_eq!(rows(0.01)[..7], [5, 25, 100, 2_000, 8_000, 1_500, 15_000]);
        assert!(Table::LineItem.parts(1.0) > 10 && Table::LineItem.parts(0.01) == 1 && Table::Nation.parts(9.0) == 1);
    }
}
