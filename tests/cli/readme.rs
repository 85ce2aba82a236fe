//! The README against the program: its tour is run, its tables are made from the code, its configuration is read.
//!
//! `BLESS=1 cargo test --test cli readme` writes what the program says now into the README; look at the difference
//! before you keep it.

use crate::workdir::Workdir;
use dbferry::config::Config;
use dbferry::dialect::model::{Collection, CollectionName, Column};
use dbferry::dialect::{Fidelity, LogicalType, carrier};
use dbferry::registry;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::LogicalType as Annotation;
use parquet::schema::types::Type;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

const README: &str = include_str!("../../README.md");
const FORMAT: &str = include_str!("../../src/archive/FORMAT.md");

/// Whether the README is to be written anew.
fn blesses() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
}

/// What stands between `<!-- name -->` and `<!-- /name -->`.
fn section(name: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("<!-- {name} -->\n")).expect(name);
    rest.split_once(&format!("<!-- /{name} -->")).expect(name).0
}

/// Compares a section with what it has to be, or writes it.
fn expect_section(name: &str, generated: &str) {
    if blesses() {
        // Tests run side by side and each writes its own section: the file is read and written while nobody else does.
        static FILE: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _guard = FILE.lock();
        let text = std::fs::read_to_string(path()).expect("the README");
        let (before, rest) = text.split_once(&format!("<!-- {name} -->\n")).expect(name);
        let (_, after) = rest.split_once(&format!("<!-- /{name} -->")).expect(name);
        let text = format!("{before}<!-- {name} -->\n{generated}<!-- /{name} -->{after}");
        std::fs::write(path(), text).expect("the README");
        return;
    }
    assert_eq!(section(name), generated, "run BLESS=1 cargo test --test cli readme");
}

#[test]
fn there_are_two_commands() {
    let commands = |beginning: &str| README.lines().filter(|line| line.starts_with(beginning)).count();
    assert_eq!((commands("cargo run "), commands("cargo test ")), (1, 1));
}

#[test]
fn its_configuration_is_understood() {
    let blocks: Vec<&str> = README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the README shows no configuration");
    for block in blocks {
        // Only the first one is a whole file.
        let version = if block.starts_with("version") { "" } else { "version = 1\n" };
        Config::parse(&format!("{version}{block}")).expect(block);
    }
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let document = Workdir::empty().run(&["exit-codes", "--json"]).is(0).document();
    let mut table = "| code | meaning |\n|---|---|\n".to_owned();
    for line in document["codes"].as_array().expect("codes") {
        writeln!(table, "| {} | {} |", line["code"], line["meaning"].as_str().expect("text")).expect("a string");
    }
    expect_section("exit-codes", &table);
}

/// One of each logical type, with the parameters that the table shows.
fn samples() -> Vec<LogicalType> {
    let texts = [
        r#"{"type":"bool"}"#,
        r#"{"type":"int","bits":32,"signed":true}"#,
        r#"{"type":"int","bits":64,"signed":true}"#,
        r#"{"type":"int","bits":64,"signed":false}"#,
        r#"{"type":"decimal","precision":10,"scale":2}"#,
        r#"{"type":"decimal","precision":65,"scale":30}"#,
        r#"{"type":"numeric"}"#,
        r#"{"type":"float","bits":64}"#,
        r#"{"type":"text"}"#,
        r#"{"type":"bytes"}"#,
        r#"{"type":"date"}"#,
        r#"{"type":"time","precision":6}"#,
        r#"{"type":"time-tz","precision":6}"#,
        r#"{"type":"timestamp","precision":6}"#,
        r#"{"type":"instant","precision":6}"#,
        r#"{"type":"interval"}"#,
        r#"{"type":"span","precision":6}"#,
        r#"{"type":"year"}"#,
        r#"{"type":"uuid"}"#,
        r#"{"type":"json"}"#,
        r#"{"type":"enum","labels":["a","b"]}"#,
        r#"{"type":"set","labels":["a","b"]}"#,
        r#"{"type":"bits","length":8,"varying":false}"#,
        r#"{"type":"bits","varying":true}"#,
        r#"{"type":"network","kind":"inet"}"#,
        r#"{"type":"geometry"}"#,
        r#"{"type":"list","element":{"type":"text"}}"#,
        r#"{"type":"struct","fields":[{"name":"x","logical":{"type":"float","bits":64}}]}"#,
        r#"{"type":"range","element":{"type":"date"}}"#,
        r#"{"type":"map"}"#,
        r#"{"type":"dynamic"}"#,
        r#"{"type":"opaque","dialect":"postgres","native":"tsvector","form":"text"}"#,
    ];
    texts.iter().map(|text| serde_json::from_str(text).expect(text)).collect()
}

