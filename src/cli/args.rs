//! The command line as data: every verb, every option, and the help that they come with.
//!
//! What is here is only taken apart; what it means is decided in the verbs' own files. Examples and environment variables
//! are added by [`help`](super::help).

use super::choices::{ColorWhen, ForeignKeys, LanguageArg, Mode, ProgressStyle};
use super::units::parse_size;
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use dbferry::archive::Compression;
use dbferry::bench::{Dataset, SinkKind};
use dbferry::group::Selection;
use dbferry::resources::Resources;
use dbferry::verify::{Sample, VerifyOptions};
#[cfg(feature = "web")]
use std::net::SocketAddr;
use std::path::PathBuf;

const SELECTION: &str = "Selection";
const RESOURCES: &str = "Resources";
const OUTPUT: &str = "Output";
const CONFIGURATION: &str = "Configuration";
const SAFETY: &str = "Safety";
#[cfg(feature = "web")]
const NETWORK: &str = "Network";

/// Dumps any SQL database to typed Parquet and restores it, group by group, proven.
#[derive(Debug, Parser)]
#[command(name = "dbferry", version, arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Dump(DumpArgs),
    Restore(RestoreArgs),
    Copy(CopyArgs),
    Plan(PlanArgs),
    Groups(GroupsArgs),
    Inspect(InspectArgs),
    List(ListArgs),
    Verify(VerifyArgs),
    Diff(DiffArgs),
    Bench(BenchArgs),
    Pack(PackArgs),
    Unpack(UnpackArgs),
    Prune(PruneArgs),
    #[cfg(feature = "web")]
    Serve(ServeArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    #[command(hide = true)]
    ExitCodes(ExitCodesArgs),
}

/// How results and progress are written.
#[derive(Args, Debug)]
#[command(next_help_heading = OUTPUT)]
pub(crate) struct OutputArgs {
    /// Write JSON lines to standard output instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write nothing but warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Tell more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How to show progress; by default bars on a terminal and a line every 10 seconds elsewhere
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: ProgressStyle,
    /// Whether to use colours; NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR count too
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
}

/// Which groups and tables take part.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = SELECTION)]
pub(crate) struct SelectionArgs {
    /// Only these groups, and `required`; repeat it or separate with commas
    #[arg(short, long = "group", value_name = "LIST", value_delimiter = ',')]
    groups: Vec<String>,
    /// Not these groups
    #[arg(long = "exclude-group", value_name = "LIST", value_delimiter = ',')]
    exclude_groups: Vec<String>,
    /// Only tables of this name or pattern: `orders`, `audit.*`, `*_log`; repeat it for more
    #[arg(short, long = "table", value_name = "GLOB")]
    tables: Vec<String>,
    /// Not these tables
    #[arg(short = 'T', long = "exclude-table", value_name = "GLOB")]
    exclude_tables: Vec<String>,
}

impl SelectionArgs {
    /// As the library takes it.
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            groups: Some(self.groups.clone()).filter(|groups| !groups.is_empty()),
            exclude_groups: self.exclude_groups.clone(),
            tables: self.tables.clone(),
            exclude_tables: self.exclude_tables.clone(),
        }
    }
}

/// What a run may use.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = RESOURCES)]
pub(crate) struct ResourceArgs {
    /// Threads, each with its own database session; by default the processors, at most 8
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Memory that the run may use, such as 256MiB or 1GB; by default 128 MiB a job, at least 256 MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,
}

impl ResourceArgs {
    /// As the library takes it.
    pub(crate) fn resources(self) -> dbferry::Result<Resources> {
        Resources::new(self.jobs, self.memory)
    }
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = CONFIGURATION)]
pub(crate) struct ConfigArgs {
    /// The configuration; by default dbferry.toml in the current directory, if there is one
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Rules for groups that come with dbferry.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = CONFIGURATION)]
pub(crate) struct PresetArgs {
    /// Ready-made group rules of an application: nocobase, django, rails, laravel, wordpress
    #[arg(long = "preset", value_name = "NAME", value_delimiter = ',')]
    pub(crate) presets: Vec<String>,
}

