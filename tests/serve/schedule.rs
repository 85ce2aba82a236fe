//! Schedules: their backups, and what is kept of them.

use crate::client::Request;
use crate::served::{Served, shop_with};
use serde_json::json;

const NIGHTLY: &str = r#"
[schedule.nightly]
cron = "0 3 * * *"
time_zone = "Europe/Paris"
connection = "prod"
groups = ["user"]
keep = { last = 2 }
"#;

#[test]
fn a_schedule_keeps_what_it_says_of_its_own_backups() {
    let workdir = shop_with(NIGHTLY);
    let served = Served::start(&workdir, &[]);
    let mine = served.back_up("prod");
    let mut made = Vec::new();
    for _ in 0..3 {
        let job = served.ask(Request::new("POST", "/api/schedule/nightly/run")).is(202).document();
        let job = served.ended(job["id"].as_str().expect("an id"));
        assert_eq!((&job["state"], &job["schedule"]), (&json!("done"), &json!("nightly")), "{job:#}");
        made.push(job);
    }
    assert_eq!(made[2]["result"]["pruned"], json!([made[0]["backup"]]));
    let mut expected: Vec<String> =
        made[1..].iter().map(|job| job["backup"].as_str().expect("a name").into()).collect();
    expected.push(mine);
    let mut names = served.names();
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
    let line = served.get("/api/schedule").is(200).document()["schedules"][0].clone();
    let next = line["next_at"].as_str().expect("a time");
    assert!(next.ends_with("T02:00:00Z") || next.ends_with("T01:00:00Z"), "three in the night in Paris: {next}");
    assert_eq!((&line["last"]["job"], &line["last"]["state"]), (&made[2]["id"], &json!("done")));
    // What it did last is known also when nobody wants to see the job any more.
    let id = made[2]["id"].as_str().expect("an id");
    served.ask(Request::new("POST", &format!("/api/jobs/{id}/dismiss"))).is(204);
    served.get(&format!("/api/jobs/{id}")).is(404);
    served.ask(Request::new("POST", &format!("/api/jobs/{id}/dismiss"))).is(404);
    drop(served);
    let served = Served::start(&workdir, &[]);
    let told = served.get("/api/schedule").document()["schedules"][0]["last"].clone();
    assert_eq!((&told["job"], &told["state"]), (&made[2]["id"], &json!("done")));
    assert!(!served.get("/api/jobs").document().to_string().contains(id));
    let log = served.get("/api/audit").document();
    let pruned = log["entries"].as_array().expect("entries").iter().find(|entry| entry["action"] == "prune");
    assert_eq!(pruned.expect("it is on record")["backup"], made[0]["backup"]);
}

#[test]
fn the_last_good_one_is_never_removed() {
    let workdir = shop_with(&NIGHTLY.replace("last = 2", "last = 1"));
    let served = Served::start(&workdir, &[]);
    let run = || {
        let job = served.ask(Request::new("POST", "/api/schedule/nightly/run")).is(202).document();
        served.ended(job["id"].as_str().expect("an id"))
    };
    let first = run()["backup"].as_str().expect("a name").to_owned();
    std::fs::rename(workdir.path("shop.db"), workdir.path("away.db")).expect("a move");
    assert_eq!(run()["state"], "failed");
    assert_eq!(served.names(), [first.as_str()], "a failure takes nobody's place");
    std::fs::rename(workdir.path("away.db"), workdir.path("shop.db")).expect("a move");
    // Found damaged, it is no good one: it stays to be looked at, and takes nobody's place.
    let second = run()["backup"].as_str().expect("a name").to_owned();
    workdir.damage(workdir.parquet_of(&format!("archives/{second}"), "users"));
    served.job(&format!("/api/backups/{second}/verify"), &json!({ "depth": "bytes" }));
    let third = run()["backup"].as_str().expect("a name").to_owned();
    let mut names = served.names();
    names.sort();
    let mut expected = [second, third];
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn another_database_of_the_same_name_is_another_one() {
    let of = |connection: &str| NIGHTLY.replace("last = 2", "last = 1").replace("\"prod\"", connection);
    let other = "[connections.other]\nurl = \"sqlite:elsewhere/shop.db\"\n";
    let workdir = shop_with(&(other.to_owned() + &of("\"prod\"")));
    std::fs::create_dir(workdir.path("elsewhere")).expect("a directory");
    std::fs::copy(workdir.path("shop.db"), workdir.path("elsewhere/shop.db")).expect("a copy");
    let run = |served: &Served| {
        let job = served.ask(Request::new("POST", "/api/schedule/nightly/run")).is(202).document();
        served.ended(job["id"].as_str().expect("an id"))
    };
    let served = Served::start(&workdir, &[]);
    assert_eq!(run(&served)["result"]["pruned"], json!([]));
    drop(served);
    let text = std::fs::read_to_string(workdir.path("dbferry.toml")).expect("a text");
    let schedule = text.find("[schedule").expect("a schedule");
    workdir.write("dbferry.toml", format!("{}{}", &text[..schedule], of("\"other\"").trim_start()));
    let served = Served::start(&workdir, &[]);
    let job = run(&served);
    assert_eq!((&job["connection"], &job["result"]["pruned"]), (&json!("other"), &json!([])), "{job:#}");
    assert_eq!(served.names().len(), 2);
    assert_eq!(run(&served)["result"]["pruned"], json!([job["backup"]]), "its own older one goes");
}

#[test]
fn what_a_check_found_damaged_pushes_nothing_out() {
    let workdir = shop_with("");
    let served = Served::start(&workdir, &[]);
    let good = served.back_up("prod");
    let damaged = served.back_up("prod");
    workdir.damage(workdir.parquet_of(&format!("archives/{damaged}"), "users"));
    served.job(&format!("/api/backups/{damaged}/verify"), &json!({ "depth": "bytes" }));
    drop(served);
    // All its files are there with their sizes: only the server's notes say it.
    let run = workdir.run(&["prune", "archives", "--keep-last", "1", "--yes"]).is(3);
    run.complains(&[&damaged, "is damaged, takes nobody's place"]);
    assert!(workdir.path(&format!("archives/{good}/manifest.json")).exists());
}

#[test]
fn a_schedule_that_makes_no_sense_is_told_at_the_start() {
    for (from, to) in [
        ("0 3 * * *", "0 25 * * *"),
        ("0 3 * * *", "0 3 30 2 *"),
        ("Europe/Paris", "Mars/Olympus"),
        ("\"prod\"", "\"prd\""),
    ] {
        let workdir = shop_with(&NIGHTLY.replace(from, to));
        workdir.run(&["serve", "--archives", "archives", "--listen", "127.0.0.1:0"]).is(2);
    }
}