#[test]
fn the_type_table_is_that_of_the_code() {
    let (_, rest) = FORMAT.split_once("\n### Types\n").expect("the specification has the types");
    let (types, _) = rest.split_once("\n### ").expect("a next chapter");
    for line in types.lines().filter(|line| line.starts_with("| `")) {
        let name = line.split('`').nth(1).expect("a name");
        let found = samples().iter().any(|logical| tag(logical) == name);
        assert!(found, "the README's table has no {name}, which the specification has");
    }
    let mut table = "| logical | Arrow | Parquet |".to_owned();
    for dialect in registry::dialects() {
        write!(table, " {} |", dialect.name()).expect("a string");
    }
    table.push_str(&format!("\n|---|---|---|{}\n", "---|".repeat(registry::dialects().len())));
    for logical in samples() {
        let column = Column::new("c", logical.clone(), "");
        write!(table, "| `{logical}` | {} | {} |", carrier::arrow_type(&logical).arrow(), parquet(column))
            .expect("text");
        for dialect in registry::dialects() {
            let native = dialect.syntax().native_type(&logical);
            let text = if native.text.is_empty() { "no type".to_owned() } else { format!("`{}`", native.text) };
            let mark =
                if native.fidelity == Fidelity::Exact { String::new() } else { format!(", {}", native.fidelity) };
            write!(table, " {text}{mark} |").expect("a string");
        }
        table.push('\n');
    }
    expect_section("types", &table);
}

/// The type's name in manifests.
fn tag(logical: &LogicalType) -> String {
    serde_json::to_value(logical).expect("JSON")["type"].as_str().expect("a name").to_owned()
}

/// A short name of an Arrow type: of what is nested, only that it is.
trait Arrow {
    fn arrow(&self) -> String;
}

impl Arrow for arrow::datatypes::DataType {
    fn arrow(&self) -> String {
        match self {
            Self::Struct(fields) => {
                format!("Struct of {}", fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", "))
            }
            Self::List(item) => format!("List of {}", item.data_type().arrow()),
            Self::Map(_, _) => "Map".to_owned(),
            other => other.to_string(),
        }
    }
}

/// What an archive's file says of the column.
fn parquet(column: Column) -> String {
    let collection = Collection::table(CollectionName::new("main", "t"), vec![column]);
    let schema = ArrowSchemaConverter::new().convert(&carrier::schema(&collection)).expect("a Parquet schema");
    let column = &schema.root_schema().get_fields()[0];
    let annotation = column.get_basic_info().logical_type_ref().map(annotation);
    match (&**column, annotation) {
        (Type::GroupType { .. }, None) => "group".to_owned(),
        (Type::GroupType { .. }, Some(annotation)) => annotation,
        (Type::PrimitiveType { physical_type, .. }, None) => physical_type.to_string(),
        (Type::PrimitiveType { physical_type, .. }, Some(annotation)) => format!("{physical_type} {annotation}"),
    }
}

fn annotation(annotation: &Annotation) -> String {
    match annotation {
        Annotation::Integer(of) => {
            format!("INTEGER({}, {})", of.bit_width, if of.is_signed { "signed" } else { "unsigned" })
        }
        Annotation::Decimal(of) => format!("DECIMAL({},{})", of.precision, of.scale),
        Annotation::Time(of) => format!("TIME(µs, {})", zone(of.is_adjusted_to_u_t_c)),
        Annotation::Timestamp(of) => format!("TIMESTAMP(µs, {})", zone(of.is_adjusted_to_u_t_c)),
        other => format!("{other:?}").to_uppercase(),
    }
}

fn zone(utc: bool) -> &'static str {
    if utc { "UTC" } else { "local" }
}

/// A command of the tour, what the README shows of its output, and the exit code that it tells.
struct Step {
    command: String,
    shown: String,
    code: i32,
}

/// The lines `$ command` of the tour's console blocks, each with what follows it. `$ echo $?` tells the code before it.
fn steps(tour: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    let mut lines = tour.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && line == "$ echo $?" {
            let code = lines.next().expect("an exit code").parse().expect("a number");
            steps.last_mut().expect("a command before").code = code;
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            steps.push(Step { command: command.to_owned(), shown: String::new(), code: 0 });
        } else if inside {
            let step = steps.last_mut().expect("a command before its output");
            step.shown.push_str(line);
            step.shown.push('\n');
        }
    }
    steps
}

