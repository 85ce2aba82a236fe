//! A server of its own for each test.

use crate::client::{Request, Response};
use crate::workdir::{RULES, Workdir};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The token of servers that are started again.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";

/// The shop as a source, and two databases to restore into.
const CONNECTIONS: &str = r#"
[connections.prod]
url = "sqlite:shop.db"
role = "source"
[connections.test]
url = "sqlite:test.db"
[connections.scratch]
url = "sqlite:scratch.db"
role = "scratch"
"#;

/// A directory with the shop, its configuration, and a directory for archives.
pub(crate) fn shop() -> Workdir {
    shop_with("")
}

/// The same with more in the configuration.
pub(crate) fn shop_with(more: &str) -> Workdir {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", format!("{RULES}{CONNECTIONS}{more}"));
    std::fs::create_dir(workdir.path("archives")).expect("a directory");
    workdir
}

/// A running server.
pub(crate) struct Served {
    child: Child,
    pub(crate) port: u16,
    pub(crate) token: String,
}

impl Served {
    /// Serves the archives of a directory, on a free port, with the token above.
    pub(crate) fn start(workdir: &Workdir, arguments: &[&str]) -> Self {
        let all = [&["serve", "--archives", "archives", "--listen", "127.0.0.1:0", "--json"], arguments].concat();
        let mut command = workdir.command(&all);
        command.env("DBFERRY_TOKEN", TOKEN);
        Self::of(command)
    }

    /// Starts a command that serves and says so in JSON.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let mut text = String::new();
            child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("a text");
            panic!("it does not serve: {line}{text}");
        };
        let url = ready["url"].as_str().expect("a URL");
        let port = url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let link =
            ready["link"].as_str().and_then(|link| link.split_once("#token=")).map(|(_, token)| token.to_owned());
        Self { child, port, token: link.unwrap_or_else(|| TOKEN.into()) }
    }

    /// Asks with the token.
    pub(crate) fn ask(&self, request: Request) -> Response {
        request.header("authorization", format!("Bearer {}", self.token)).send(self.port)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.ask(Request::new("GET", path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.ask(Request::new("POST", path).json(body))
    }

    /// Asks for a job and waits until it has ended.
    #[track_caller]
    pub(crate) fn job(&self, path: &str, body: &Value) -> Value {
        let job = self.post(path, body).is(202).document();
        self.ended(job["id"].as_str().expect("an id"))
    }

    /// Waits until a job has ended.
    #[track_caller]
    pub(crate) fn ended(&self, id: &str) -> Value {
        self.wait(id, |state| !matches!(state, "queued" | "running"))
    }

    /// Waits until a job is in some state.
    #[track_caller]
    pub(crate) fn wait(&self, id: &str, wanted: impl Fn(&str) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let job = self.get(&format!("/api/jobs/{id}")).is(200).document();
            if wanted(job["state"].as_str().expect("a state")) {
                return job;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{job:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes a backup of a connection, and tells its name.
    #[track_caller]
    pub(crate) fn back_up(&self, connection: &str) -> String {
        let job = self.job("/api/backups", &serde_json::json!({ "connection": connection }));
        assert_eq!(job["state"], "done", "{job:#}");
        job["backup"].as_str().expect("a name").to_owned()
    }

    /// Downloads a backup.
    #[track_caller]
    pub(crate) fn download(&self, name: &str) -> Vec<u8> {
        self.get(&format!("/api/backups/{name}/download")).is(200).body
    }

    /// Uploads a file and waits until it was checked.
    #[track_caller]
    pub(crate) fn upload(&self, name: &str, content: Vec<u8>) -> Value {
        let request = Request::new("POST", &format!("/api/uploads?name={name}")).bytes(content);
        let job = self.ask(request).is(202).document();
        self.ended(job["id"].as_str().expect("an id"))
    }

    /// The names of the backups.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        let list = self.get("/api/backups").is(200).document();
        let backups = list["backups"].as_array().expect("a list");
        backups.iter().map(|backup| backup["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Ends it as a machine that stops would: the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill is there").success());
        self.child.wait().expect("it ends").code()
    }

    /// Ends it without a warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
