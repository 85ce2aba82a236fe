use super::*;
use crate::logical::LogicalType;
use std::collections::BTreeMap;

const COLUMNS: [&str; 9] = ["id", "name", "price", "active", "born", "at", "Odd one", "data", "code"];

const POSTGRES: Grammar = Grammar { escape_texts: true, like_escapes: true, ..Grammar::STANDARD };
const MYSQL: Grammar = Grammar {
    backslashes: true,
    double_quoted_texts: true,
    backticks: true,
    bars_are_or: true,
    length_is_bytes: true,
    like_escapes: true,
    any_case: true,
    ..Grammar::STANDARD
};
const SQLITE: Grammar =
    Grammar { backticks: true, brackets: true, like_ignores_case: true, any_case: true, ..Grammar::STANDARD };

struct Standard;

impl Spelling for Standard {
    fn column(&self, name: &str) -> Option<String> {
        Some(format!("\"{}\"", name.replace('"', "\"\"")))
    }

    fn text(&self, text: &str) -> Option<String> {
        Some(format!("'{}'", text.replace('\'', "''")))
    }

    fn call(&self, function: Function, arguments: &[String]) -> Option<String> {
        Some(format!("{function:?}({})", arguments.join(", ")))
    }
}

struct Kinds {
    logical: BTreeMap<&'static str, LogicalType>,
    folded: Vec<&'static str>,
}

impl ColumnKinds for Kinds {
    fn logical(&self, column: &str) -> Option<&LogicalType> {
        self.logical.get(column)
    }

    fn ignores_case(&self, column: &str) -> bool {
        self.folded.contains(&column)
    }
}

fn kinds() -> Kinds {
    let decimal = LogicalType::Decimal { precision: 10, scale: 2 };
    let types = [
        LogicalType::INT64,
        LogicalType::TEXT,
        decimal,
        LogicalType::Bool,
        LogicalType::Date,
        LogicalType::Timestamp { precision: 0 },
        LogicalType::TEXT,
        LogicalType::Json,
        LogicalType::TEXT,
    ];
    Kinds { logical: COLUMNS.into_iter().zip(types).collect(), folded: vec!["code"] }
}

/// What a text means, spelled in the standard's way.
fn told(text: &str, grammar: &Grammar) -> Result<String, String> {
    let read = read(text, grammar, &COLUMNS).ok_or("not understood")?;
    let meaning = condition(read, &kinds())?;
    spell(&meaning, &Standard).ok_or_else(|| "not spelled".to_owned())
}

