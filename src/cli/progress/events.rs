//! Progress as JSON events: one line each, at most one `progress` line a second.

use super::{Output, View};
use crate::cli::json;
use crate::cli::output::write_err;
use dbferry::progress::{Event, Tally};
use serde::Serialize;
use std::time::Duration;

pub(super) struct Events {
    output: Output,
}

impl Events {
    pub(super) fn new(output: Output) -> Self {
        Self { output }
    }

    /// Events belong to the result with `--json`, and to the remarks otherwise. A reader that has gone does not stop the
    /// work, and the result's own writing tells about a disk that is full.
    fn write<T: Serialize>(&self, kind: &str, content: &T) {
        if self.output.json {
            drop(self.output.document(kind, content));
        } else if let Ok(line) = json::line(kind, content) {
            write_err(&(line + "\n"));
        }
    }
}

/// The content of an event; its type is the document's.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Phase {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<&'a str>,
    },
    Planned {
        collections: usize,
        rows: Option<u64>,
        rows_estimated: bool,
        /// Rows that will be read again to prove them.
        rows_again: u64,
    },
    Started {
        collection: &'a str,
        rows: Option<u64>,
        rows_estimated: bool,
    },
    Finished {
        collection: &'a str,
        rows: u64,
    },
    Group {
        group: &'a str,
        replaced: bool,
    },
    Warning {
        message: &'a str,
    },
    Progress {
        collections_done: usize,
        /// From 0 to 1.
        done: Option<f64>,
        /// Rows that went by; those that are read again to prove them count twice.
        rows: u64,
        rows_planned: Option<u64>,
        rows_estimated: bool,
        bytes: u64,
        seconds: f64,
        seconds_left: Option<f64>,
        in_work: Vec<&'a str>,
    },
}

fn content(event: Event<'_>) -> Option<(&'static str, Content<'_>)> {
    Some(match event {
        Event::Phase { name, group } => ("phase", Content::Phase { name, group }),
        Event::Planned { collections, rows, again, .. } => (
            "planned",
            Content::Planned {
                collections,
                rows: rows.number(),
                rows_estimated: rows.is_estimate(),
                rows_again: again,
            },
        ),
        Event::CollectionStarted { collection, rows } => (
            "collection-started",
            Content::Started { collection, rows: rows.number(), rows_estimated: rows.is_estimate() },
        ),
        Event::CollectionFinished { collection, rows } => {
            ("collection-finished", Content::Finished { collection, rows })
        }
        Event::GroupFinished { group, replaced } => ("group-finished", Content::Group { group, replaced }),
        Event::Warning { message } => ("warning", Content::Warning { message }),
        _ => return None,
    })
}

fn progress(tally: &Tally) -> Content<'_> {
    Content::Progress {
        collections_done: tally.collections_done(),
        done: tally.fraction(),
        rows: tally.rows(),
        rows_planned: tally.rows_planned().number(),
        rows_estimated: tally.rows_planned().is_estimate(),
        bytes: tally.bytes(),
        seconds: tally.started().elapsed().as_secs_f64(),
        seconds_left: tally.left().map(|left| left.as_secs_f64()),
        in_work: tally.in_work().map(|(name, _)| name).collect(),
    }
}

impl View for Events {
    fn event(&mut self, event: Event<'_>, _tally: &Tally) {
        if let Some((kind, content)) = content(event) {
            self.write(kind, &content);
        }
    }

    fn tick(&mut self, tally: &Tally) {
        self.write("progress", &progress(tally));
    }

    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry::progress::RowCount;
    use std::time::Instant;

    #[test]
    fn events_keep_their_shape() {
        let shape = |event| content(event).map(|(kind, content)| json::line(kind, &content).unwrap());
        for (event, expected) in [
            (Event::Phase { name: "read", group: None }, r#""type":"phase","name":"read"}"#),
            (Event::Phase { name: "load", group: Some("log") }, r#""type":"phase","name":"load","group":"log"}"#),
            (
                Event::Planned { collections: 2, rows: RowCount::Unknown, again: 3, work: 4 },
                r#""type":"planned","collections":2,"rows":null,"rows_estimated":false,"rows_again":3}"#,
            ),
            (
                Event::CollectionStarted { collection: "main.a", rows: RowCount::About(4) },
                r#""type":"collection-started","collection":"main.a","rows":4,"rows_estimated":true}"#,
            ),
            (
                Event::CollectionFinished { collection: "main.a", rows: 4 },
                r#""type":"collection-finished","collection":"main.a","rows":4}"#,
            ),
            (
                Event::GroupFinished { group: "log", replaced: true },
                r#""type":"group-finished","group":"log","replaced":true}"#,
            ),
            (Event::Warning { message: "so" }, r#""type":"warning","message":"so"}"#),
        ] {
            assert_eq!(shape(event), Some(format!(r#"{{"schema_version":1,{expected}"#)));
        }
        assert!(content(Event::Rows { collection: "a", rows: 1, bytes: 1, again: false }).is_none());
        assert!(content(Event::Work { amount: 1 }).is_none());
    }

    #[test]
    fn progress_keeps_its_shape() {
        let tally = Tally::new(Instant::now());
        let value: serde_json::Value =
            serde_json::from_str(&json::line("progress", &progress(&tally)).unwrap()).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "bytes",
                "collections_done",
                "done",
                "in_work",
                "rows",
                "rows_estimated",
                "rows_planned",
                "schema_version",
                "seconds",
                "seconds_left",
                "type"
            ]
        );
    }
}
