//! Lines for people: what is said of many tables in the same words is said once.

/// How many tables are named.
const NAMED: usize = 3;

/// Lines of the form `table: text`, each text once, with the tables that it is about; in the order of their first ones.
pub(super) fn grouped(lines: Vec<String>) -> Vec<String> {
    let mut groups: Vec<(Vec<String>, Option<String>)> = Vec::new();
    for line in lines {
        let (name, text) = match line.split_once(": ") {
            Some((name, text)) => (name.to_owned(), Some(text.to_owned())),
            None => (line, None),
        };
        match groups.iter_mut().find(|(_, other)| text.is_some() && *other == text) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], text)),
        }
    }
    let line = |(names, text): (Vec<String>, Option<String>)| {
        let more = names.len().saturating_sub(NAMED);
        let mut all = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        match more {
            0 => {}
            // No list is longer than what it is short for.
            more => all.push_str(&format!(" and {more} more")),
        }
        text.map(|text| format!("{all}: {text}")).unwrap_or(all)
    };
    groups.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn a_text_is_said_once() {
        let lines = ["a: odd", "alone", "b: odd", "b: even: x", "c: odd", "d: odd", "e: odd", "alone"];
        assert_eq!(
            grouped(lines.map(str::to_owned).to_vec()),
            ["a, b, c and 2 more: odd", "alone", "b: even: x", "alone"]
        );
    }
}