/// Dump a database into a new archive
#[derive(Args, Debug)]
#[command(alias = "backup", allow_missing_positional = true)]
pub(crate) struct DumpArgs {
    /// The database: a URL such as sqlite:shop.db, or @NAME from dbferry.toml; DATABASE_URL when left out
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The archive to write: a directory that does not exist or is empty
    #[arg(value_name = "ARCHIVE")]
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Only rows of TABLE for which SQL holds, in the source's own SQL; repeat it for more tables
    #[arg(long = "where", value_name = "TABLE=SQL", help_heading = SELECTION)]
    pub(crate) conditions: Vec<String>,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    /// How Parquet pages are compressed: zstd (level 3 where it pays, 1 elsewhere), zstd:1 to zstd:22, lz4, snappy or none
    #[arg(long, value_name = "METHOD", default_value = "zstd", help_heading = RESOURCES)]
    pub(crate) compression: Compression,
    /// The size of a row group in memory
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = parse_size, help_heading = RESOURCES)]
    pub(crate) row_group_size: u64,
    /// A sentence for whoever finds the archive
    #[arg(long, value_name = "TEXT", help_heading = OUTPUT)]
    pub(crate) description: Option<String>,
    /// Show what would be dumped, and dump nothing
    #[arg(short = 'n', long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
    /// Accept a weaker view than one proven snapshot that all readers share
    #[arg(long, help_heading = SAFETY)]
    pub(crate) inconsistent: bool,
    #[command(flatten)]
    pub(crate) presets: PresetArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// How rows are put into a target, wherever they come from.
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// What happens to tables that exist; dbferry.toml can say it by group and by table
    #[arg(long, value_name = "MODE", help_heading = SAFETY)]
    pub(crate) mode: Option<Mode>,
    /// Drop and create anew what has another shape in the target, instead of refusing
    #[arg(long, help_heading = SAFETY)]
    pub(crate) recreate: bool,
    /// Accept what another engine's types lose: of this column, repeat it for more; without a column, of all. Write it last
    #[arg(
        long,
        value_name = "TABLE.COLUMN",
        num_args = 0..=1,
        default_missing_value = "",
        action = ArgAction::Append,
        help_heading = SAFETY
    )]
    pub(crate) accept_lossy: Vec<String>,
    /// Run no SQL text of the source: no views, triggers, expressions; for what comes from strangers
    #[arg(long, help_heading = SAFETY)]
    pub(crate) untrusted: bool,
    /// What happens when foreign keys do not hold after loading
    #[arg(long, value_name = "HOW", default_value = "check", help_heading = SAFETY)]
    pub(crate) foreign_keys: ForeignKeys,
    /// Give what is created the owner that it had; otherwise the user who restores owns it
    #[arg(long, conflicts_with = "untrusted", help_heading = SAFETY)]
    pub(crate) owners: bool,
    /// Grant on what is created what was granted on it
    #[arg(long, conflicts_with = "untrusted", help_heading = SAFETY)]
    pub(crate) privileges: bool,
    /// Enable scheduled events that were enabled; otherwise they are created disabled
    #[arg(long, conflicts_with = "untrusted", help_heading = SAFETY)]
    pub(crate) enable_events: bool,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// How a database is read whose rows go straight into another one.
#[derive(Args, Debug)]
pub(crate) struct ReadArgs {
    /// Only rows of TABLE for which SQL holds, in the source's own SQL; repeat it for more tables
    #[arg(long = "where", value_name = "TABLE=SQL", help_heading = SELECTION)]
    pub(crate) conditions: Vec<String>,
    /// Accept a weaker view than one proven snapshot that all readers share
    #[arg(long, help_heading = SAFETY)]
    pub(crate) inconsistent: bool,
    #[command(flatten)]
    pub(crate) presets: PresetArgs,
}

/// What is done before anything in a target changes.
#[derive(Args, Debug)]
pub(crate) struct ConsentArgs {
    /// First dump what is about to be overwritten into this new archive
    #[arg(long, value_name = "PATH", help_heading = SAFETY)]
    pub(crate) safety_backup: Option<PathBuf>,
    /// Show the plan, and change nothing
    #[arg(short = 'n', long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
    /// Do not ask before existing rows are replaced
    #[arg(short, long, help_heading = SAFETY)]
    pub(crate) yes: bool,
}