#[test]
fn conditions_of_every_engine_mean_the_same() {
    let postgres = [
        ("(price >= (0)::numeric)", r#""price" >= 0"#),
        ("((price > (0)::numeric) AND (id < 10))", r#"("price" > 0) AND ("id" < 10)"#),
        (
            "((name)::text = ANY ((ARRAY['a'::character varying, 'it''s'::character varying])::text[]))",
            r#""name" IN ('a', 'it''s')"#,
        ),
        ("(name <> ALL (ARRAY['a'::text]))", r#""name" NOT IN ('a')"#),
        ("((name)::text ~~ 'A\\_%'::text)", r#""name" LIKE 'A\_%'"#),
        ("(name !~~* 'A%'::text)", r#"Lower("name") NOT LIKE 'a%'"#),
        ("(length((name)::text) > 3)", r#"Length("name") > 3"#),
        ("(born > '2000-01-01'::date)", r#""born" > '2000-01-01'"#),
        ("(at >= '2000-01-01 00:00:00'::timestamp without time zone)", r#""at" >= '2000-01-01 00:00:00'"#),
        ("(active OR (NOT (id = 1)))", r#""active" OR (NOT ("id" = 1))"#),
        ("((data IS NOT NULL) OR (name IS NULL))", r#"("data" IS NOT NULL) OR ("name" IS NULL)"#),
        ("(\"left\"((name)::text, 2) = 'ab'::text)", r#"Left("name", 2) = 'ab'"#),
        ("(name = E'a\\\\b'::text)", r#""name" = 'a\b'"#),
        ("(price > '-1'::integer)", r#""price" > -1"#),
        ("(TRIM(BOTH FROM name) <> ''::text)", r#"Trim("name") <> ''"#),
        ("(\"Odd one\" = 'x'::public.mood)", r#""Odd one" = 'x'"#),
    ];
    let mysql = [
        ("(`price` >= 0)", r#""price" >= 0"#),
        ("(`name` in (_utf8mb4'a',_utf8mb4'it\\'s'))", r#""name" IN ('a', 'it''s')"#),
        ("(`id` between 1 and 5) and (`name` <> '')", r#"("id" BETWEEN 1 AND 5) AND ("name" <> '')"#),
        ("char_length(`name`) > 3 || length(`name`) = 5", r#"(Length("name") > 3) OR (ByteLength("name") = 5)"#),
        ("(`active` in (0,1))", r#""active" IN (FALSE, TRUE)"#),
        ("(0 <> `active`)", r#"FALSE <> "active""#),
        ("`id`", r#""id" <> 0"#),
        ("(`id` > '5')", r#""id" > 5"#),
        ("(`code` = _utf8mb4'Ab')", r#"Lower("code") = 'ab'"#),
        ("(`code` like 'A\\_%')", r#"Lower("code") LIKE 'a\_%'"#),
        ("`CODE` in ('X','y')", r#"Lower("code") IN ('x', 'y')"#),
        ("(`id` % 2) = 0", r#"("id" % 2) = 0"#),
        ("lcase(`name`) = `name`", r#"Lower("name") = "name""#),
    ];
    let sqlite = [
        ("price>=0 AND [Odd one] NOT LIKE 'X%'", r#"("price" >= 0) AND (Lower("Odd one") NOT LIKE 'x%')"#),
        ("\"name\" GLOB 'A*[?]'", r#""name" LIKE 'A%?'"#),
        ("CAST(price AS NUMERIC) + 1 > 2 * id", r#"("price" + 1) > (2 * "id")"#),
        ("Name NOTNULL and ID isnull", r#"("name" IS NOT NULL) AND ("id" IS NULL)"#),
        ("NOT active == 1", r#"NOT ("active" = TRUE)"#),
        ("-id < +5 - -1", r#"(- "id") < (5 - -1)"#),
        ("substr(name, 1, 3) = 'abc'", r#"Left("name", 3) = 'abc'"#),
        ("born = '2000-01-01'", r#""born" = '2000-01-01'"#),
    ];
    for (cases, grammar) in [(&postgres[..], POSTGRES), (&mysql[..], MYSQL), (&sqlite[..], SQLITE)] {
        for (text, expected) in cases {
            assert_eq!(told(text, &grammar).as_deref(), Ok(*expected), "{text}");
        }
    }
}

#[test]
fn what_engines_do_not_agree_on_is_not_understood() {
    let cases = [
        "price / 2 > 1",
        "id & 1 = 0",
        "name || 'x' = 'y'",
        "name REGEXP 'a'",
        "evil(name)",
        "name COLLATE x = 'a'",
        "name = 'a' COLLATE x",
        "id = 1 = active",
        "id IS TRUE",
        "CASE WHEN id THEN 1 END",
        "(SELECT 1) = id",
        "id IN (SELECT 1)",
        "other = 1",
        "t.id = 1",
        "name = current_user",
        "name LIKE 'a%' ESCAPE '!'",
        "name::varchar(3) = 'abc'",
        "id = 0x10",
        "id = 1; DROP TABLE t",
        "id = 1 -- x",
        "id = 1 /* x */",
        "id = 1) OR (1 = 1",
        "'open",
        "\"open",
        "id >",
        "",
        "()",
        "name = x'00'",
        "born > now()",
        "id = $1",
        "id = ?",
        "id = :a",
        "substr(name, 2, 3) = 'abc'",
        "id NOT",
    ];
    for text in cases {
        for grammar in [POSTGRES, SQLITE, MYSQL] {
            // Bars are a disjunction in one of them, and texts are no conditions.
            assert!(told(text, &grammar).is_err(), "{text}: {:?}", told(text, &grammar));
        }
    }
}

#[test]
fn what_means_something_else_there_is_refused_with_the_reason() {
    for (text, why) in [
        ("name > 'a'", "orders texts"),
        ("name = 5", "different types"),
        ("id = NULL", "null"),
        ("born = '1.2.2000'", "a day or a time"),
        ("born = at", "different types"),
        ("data = '{}'", "values of the type json"),
        ("active > 1", "different types"),
        ("active = 2", "truth values"),
        ("code = 'É'", "letters"),
        ("code LIKE 'é%'", "not understood"),
        ("name", "condition"),
        ("price % 2 = 0", "not whole"),
        ("name + 1 = 2", "no number"),
        ("length(id) = 2", "function"),
        ("CAST(price AS integer) = 1", "converts"),
        ("coalesce(name, 5) = 'a'", "function"),
    ] {
        let error = told(text, &SQLITE).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn hostile_texts_have_bounds() {
    let nested = |depth: usize| format!("{}id = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(told(&nested(15), &SQLITE).is_ok());
    assert!(told(&nested(100_000), &SQLITE).is_err());
    assert!(told(&"NOT ".repeat(30_000), &SQLITE).is_err());
    assert!(told(&format!("{}id < 1", "-".repeat(5)), &SQLITE).is_err());
    assert!(told(&format!("id < {}1", "- ".repeat(20_000)), &SQLITE).is_err());
    let long = |count: usize| vec!["id = 1"; count].join(" OR ");
    assert!(told(&long(200), &SQLITE).is_ok());
    assert!(told(&long(5_000), &SQLITE).is_err());
    assert!(told(&format!("id = {}", "1".repeat(100_000)), &SQLITE).is_err());
    // Any cut of a text is read or refused, and nothing else.
    let text =
        "((name)::text = ANY ((ARRAY['é''x'::text, E'\\\\n'])::text[])) AND (`a``b` <> \"c\"\"d\" OR [x y] LIKE '_%')";
    for grammar in [POSTGRES, SQLITE, MYSQL] {
        for start in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            for end in (start..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                _ = told(&text[start..end], &grammar);
            }
        }
    }
}

#[test]
fn texts_and_names_stay_what_they_are() {
    let evil = "'; DROP TABLE t; --";
    let columns = ["a\"b", evil];
    let text = format!("\"a\"\"b\" = '{}' AND \"{evil}\" IS NULL", evil.replace('\'', "''"));
    let read = read(&text, &POSTGRES, &columns).expect("an expression");
    assert_eq!(read.columns(), ["a\"b", evil]);
    assert_eq!(
        spell(&read, &Standard).expect("spelled"),
        format!("(\"a\"\"b\" = '{}') AND (\"{evil}\" IS NULL)", evil.replace('\'', "''"))
    );
    let renamed = read.renamed(&|name| if name == evil { "plain".to_owned() } else { name.to_owned() });
    assert_eq!(renamed.columns(), ["a\"b", "plain"]);
    // A number in a model that nobody read is still checked.
    assert_eq!(spell(&Expression::number("1; DROP TABLE t"), &Standard), None);
}
