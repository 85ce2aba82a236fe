//! Backups from the first to the last: made, listed, looked into, downloaded, uploaded, planned, restored, deleted.

use crate::client::Request;
use crate::served::{Served, shop};
use crate::workdir::Workdir;
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|it| it["name"].as_str().expect("a name")).collect()
}

#[test]
fn a_backup_goes_out_and_comes_back() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let groups = served.get("/api/connections/prod/groups").is(200).document();
    assert_eq!(names(&groups["groups"]), ["required", "skipped", "user", "log", "third-party", "custom", "unknown"]);
    let user = &groups["groups"][2];
    assert_eq!(user["title"]["fr"], "Données utilisateur");
    assert_eq!((names(&user["collections"]), &user["rows"]), (vec!["main.orders", "main.users"], &json!(6)));

    let request = json!({ "connection": "prod", "groups": ["user"], "description": "before the move" });
    let job = served.job("/api/backups", &request);
    assert_eq!((&job["state"], &job["exit_code"], &job["result"]["rows"]), (&json!("done"), &json!(0), &json!(8)));
    assert_eq!(names(&job["groups"]), ["required", "user"]);
    let name = job["backup"].as_str().expect("a name").to_owned();
    assert!(name.starts_with("prod-2"), "{name}");

    let backup = served.get("/api/backups").is(200).document()["backups"][0].clone();
    assert_eq!((&backup["name"], &backup["rows"], &backup["trusted"]), (&json!(name), &json!(8), &json!(true)));
    assert_eq!((&backup["origin"], &backup["connection"]), (&json!("dump"), &json!("prod")));
    assert_eq!((&backup["description"], &backup["verified"]), (&json!("before the move"), &json!(null)));
    let verified = served.job(&format!("/api/backups/{name}/verify"), &json!({ "depth": "rows" }));
    assert_eq!(verified["state"], "done");
    let detail = served.get(&format!("/api/backups/{name}")).is(200).document();
    assert_eq!(detail["backup"]["verified"]["ok"], true);
    let users = detail["collections"].as_array().expect("a list").iter().find(|it| it["name"] == "main.users");
    let users = users.expect("users are in it");
    assert_eq!((names(&users["columns"]), &users["primary_key"]), (vec!["id", "name", "email"], &json!(["id"])));
    let preview = format!("/api/backups/{name}/preview?collection=main.users&rows=2");
    let preview = served.get(&preview).is(200).document();
    assert_eq!(
        preview["rows"],
        json!([[{ "text": "1" }, { "text": "Zoë" }, { "text": "zoe@example.org" }],
        [{ "text": "2" }, { "text": "Bo" }, { "text": null }]])
    );
    assert_eq!(preview["total"], 3);
    served.get(&format!("/api/backups/{name}/preview?collection=main.nothing")).is(404);

    let zip = served.download(&name);
    workdir.run(&["pack", &format!("archives/{name}"), "packed.zip", "-q"]).is(0);
    assert!(zip == std::fs::read(workdir.path("packed.zip")).expect("a file"), "it is what pack writes");
    let part = Request::new("GET", &format!("/api/backups/{name}/download")).header("range", "bytes=100-199");
    let part = served.ask(part).is(206);
    assert!(part.body == zip[100..200]);
    assert_eq!(part.header("content-range"), Some(format!("bytes 100-199/{}", zip.len()).as_str()));
    let head = served.ask(Request::new("HEAD", &format!("/api/backups/{name}/download"))).is(200);
    assert_eq!(head.header("content-length"), Some(zip.len().to_string().as_str()));

    let uploaded = served.upload("../a%20b.zip", zip);
    assert_eq!(uploaded["state"], "done", "{uploaded:#}");
    assert_eq!(uploaded["backup"], "a-b.zip");
    let backups = served.get("/api/backups").is(200).document()["backups"].clone();
    let upload = backups.as_array().expect("a list").iter().find(|it| it["name"] == "a-b.zip").expect("it is listed");
    assert_eq!(
        (&upload["trusted"], &upload["origin"], &upload["packed"]),
        (&json!(false), &json!("upload"), &json!(true))
    );
    assert_eq!(upload["verified"]["ok"], true);

    restores(&workdir, &served, &name);

    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm=other"))).is(403);
    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm={name}"))).is(204);
    served.ask(Request::new("DELETE", "/api/backups/a-b.zip?confirm=a-b.zip")).is(204);
    let left = served.names();
    assert!(left.iter().all(|name| name.contains("before-restore")), "{left:?}");
}