/// Restore an archive into a database
#[derive(Args, Debug)]
#[command(alias = "import")]
pub(crate) struct RestoreArgs {
    /// The archive: a directory or a packed .zip; or Parquet files of other programs
    #[arg(value_name = "ARCHIVE")]
    pub(crate) archive: PathBuf,
    /// The target: a URL such as sqlite:test.db, or @NAME from dbferry.toml; DATABASE_URL when left out
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Undo or finish what an interrupted restore has left; name the database only: restore --recover URL
    #[arg(long, conflicts_with_all = ["url", "safety_backup", "dry_run"], help_heading = SAFETY)]
    pub(crate) recover: bool,
}

/// Copy a database into another one, of any kind, without files between
#[derive(Args, Debug)]
#[command(alias = "migrate")]
pub(crate) struct CopyArgs {
    /// The source: a URL such as sqlite:shop.db, or @NAME from dbferry.toml
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// The target: a URL or @NAME; DATABASE_URL when left out
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// Show what a restore or a copy would do and lose, and change nothing
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// The archive or Parquet files of other programs, or the database to copy: a URL or @NAME from dbferry.toml
    #[arg(value_name = "ARCHIVE|URL")]
    pub(crate) from: PathBuf,
    /// The target: a URL such as sqlite:test.db, or @NAME from dbferry.toml; DATABASE_URL when left out
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// For every column: its type here and there, who decided it, what becomes of values that do not fit
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) explain_types: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// Show which table is in which group, and why
#[derive(Args, Debug)]
pub(crate) struct GroupsArgs {
    /// A database URL, @NAME from dbferry.toml, or an archive; DATABASE_URL when left out
    #[arg(value_name = "URL|ARCHIVE")]
    pub(crate) place: Option<String>,
    /// Explain what each group is for, and why each table is in it
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) explain: bool,
    /// The language of explanations
    #[arg(long, value_name = "LANGUAGE", default_value = "en", help_heading = OUTPUT)]
    pub(crate) language: LanguageArg,
    #[command(flatten)]
    pub(crate) presets: PresetArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Show what an archive holds
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// The archive: a directory or a packed .zip; or Parquet files of other programs
    #[arg(value_name = "ARCHIVE")]
    pub(crate) archive: PathBuf,
    /// One table with its columns: `orders` or `main.orders`
    #[arg(value_name = "TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// List the archives in a directory, newest first
#[derive(Args, Debug)]
#[command(alias = "snapshots")]
pub(crate) struct ListArgs {
    /// The directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
}

/// Check that an archive is whole, that a database holds what it says, or that two databases hold the same
#[derive(Args, Debug)]
#[command(alias = "check")]
pub(crate) struct VerifyArgs {
    /// The archive: a directory or a packed .zip; or Parquet files of other programs; or with --against a source database
    #[arg(value_name = "ARCHIVE|URL")]
    pub(crate) place: String,
    /// Compare with this database, of whatever engine: every row read, counted and hashed
    #[arg(long, value_name = "URL")]
    pub(crate) against: Option<String>,
    /// Restore the archive into this empty database, compare, and empty it again
    #[arg(long, value_name = "URL", conflicts_with_all = ["against", "bytes_only"])]
    pub(crate) restore_into: Option<String>,
    /// How many rows to show of each table that differs; 0 looks no closer
    #[arg(long, value_name = "N", default_value_t = VerifyOptions::DIFFERENCES)]
    pub(crate) differences: usize,
    /// Only look at some rows of each table: 5% or a number of rows; the output says what that proves
    #[arg(long, value_name = "N%|N", value_parser = parse_sample)]
    pub(crate) sample: Option<Sample>,
    /// Only look at the files' bytes and footers; do not decode rows
    #[arg(long, conflicts_with_all = ["against", "sample"])]
    pub(crate) bytes_only: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `5%`, `0.1%` or a number of rows.
fn parse_sample(text: &str) -> Result<Sample, String> {
    let wrong = || "write a part such as 5%, or a number of rows such as 10000".to_owned();
    match text.trim().strip_suffix('%') {
        Some(percent) => match percent.trim().parse::<f64>() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Sample::Percent(percent)),
            _ => Err(wrong()),
        },
        None => match text.trim().parse() {
            Ok(rows) if rows > 0 => Ok(Sample::Rows(rows)),
            _ => Err(wrong()),
        },
    }
}

