//! Views after the views that they read from.
//!
//! MySQL lists who reads from whom, MariaDB does not; both print a view's text in the same strict form, so the names in it are
//! looked at. A name too many only orders what needed no order.

use crate::ddl::scan::{Kind, tokens};
use dbferry_dialect::model::NativeObject;
use std::collections::{BTreeMap, BTreeSet};

/// Puts views in an order in which each can be made. Those that read from each other in a circle, which no server makes, come
/// as they are.
pub(super) fn by_dependency(views: Vec<NativeObject>) -> Vec<NativeObject> {
    let mut waiting: BTreeMap<String, NativeObject> = views.into_iter().map(|view| (view.name.clone(), view)).collect();
    let names: BTreeSet<String> = waiting.keys().cloned().collect();
    let mut needs: BTreeMap<String, BTreeSet<String>> = waiting
        .values()
        .map(|view| {
            let mut read = sources(&view.definition);
            read.retain(|name| names.contains(name) && *name != view.name);
            (view.name.clone(), read)
        })
        .collect();
    let mut ordered = Vec::with_capacity(names.len());
    while !waiting.is_empty() {
        let free = needs.iter().find(|(_, needs)| needs.is_empty()).or_else(|| needs.iter().next());
        let Some(name) = free.map(|(name, _)| name.clone()) else { break };
        needs.remove(&name);
        needs.values_mut().for_each(|needs| {
            needs.remove(&name);
        });
        ordered.extend(waiting.remove(&name));
    }
    ordered
}

/// The names in a view's text that can be tables: they stand alone, and are no alias.
fn sources(definition: &str) -> BTreeSet<String> {
    let all = tokens(definition);
    let mut names = BTreeSet::new();
    for (at, token) in all.iter().enumerate().filter(|(_, token)| token.kind == Kind::Name) {
        let before = at.checked_sub(1).and_then(|at| all.get(at));
        let is_part = before.is_some_and(|before| {
            before.is_symbol(".") || before.is_symbol("@") || before.is_word("AS") || before.kind == Kind::Name
        });
        let is_qualifier = all.get(at + 1).is_some_and(|after| after.is_symbol("."));
        if !is_part && !is_qualifier {
            names.insert(token.value());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::model::ObjectKind;

    #[test]
    fn a_view_follows_what_it_reads_from() {
        let view = |name: &str, text: &str| {
            let text = format!("CREATE DEFINER=`root`@`localhost` VIEW `{name}` AS {text}");
            NativeObject::new(ObjectKind::View, "main", name, "mysql", text)
        };
        let ordered = by_dependency(vec![
            view("a", "select `b`.`x` AS `c` from (`b` join `t` `d` on((`b`.`x` = `d`.`x`)))"),
            view("b", "select 1 AS `a`,`z`.`a` AS `x` from `z`"),
            view("c", "select 1 AS `x`"),
            view("z", "select 1 AS `x` from `c`"),
        ]);
        let names: Vec<_> = ordered.iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, ["c", "z", "b", "a"]);
    }
}