#[test]
fn the_tour_is_what_happens() {
    let workdir = Workdir::empty();
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/shop.sqlite");
    std::fs::copy(shop, workdir.path("shop.sqlite")).expect("the shop");
    let (_, rest) = README.split_once("```toml\n").expect("a configuration");
    workdir.write("dbferry.toml", rest.split_once("```").expect("its end").0);

    let program = PathBuf::from(env!("CARGO_BIN_EXE_dbferry"));
    let mut places = vec![program.parent().expect("a directory").to_owned()];
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let places = std::env::join_paths(places).expect("a path");

    let steps = steps(section("tour"));
    for verb in ["dump", "inspect", "plan", "restore", "verify", "groups"] {
        assert!(steps.iter().any(|step| step.command.starts_with(&format!("dbferry {verb}"))), "no {verb} in the tour");
    }
    let (mut written, mut rest) = (String::new(), section("tour"));
    for step in steps {
        let mut shell = Command::new("sh");
        shell.args(["-c", &step.command]).current_dir(workdir.path(".")).env_clear().env("PATH", &places);
        let output = shell.output().expect("a shell");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(step.code), "{}\n{stdout}{stderr}", step.command);
        if blesses() && !step.shown.contains("...\n") {
            let block = |shown: &str| format!("$ {}\n{shown}", step.command);
            let (before, after) = rest.split_once(&block(&step.shown)).expect("the step stands in the tour");
            write!(written, "{before}{}", block(&stdout)).expect("a string");
            rest = after;
        } else {
            assert!(shows(&step.shown, &stdout), "$ {}\nthe README:\n{}\nnow:\n{stdout}", step.command, step.shown);
        }
    }
    if blesses() {
        expect_section("tour", &(written + rest));
    }
}

/// Whether the README's lines are those of the output. A line `...` stands for any lines, or none.
fn shows(shown: &str, output: &str) -> bool {
    let shown: Vec<String> = shown.lines().map(normal).collect();
    let output: Vec<String> = output.lines().map(normal).collect();
    let parts: Vec<&[String]> = shown.split(|line| line == "...").collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return shown == output;
    }
    let mut rest = output.as_slice();
    for part in &parts {
        let Some(start) = (0..=rest.len()).find(|start| rest[*start..].starts_with(part)) else { return false };
        rest = &rest[start + part.len()..];
    }
    output.starts_with(first) && output.ends_with(last)
}

/// A line without what is different each time: blanks that fill columns, durations, rates, sizes, versions, times.
fn normal(line: &str) -> String {
    const UNITS: [&str; 10] = ["s", "ms", "B", "kB", "MB", "GB", "rows/s", "kB/s", "MB/s", "GB/s"];
    let is_number = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || ",.".contains(c))
    };
    let bare = |word: &str| word.trim_matches(|c| "(),:;".contains(c)).to_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut normal = Vec::new();
    for (position, word) in words.iter().enumerate() {
        let before = position.checked_sub(1).map(|before| bare(words[before]));
        let next = words.get(position + 1).map(|next| bare(next));
        let core = bare(word);
        let varies = if is_number(&core) {
            next.is_some_and(|next| UNITS.contains(&next.as_str())) || before.as_deref() == Some("SQLite")
        } else {
            let measured = before.is_some_and(|before| is_number(&before)) && UNITS.contains(&core.as_str());
            measured || (core.len() >= 20 && core.starts_with("20") && core.ends_with('Z'))
        };
        normal.push(if varies { word.replace(&core, "_") } else { (*word).to_owned() });
    }
    normal.join(" ")
}

#[test]
fn only_what_varies_is_overlooked() {
    let line =
        "dumped 22 tables with 1,213 rows into backup in 0.03 s: 843 kB of data as 62 kB (40,352 rows/s, 28 MB/s)";
    let same = "dumped 22 tables with 1,213 rows into backup in 1 ms: 8.4 MB of data as 1 B (4 rows/s, 2.8 GB/s)";
    assert_eq!(normal(line), normal(same));
    assert_ne!(normal(line), normal(&line.replace("1,213", "1,214")));
    assert_ne!(normal(line), normal(&line.replace("22", "21")));
    assert_ne!(normal("rows hash to 12ab"), normal("rows hash to 12ac"));
    assert!(shows("a\n...\nz\n", "a\nb\nc\nz\n") && shows("...\nz\n", "z\n"));
    assert!(!shows("a\n...\nz\n", "a\nb\n") && !shows("a\n...\nz\n", "b\na\nz\n") && !shows("a\n", "a\nb\n"));
}
