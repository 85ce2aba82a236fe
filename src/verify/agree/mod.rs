//! How a column of two places is compared when its types are not the same: as what, and how each place is asked for it.
//!
//! | the types | what is compared |
//! |---|---|
//! | mean the same | the values as each place has them |
//! | numbers, or a number and a text | the numbers, by their value: `9.9` is `9.90` |
//! | a float and another number | the digits: those that the float stands for, the fewest that give it back |
//! | a date and a timestamp, a timestamp and an instant in UTC, a time of day and a span | the moments |
//! | a moment, a UUID or a network address, and a text | what the text says, however it is spelled |
//! | both carried as text, or both as bytes | the texts, or the bytes |
//! | anything else, one of them a database's | as the more particular of the two: the database is read so, if its dialect can |
//!
//! Which of two places is first makes no difference. Within one dialect nothing is as good as the same: there both places are
//! read as the first has declared it.

mod cast;
mod meeting;
mod number;

pub(crate) use cast::Cast;

use dbferry_dialect::hash::same_class;
use dbferry_dialect::{Column, LogicalType};
use meeting::meeting;

/// One way to compare a column of two places.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    /// What each place is asked for, by its own name.
    pub(crate) read: [Column; 2],
    /// What its values are turned into before they are hashed, where that is something else.
    pub(crate) casts: [Option<LogicalType>; 2],
}

impl Way {
    /// Each place as it is.
    fn as_they_are(columns: [&Column; 2]) -> Self {
        Self { read: columns.map(Column::clone), casts: [None, None] }
    }

    /// Each place as it is, turned into `logical`.
    pub(crate) fn cast(columns: [&Column; 2], logical: &LogicalType) -> Self {
        Self { read: columns.map(Column::clone), casts: [Some(logical.clone()), Some(logical.clone())] }
    }

    /// Both places as `place` has it.
    fn through(columns: [&Column; 2], place: usize) -> Self {
        let as_there = |column: &Column| Column { name: column.name.clone(), ..columns[place].clone() };
        Self { read: columns.map(as_there), casts: [None, None] }
    }

    /// The same, where both speak of a number, a moment or the like, and one of them may spell it in a way of its own.
    fn however_spelled(mut self) -> Self {
        use LogicalType::{Decimal, Int, Numeric};
        let logical = &self.read[0].logical;
        if is_spelled_freely(logical) || matches!(logical, Int { .. } | Decimal { .. } | Numeric) {
            let logical = logical.clone();
            self.casts = [Some(logical.clone()), Some(logical)];
        }
        self
    }

    /// Whether a place is turned into what it is: then only what stands beside its columns may change.
    pub(crate) fn only_settles(&self, place: usize) -> bool {
        self.casts[place].as_ref().is_some_and(|to| stays(&self.read[place].logical, to))
    }

    /// What the values of a place are when they are hashed.
    pub(crate) fn compared(&self, place: usize) -> &LogicalType {
        self.casts[place].as_ref().unwrap_or(&self.read[place].logical)
    }
}

/// What is known of two places beside the column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// Whether both are of one dialect.
    pub(crate) same_dialect: bool,
    /// Whether each is a database, which can be asked for other types than its own.
    pub(crate) databases: [bool; 2],
}

/// The ways to compare a column, the best first; none when its types have nothing in common.
pub(crate) fn ways(columns: [&Column; 2], places: Places) -> Vec<Way> {
    let [left, right] = columns.map(|column| &column.logical);
    // What one place has is what the other one is asked for.
    let through = |place: usize| places.databases[1 - place].then(|| Way::through(columns, place));
    let alike = same_class(left, right).then(|| Way::as_they_are(columns));
    let cast = meeting(left, right).map(|logical| Way::cast(columns, &logical));
    let ways = if places.same_dialect {
        // An archive cannot be asked for anything else than it has.
        let first = if places.databases == [true, false] { 1 } else { 0 };
        let neither = places.databases == [false, false];
        [alike.filter(|_| neither), through(first), cast, through(1 - first)]
    } else {
        let particular = usize::from(rank(left) < rank(right));
        let alike = alike.filter(|_| left == right || !is_by_spelling(left)).map(Way::however_spelled);
        // A database that has a text for a moment knows best which of its texts are values that no type holds.
        let is_asked = is_moment(left) != is_moment(right) && places.databases[1 - particular];
        let through = |place: usize| through(place).map(Way::however_spelled);
        match is_asked {
            true => [alike, through(particular), cast, through(1 - particular)],
            false => [alike, cast, through(particular), through(1 - particular)],
        }
    };
    ways.into_iter().flatten().collect()
}

/// Whether values of one class may be told apart by more, or by less, than their class says.
fn is_by_spelling(logical: &LogicalType) -> bool {
    matches!(logical, LogicalType::Numeric | LogicalType::Geometry { .. })
}

/// Whether texts of one value may differ: these mean the same to whoever restores them into the type.
pub(crate) fn is_spelled_freely(logical: &LogicalType) -> bool {
    is_moment(logical) || matches!(logical, LogicalType::Uuid | LogicalType::Network { .. })
}

/// Whether values of a type need not be turned to be those of another. What is carried as a text is turned even into itself,
/// because two texts of one number are not one text.
pub(super) fn stays(from: &LogicalType, to: &LogicalType) -> bool {
    !matches!(to, LogicalType::Numeric | LogicalType::Network { .. }) && (from == to || same_class(from, to))
}