/// Show what is different between any two of archive and database, in the schema and in the rows
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// An archive, or a database: a URL, or @NAME from dbferry.toml
    #[arg(value_name = "LEFT")]
    pub(crate) left: String,
    /// What to compare it with: an archive or a database
    #[arg(value_name = "RIGHT")]
    pub(crate) right: String,
    /// Only compare the schema
    #[arg(long, conflicts_with_all = ["rows", "differences"])]
    pub(crate) schema_only: bool,
    /// Look closer where rows differ: show the first 10 of each table with both values
    #[arg(long)]
    pub(crate) rows: bool,
    /// The same, with this many rows
    #[arg(long, value_name = "N")]
    pub(crate) differences: Option<usize>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Measure how fast a database is read, decoded, encoded and written, and how fast it comes back
#[derive(Args, Debug)]
#[command(alias = "benchmark")]
pub(crate) struct BenchArgs {
    /// The database: a URL such as sqlite:shop.db, or @NAME from dbferry.toml; DATABASE_URL when left out
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How far rows go: null (taken and dropped), arrow (decoded), parquet (encoded), file (written)
    #[arg(long = "sink", value_name = "LIST", value_delimiter = ',', default_value = "null,arrow,parquet,file")]
    pub(crate) sinks: Vec<SinkKind>,
    /// Runs of each case that are thrown away first, so that caches are warm
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) warm_up: usize,
    /// Runs of each case that are measured; 0 measures nothing, and with --generate only makes the database
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) repeats: usize,
    /// Make a database here first, which must be empty: tpch:0.1 are the tables of TPC-H at that scale; 1 is about 1 GB
    #[arg(long, value_name = "DATA")]
    pub(crate) generate: Option<Dataset>,
    /// Also measure the way back: restore into this database, which must be empty or have the role scratch
    #[arg(long, value_name = "URL")]
    pub(crate) import: Option<String>,
    /// Accept on the way back what another engine's types lose
    #[arg(long, requires = "import", help_heading = SAFETY)]
    pub(crate) accept_lossy: bool,
    /// Accept a weaker view than one proven snapshot that all readers share
    #[arg(long, help_heading = SAFETY)]
    pub(crate) inconsistent: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Only rows of TABLE for which SQL holds, in the source's own SQL; repeat it for more tables
    #[arg(long = "where", value_name = "TABLE=SQL", help_heading = SELECTION)]
    pub(crate) conditions: Vec<String>,
    /// Numbers of threads to measure with, such as 1,2,4; by default the processors, at most 8
    #[arg(short, long, value_name = "LIST", value_delimiter = ',', help_heading = RESOURCES)]
    pub(crate) jobs: Vec<usize>,
    /// Memory that a run may use, such as 256MiB or 1GB; by default 128 MiB a job, at least 256 MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = RESOURCES)]
    pub(crate) memory: Option<u64>,
    /// How Parquet pages are compressed: zstd (level 3 where it pays, 1 elsewhere), zstd:1 to zstd:22, lz4, snappy, none, or
    /// several of them
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "zstd", help_heading = RESOURCES)]
    pub(crate) compression: Vec<Compression>,
    /// Sizes of a batch in memory, such as 256KiB,1MiB; by default what memory and jobs give
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_size, help_heading = RESOURCES)]
    pub(crate) batch_size: Vec<u64>,
    /// Sizes of the chunks that a table is read in, such as 8MiB,24MiB; by default 24MiB
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_size, help_heading = RESOURCES)]
    pub(crate) chunk_size: Vec<u64>,
    /// Where archives are written, and removed again; by default the directory for temporary files
    #[arg(long, value_name = "DIR", help_heading = RESOURCES)]
    pub(crate) directory: Option<PathBuf>,
    /// Also write a page with plots here; it needs nothing else and can be sent as it is
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(crate) html: Option<PathBuf>,
    /// Compare with what an earlier run wrote with --json
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(crate) compare: Option<PathBuf>,
    /// End with exit code 4 when a row takes longer than before by more than this, such as 10%
    #[arg(long, value_name = "N%", value_parser = parse_part, requires = "compare", help_heading = OUTPUT)]
    pub(crate) fail_over: Option<f64>,
    #[command(flatten)]
    pub(crate) presets: PresetArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `10%` as 0.1.