fn restores(workdir: &Workdir, served: &Served, name: &str) {
    let choice = json!({ "backup": name, "connection": "test", "groups": ["user"] });
    let plan = served.post("/api/plan", &choice).is(200).document();
    assert_eq!((&plan["confirm"], &plan["problems"]), (&json!(null), &json!([])), "the target is new");
    assert_eq!(plan["units"][0]["groups"], json!(["required"]));
    assert!(!workdir.path("test.db").exists(), "nothing was touched");
    let job = served.job("/api/restores", &choice);
    assert_eq!((&job["state"], &job["result"]["proven"]), (&json!("done"), &json!(true)), "{job:#}");
    assert_eq!(workdir.number("test.db", "SELECT count(*) FROM users"), 3);

    workdir.sql("test.db", "DELETE FROM orders; INSERT INTO users (name) VALUES ('after')");
    let plan = served.post("/api/plan", &choice).is(200).document();
    assert_eq!((&plan["confirm"], &plan["overwrites"]), (&json!("test"), &json!(true)));
    let with = |more: Value| {
        let mut request = choice.clone();
        request.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        request
    };
    assert_eq!(served.post("/api/restores", &choice).is(403).kind(), "refused");
    served.post("/api/restores", &with(json!({ "confirm": "yes" }))).is(403);
    let stale = with(json!({ "confirm": "test", "fingerprint": "0" }));
    assert_eq!(served.post("/api/restores", &stale).is(409).kind(), "mismatch");
    assert_eq!(workdir.number("test.db", "SELECT count(*) FROM users"), 4, "nothing was changed yet");
    let asked = with(json!({ "confirm": "test", "fingerprint": plan["fingerprint"], "safety_backup": true }));
    let job = served.job("/api/restores", &asked);
    assert_eq!(job["state"], "done", "{job:#}");
    assert_eq!(workdir.number("test.db", "SELECT count(*) FROM users"), 3);
    let safety = job["result"]["safety_backup"].as_str().expect("a name");
    let kept = served.get(&format!("/api/backups/{safety}")).is(200).document();
    assert_eq!(kept["backup"]["origin"], "safety");

    // A target of another shape is refused, with all that is wrong.
    workdir.sql("test.db", "DROP TABLE orders; CREATE TABLE orders (id INTEGER PRIMARY KEY, other BLOB)");
    let refused = served.post("/api/restores", &with(json!({ "confirm": "test" }))).is(422);
    assert_eq!(refused.kind(), "incompatible");
    let source = json!({ "backup": name, "connection": "prod", "confirm": "prod" });
    assert_eq!(served.post("/api/restores", &source).is(403).kind(), "refused", "a source is never restored into");
    served.post("/api/restores", &json!({ "backup": name, "connection": "nothing" })).is(404);
    served.post("/api/restores", &json!({ "backup": name, "url": "sqlite:other.db" })).is(422);
}

#[test]
fn an_upload_runs_none_of_its_sql() {
    let workdir = shop();
    workdir.sql("shop.db", "CREATE VIEW names AS SELECT name FROM users");
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    served.upload("up.zip", served.download(&name));
    let views = "SELECT count(*) FROM sqlite_master WHERE type = 'view'";
    for (backup, trusted, expected) in [("up.zip", false, 0), (name.as_str(), true, 1)] {
        let choice = json!({ "backup": backup, "connection": "scratch" });
        assert_eq!(served.post("/api/plan", &choice).is(200).document()["trusted"], trusted);
        let job = served.job("/api/restores", &choice);
        assert!(matches!(job["state"].as_str(), Some("done" | "warnings")), "{job:#}");
        assert_eq!(workdir.number("scratch.db", views), expected, "{backup}");
        std::fs::remove_file(workdir.path("scratch.db")).expect("a file");
    }
    // Nor after a restart.
    drop(served);
    let served = Served::start(&workdir, &[]);
    let choice = json!({ "backup": "up.zip", "connection": "scratch" });
    assert_eq!(served.post("/api/plan", &choice).is(200).document()["trusted"], false);
}

#[test]
fn what_is_damaged_is_told_and_not_sent() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let (name, other) = (served.back_up("prod"), served.back_up("prod"));
    workdir.damage(workdir.parquet_of(&format!("archives/{name}"), "users"));
    assert_eq!(served.get(&format!("/api/backups/{name}/download")).is(422).kind(), "archive-damaged");
    let job = served.job(&format!("/api/backups/{name}/verify"), &json!({ "depth": "bytes" }));
    assert_eq!((&job["state"], &job["exit_code"]), (&json!("failed"), &json!(6)), "{job:#}");
    assert!(job["error"]["hint"].is_string());
    let verified = served.get(&format!("/api/backups/{name}")).is(200).document()["backup"]["verified"].clone();
    assert_eq!(verified["ok"], false);
    // What cannot even be read is listed, last, with the reason, and can be deleted.
    workdir.write(&format!("archives/{other}/manifest.json"), "{}");
    let backups = served.get("/api/backups").is(200).document()["backups"].clone();
    assert_eq!((&backups[1]["name"], &backups[1]["error"]["kind"]), (&json!(other), &json!("archive-damaged")));
    served.ask(Request::new("DELETE", &format!("/api/backups/{other}?confirm={other}"))).is(204);
    assert_eq!(served.names(), [name]);
}

#[test]
fn no_answer_shows_a_password() {
    let workdir = shop();
    let more = "[connections.far]\nurl = { env = 'FAR' }\n";
    let text = std::fs::read_to_string(workdir.path("dbferry.toml")).expect("a file") + more;
    workdir.write("dbferry.toml", text);
    let mut command = workdir.command(&["serve", "--archives", "archives", "--listen", "127.0.0.1:0", "--json"]);
    command.env("DBFERRY_TOKEN", crate::served::TOKEN).env("FAR", "postgres://me:hunter2canary@127.0.0.1:1/d");
    let served = Served::of(command);
    let failed = served.get("/api/connections/far/groups").is(502);
    assert_eq!(failed.kind(), "connect");
    let job = served.job("/api/backups", &json!({ "connection": "far" }));
    assert_eq!((&job["state"], &job["exit_code"]), (&json!("failed"), &json!(13)));
    let all = [failed.document(), job, served.get("/api/server").document(), served.get("/api/audit").document()];
    for document in all {
        assert!(!document.to_string().contains("hunter2canary"), "{document:#}");
    }
}