fn is_moment(logical: &LogicalType) -> bool {
    use LogicalType::{Date, Instant, Span, Time, Timestamp};
    matches!(logical, Date | Timestamp { .. } | Instant { .. } | Time { .. } | Span { .. })
}

/// How particular a type is, and an order among equals that does not depend on which place is first.
fn rank(logical: &LogicalType) -> (u8, String) {
    let particular = match logical {
        LogicalType::Text { .. } => 0,
        LogicalType::Bytes { .. } => 1,
        // What holds anything is what was asked for, where the other place has texts.
        LogicalType::Dynamic => 2,
        LogicalType::Json => 3,
        _ => 4,
    };
    (particular, logical.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASES: Places = Places { same_dialect: false, databases: [true, true] };

    fn column(logical: LogicalType) -> Column {
        Column::new("c", logical, "")
    }

    fn decimal(precision: u8, scale: u8) -> LogicalType {
        LogicalType::Decimal { precision, scale }
    }

    /// As what each way compares, and what the places are asked for.
    fn told(left: LogicalType, right: LogicalType, places: Places) -> Vec<String> {
        let columns = [column(left), column(right)];
        let told = |way: &Way| {
            format!("{}/{}: {}/{}", way.read[0].logical, way.read[1].logical, way.compared(0), way.compared(1))
        };
        ways([&columns[0], &columns[1]], places).iter().map(told).collect()
    }

    #[test]
    fn the_order_of_the_places_makes_no_difference() {
        let list = || LogicalType::List { element: Box::new(LogicalType::TEXT) };
        let types = [
            LogicalType::Bool,
            LogicalType::INT64,
            LogicalType::Int { bits: 64, signed: false },
            decimal(10, 2),
            LogicalType::Numeric,
            LogicalType::FLOAT64,
            LogicalType::Float { bits: 32 },
            LogicalType::TEXT,
            LogicalType::BYTES,
            LogicalType::Date,
            LogicalType::Timestamp { precision: 6 },
            LogicalType::Instant { precision: 6 },
            LogicalType::Time { precision: 6 },
            LogicalType::Span { precision: 6 },
            LogicalType::Interval,
            LogicalType::Uuid,
            LogicalType::Json,
            LogicalType::Dynamic,
            list(),
        ];
        for left in &types {
            for right in &types {
                let turned = |way: Way| {
                    let ([first, second], [one, other]) = (way.read, way.casts);
                    Way { read: [second, first], casts: [other, one] }
                };
                let (left, right) = (column(left.clone()), column(right.clone()));
                let there: Vec<Way> = ways([&left, &right], DATABASES);
                let back: Vec<Way> = ways([&right, &left], DATABASES).into_iter().map(turned).collect();
                let (first, second) = (there.first(), back.first());
                assert_eq!(first, second, "{} and {}", left.logical, right.logical);
            }
        }
    }

    #[test]
    fn each_kind_of_types_has_its_way() {
        let first = |left, right| told(left, right, DATABASES).into_iter().next();
        let is = |expected: &str| Some(expected.to_owned());
        assert_eq!(
            first(LogicalType::INT64, LogicalType::Int { bits: 16, signed: true }),
            is("int64/int16: int64/int64")
        );
        assert_eq!(first(decimal(10, 2), LogicalType::FLOAT64), is("decimal(10,2)/float64: numeric/numeric"));
        assert_eq!(first(decimal(10, 2), LogicalType::TEXT), is("decimal(10,2)/text: decimal(10,2)/decimal(10,2)"));
        assert_eq!(first(LogicalType::Numeric, LogicalType::Numeric), is("numeric/numeric: numeric/numeric"));
        assert_eq!(first(LogicalType::TEXT, LogicalType::Json), is("text/json: text/text"));
        assert_eq!(first(LogicalType::TEXT, LogicalType::Date), is("date/date: date/date"));
        assert_eq!(told(LogicalType::Date, LogicalType::INT64, DATABASES).len(), 2);
    }

    #[test]
    fn archives_have_what_they_have() {
        let archives = Places { databases: [false, false], ..DATABASES };
        assert_eq!(told(LogicalType::Date, LogicalType::TEXT, archives), ["date/text: date/date"]);
        assert_eq!(told(LogicalType::TEXT, LogicalType::Json, archives), ["text/json: text/text"]);
        let one = Places { databases: [false, true], ..DATABASES };
        assert_eq!(told(LogicalType::TEXT, LogicalType::Date, one), ["text/date: date/date", "text/text: text/text"]);
        let through = ["date/date: date/date", "date/text: date/date"];
        assert_eq!(told(LogicalType::Date, LogicalType::TEXT, one), through);
    }

    #[test]
    fn within_one_dialect_the_first_decides() {
        let same = Places { same_dialect: true, databases: [true, true] };
        let first = |places, left, right| told(left, right, places).into_iter().next();
        let is = |expected: &str| Some(expected.to_owned());
        let (decimal, text) = (|| decimal(10, 2), || LogicalType::TEXT);
        assert_eq!(first(same, decimal(), text()), is("decimal(10,2)/decimal(10,2): decimal(10,2)/decimal(10,2)"));
        assert_eq!(first(same, text(), decimal()), is("text/text: text/text"));
        let archive = Places { databases: [true, false], ..same };
        assert_eq!(first(archive, decimal(), text()), is("text/text: text/text"), "as the archive has it");
    }
}