fn parse_part(text: &str) -> Result<f64, String> {
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=10_000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write a part such as 10%".to_owned()),
    }
}

/// Pack an archive into one uncompressed .zip, which every command reads in place
#[derive(Args, Debug)]
pub(crate) struct PackArgs {
    /// The archive's directory
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// The file to write; it must not exist
    #[arg(value_name = "ZIP")]
    pub(crate) zip: PathBuf,
    /// Check the archive and say what would be written, and write nothing
    #[arg(short = 'n', long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
}

/// Unpack a packed archive into a new directory
#[derive(Args, Debug)]
pub(crate) struct UnpackArgs {
    /// The packed archive
    #[arg(value_name = "ZIP")]
    pub(crate) zip: PathBuf,
    /// The directory to write; it must not exist or be empty
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Check the archive and say what would be written, and write nothing
    #[arg(short = 'n', long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
}

/// Remove old archives from a directory, and keep what you say
#[derive(Args, Debug)]
pub(crate) struct PruneArgs {
    /// The directory; archives of each database, and of each choice of groups, are counted by themselves
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Keep so many of the newest
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = SELECTION)]
    pub(crate) keep_last: u32,
    /// Keep the newest of a day, for so many days that have one; days, weeks and months are those of UTC
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = SELECTION)]
    pub(crate) keep_daily: u32,
    /// Keep the newest of a week, for so many weeks that have one
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = SELECTION)]
    pub(crate) keep_weekly: u32,
    /// Keep the newest of a month, for so many months that have one
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = SELECTION)]
    pub(crate) keep_monthly: u32,
    /// Show what would go, and remove nothing
    #[arg(short = 'n', long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
    /// Do not ask before archives are removed
    #[arg(short, long, help_heading = SAFETY)]
    pub(crate) yes: bool,
}

/// Serve the backup page and its JSON API
#[cfg(feature = "web")]
#[derive(Args, Debug)]
#[command(alias = "web")]
pub(crate) struct ServeArgs {
    /// The directory with the archives
    #[arg(long, value_name = "DIR")]
    pub(crate) archives: PathBuf,
    /// Where to listen; anything but loopback needs --tls-cert or --behind-proxy
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7420", help_heading = NETWORK)]
    pub(crate) listen: SocketAddr,
    /// A further name that browsers may call the server by; repeat it for more
    #[arg(long, value_name = "NAME", help_heading = NETWORK)]
    pub(crate) allowed_host: Vec<String>,
    /// A reverse proxy with TLS stands in front, and passes the Host header on
    #[arg(long, conflicts_with = "tls_cert", help_heading = NETWORK)]
    pub(crate) behind_proxy: bool,
    /// The certificate with its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = NETWORK)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = NETWORK)]
    pub(crate) tls_key: Option<PathBuf>,
    /// The token to sign in with; by default DBFERRY_TOKEN, or a new random one that is printed
    #[arg(long, value_name = "FILE", help_heading = SAFETY)]
    pub(crate) token_file: Option<PathBuf>,
    /// Change nothing: list, look into and download only
    #[arg(long, help_heading = SAFETY)]
    pub(crate) read_only: bool,
    /// Put nothing into databases
    #[arg(long, help_heading = SAFETY)]
    pub(crate) no_restore: bool,
    /// Take no uploads
    #[arg(long, help_heading = SAFETY)]
    pub(crate) no_upload: bool,
    /// The largest upload
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = parse_size, help_heading = SAFETY)]
    pub(crate) upload_limit: u64,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Print the completion script of a shell
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Print the manual page, in roff
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The page of one command
    #[arg(value_name = "COMMAND")]
    pub(crate) verb: Option<String>,
}

/// Print every exit code and what it means
#[derive(Args, Debug)]
pub(crate) struct ExitCodesArgs {}
