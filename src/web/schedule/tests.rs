use super::*;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::resources::Resources;
use crate::web::{ServeOptions, Transport, new_token};
use dbferry_dialect::Schema;
use dbferry_dialect::testkit::MemoryDialect;
use std::sync::Mutex;
use std::time::Instant;

fn schedule(cron: &str, time_zone: &str) -> BTreeMap<String, Schedule> {
    let schedule = Schedule {
        cron: cron.into(),
        time_zone: time_zone.into(),
        connection: "prod".into(),
        groups: None,
        keep: None,
    };
    BTreeMap::from([("nightly".to_owned(), schedule)])
}

#[test]
fn times_come_again_in_their_zone() {
    let after: Timestamp = "2026-11-30T12:00:00Z".parse().expect("a time");
    for (zone, expected) in [("UTC", "2026-12-01T03:00:00Z"), ("Asia/Tokyo", "2026-11-30T18:00:00Z")] {
        let crontabs = parse(&schedule("0 3 * * *", zone)).expect("a schedule");
        assert_eq!(next(&crontabs["nightly"], after).expect("a time").to_string(), expected);
    }
}

#[test]
fn what_is_no_schedule_is_refused_at_the_start() {
    for (cron, zone) in [("0 25 * * *", "UTC"), ("daily", "UTC"), ("", "UTC"), ("0 3 * * *", "Mars/Olympus")] {
        let Err(error) = parse(&schedule(cron, zone)) else { panic!("{cron} in {zone:?} was not refused") };
        assert_eq!(error.kind(), ErrorKind::Usage, "{cron} {zone}");
    }
}

const NIGHTLY: &str = r#"
version = 1
[connections.prod]
url = "memory:prod"
[schedule.nightly]
cron = "0 3 * * *"
connection = "prod"
"#;

/// A server that nobody can ask, with an empty database and a schedule at three in the night.
fn server(archives: &std::path::Path) -> Arc<Server> {
    let memory = MemoryDialect::new();
    memory.insert("prod", &Schema::default(), &[]).expect("a database");
    let url = memory.url("prod");
    let dialect: &MemoryDialect = Box::leak(Box::new(memory));
    let listen = ([127, 0, 0, 1], 0).into();
    let options = ServeOptions {
        archives: archives.to_owned(),
        config: Config::parse(NIGHTLY).expect("a configuration"),
        open: Box::new(move |_| Ok(Endpoint::new(dialect, url.clone()))),
        listen,
        transport: Transport::Plain,
        allowed_hosts: Vec::new(),
        token: new_token().expect("a token"),
        read_only: false,
        restore: true,
        upload: true,
        upload_limit: 0,
        resources: Resources::new(Some(1), None).expect("resources"),
        warn: Box::new(|_| {}),
    };
    Arc::new(Server::new(options, listen).expect("a server"))
}

#[test]
fn when_it_is_time_a_backup_is_made_and_only_then() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(directory.path());
    let clock = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
    let set = |time: &str| *clock.lock().expect("a clock") = time.parse().expect("a time");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let look = Duration::from_millis(2);
        set("2026-11-30T02:59:58Z");
        let seen = Arc::clone(&clock);
        tokio::spawn(keep_by(Arc::clone(&server), move || *seen.lock().expect("a clock"), look));
        let backups = || server.catalogue.list().expect("a list").len();
        let calm = async |expected| {
            tokio::time::sleep(20 * look).await;
            assert_eq!(server.jobs.list().len(), expected);
            assert_eq!(backups(), expected);
        };
        let made = async |expected| {
            let begun = Instant::now();
            while backups() < expected || server.jobs.list().iter().any(|job| job.state.is_open()) {
                assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", server.jobs.list());
                tokio::time::sleep(look).await;
            }
            let job = server.jobs.last_of_schedule("nightly").expect("a job");
            assert_eq!((job.state, job.trigger), (JobState::Done, Who::Schedule));
            calm(expected).await;
        };
        calm(0).await;
        set("2026-11-30T02:59:59.9Z");
        calm(0).await;
        set("2026-11-30T03:00:03Z");
        made(1).await;
        // A clock that is set back does not do it once more.
        set("2026-11-30T02:58:00Z");
        calm(1).await;
        set("2026-11-30T03:00:04Z");
        calm(1).await;
        // One that was asleep does once what it missed.
        set("2026-12-02T09:00:00Z");
        made(2).await;
    });
}
