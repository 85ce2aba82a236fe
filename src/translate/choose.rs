//! What each column becomes: a rule of the user's before what the data proves before the target's own type.

use super::cast::Cast;
use super::evidence::{Question, Scan, Verdict, Witness, ask};
use super::links::Links;
use super::misfit::Policy;
use super::names::Names;
use super::rules::TypeRule;
use super::schema::{Losses, Surroundings};
use super::{ColumnTranslation, Decision, Ends, Translation, source_columns};
use dbferry_dialect::model::{ColumnRole, NativeObject};
use dbferry_dialect::{
    Capabilities, Collection, CollectionName, Column, DatabaseInfo, Domain, Fidelity, LogicalType, NativeMapping,
    Result, Syntax,
};
use std::collections::{BTreeMap, BTreeSet};

/// Both ends of what is to be translated.
#[derive(Clone, Copy)]
pub(crate) struct Crossing<'a, 'r> {
    pub(crate) source: &'r DatabaseInfo,
    pub(crate) target: &'r DatabaseInfo,
    /// How the source spells SQL; absent when this build does not know its dialect.
    pub(crate) source_syntax: Option<&'a dyn Syntax>,
    pub(crate) target_syntax: &'a dyn Syntax,
    /// What the target can do.
    pub(crate) capabilities: Capabilities,
    /// What everything of the source is called in the target.
    pub(crate) names: &'r Names,
    /// All collections of the source.
    pub(crate) collections: &'r BTreeMap<&'a CollectionName, &'a Collection>,
    /// The source's objects that are no collections.
    pub(crate) objects: &'r [&'a NativeObject],
    /// Whether the target holds a collection of that name, which is one of the source's.
    pub(crate) exists: &'r dyn Fn(&CollectionName) -> bool,
    pub(crate) rules: &'r [TypeRule],
}

/// A collection that is to be translated.
pub(crate) struct Subject<'a> {
    /// Its place among what is offered.
    pub(crate) place: usize,
    pub(crate) collection: &'a Collection,
    /// What the target holds under its name.
    pub(crate) existing: Option<&'a Collection>,
    /// Whether rows of it will be written.
    pub(crate) loads: bool,
}

/// Translations of what was asked for, in its order.
pub(crate) struct Choice<'a> {
    pub(crate) translations: Vec<Translation<'a>>,
    /// The numbers of rules that are about these two databases and match no column, counted from 1.
    pub(crate) idle_rules: Vec<usize>,
}

/// One thing that a column may become.
#[derive(Clone, Debug)]
struct Way {
    to: LogicalType,
    to_native: Option<String>,
    by: Decision,
    on_misfit: Policy,
    /// Whether all values must be values of it.
    proven: bool,
    /// What is lost even for ordinary values.
    loses: Option<String>,
    because: String,
}

/// What a column may become, the preferred way first.
#[derive(Clone, Debug, Default)]
struct Ways {
    ways: Vec<Way>,
    /// Whether the last way is refused, with the value, when it is not proven.
    strict: bool,
}

impl<'a, 'r> Crossing<'a, 'r> {
    pub(super) fn is_crossing(&self) -> bool {
        self.source.dialect != self.target.dialect
    }

    fn ends(&self) -> Ends<'a> {
        Ends { source: self.source_syntax, target: self.target_syntax, crossing: self.is_crossing() }
    }

    fn rules(&self) -> impl Iterator<Item = (usize, &'r TypeRule)> {
        (1..).zip(self.rules).filter(|(_, rule)| rule.is_about(self.source, self.target))
    }

    fn rule(&self, collection: &Collection, column: &Column) -> Option<(usize, &'r TypeRule)> {
        self.rules().find(|(_, rule)| column.role == ColumnRole::Data && rule.matches(&collection.name, column))
    }
}

/// Decides for all of them together, since columns that are linked by foreign keys must agree. `fits` says whether a
/// column of that type goes into the one that is there.
///
/// # Errors
/// When values that have to be looked at cannot be read.
pub(crate) fn choose<'a>(
    crossing: Crossing<'a, '_>,
    subjects: &[Subject<'_>],
    scan: &dyn Scan,
    fits: &dyn Fn(&Collection, &Column, &Column) -> bool,
) -> Result<Choice<'a>> {
    let mut used = BTreeSet::new();
    for subject in subjects {
        used.extend(
            subject.collection.columns.iter().filter_map(|column| Some(crossing.rule(subject.collection, column)?.0)),
        );
    }
    let idle_rules = crossing.rules().map(|(number, _)| number).filter(|number| !used.contains(number)).collect();
    if !crossing.is_crossing() && used.is_empty() {
        let translations = subjects.iter().map(|subject| Translation::identity(subject.collection)).collect();
        return Ok(Choice { translations, idle_rules });
    }

    let links = Links::new(&subjects.iter().map(|subject| subject.collection).collect::<Vec<_>>());
    let mut ways: BTreeMap<(usize, usize), Ways> = BTreeMap::new();
    for (at, subject) in subjects.iter().enumerate() {
        for (position, column) in subject.collection.columns.iter().enumerate() {
            let found = ways_of(&crossing, subject, column, fits);
            if !found.ways.is_empty() {
                ways.insert((at, position), found);
            }
        }
    }
    spread_rules(subjects, &links, &mut ways);
    let verdicts = prove(&crossing, subjects, &ways, scan)?;
    let mut columns: Vec<Vec<ColumnTranslation>> = subjects
        .iter()
        .map(|subject| {
            subject.collection.columns.iter().map(|column| ColumnTranslation::identity(&column.logical)).collect()
        })
        .collect();
    for ((at, position), ways) in &ways {
        let column = &subjects[*at].collection.columns[*position];
        columns[*at][*position] = decide(column, ways, verdicts.get(&(*at, *position)), &crossing);
    }
    agree(subjects, &links, &mut columns);
    if !crossing.capabilities.carries.mixed_key_widths {
        widen(&links, &mut columns);
    }
    let chosen = columns.clone();
    let by_name = subjects.iter().zip(&chosen).map(|(subject, columns)| (&subject.collection.name, columns.as_slice()));
    let by_name: BTreeMap<&CollectionName, &[ColumnTranslation]> = by_name.collect();
    let surroundings = Surroundings { crossing: &crossing, columns: &by_name };
    let translate = |(subject, columns): (&Subject<'_>, Vec<ColumnTranslation>)| {
        let mut collection = translated(subject.collection, &columns, &crossing);
        let losses = match crossing.is_crossing() {
            true => surroundings.carry(subject.collection, &mut collection, &columns),
            false => Losses::default(),
        };
        Translation {
            collection,
            columns,
            source_columns: source_columns(subject.collection),
            not_carried: losses.not_carried,
            notes: losses.notes,
            ends: Some(crossing.ends()),
        }
    };
    Ok(Choice { translations: subjects.iter().zip(columns).map(translate).collect(), idle_rules })
}

fn ways_of(
    crossing: &Crossing<'_, '_>,
    subject: &Subject<'_>,
    column: &Column,
    fits: &dyn Fn(&Collection, &Column, &Column) -> bool,
) -> Ways {
    if column.role != ColumnRole::Data {
        return Ways::default();
    }
    if let Some((number, rule)) = crossing.rule(subject.collection, column) {
        return ways_of_rule(number, rule, column, crossing);
    }
    if !crossing.is_crossing() {
        return Ways::default();
    }
    let name = crossing.names.column(&subject.collection.name, &column.name);
    let existing = subject.existing.and_then(|existing| existing.column(&name)).map(|(_, existing)| existing);
    let goes = |logical: &LogicalType| {
        let typed = Column { logical: logical.clone(), ..column.clone() };
        existing.is_none_or(|existing| fits(subject.collection, &typed, existing))
    };
    let is_held =
        crossing.capabilities.unsigned_integers && matches!(column.logical, LogicalType::Int { signed: false, .. });
    let candidates = crossing.source_syntax.map(|syntax| syntax.candidates(column)).unwrap_or_default();
    let candidates = candidates.into_iter().filter(|candidate| !is_held && goes(&candidate.logical));
    let way = |to: LogicalType, because: String| Way {
        to,
        to_native: None,
        by: Decision::Evidence,
        on_misfit: Policy::Error,
        proven: true,
        loses: None,
        because,
    };
    let mut ways: Vec<Way> = candidates.map(|candidate| way(candidate.logical, candidate.because)).collect();
    // What the target's own type does not hold whole is better kept as digits.
    let twenty = LogicalType::Decimal { precision: 20, scale: 0 };
    let is_wide = column.logical == LogicalType::Int { bits: 64, signed: false };
    if is_wide && crossing.target_syntax.domain(&column.logical) != Domain::ALL && goes(&twenty) {
        if ways.is_empty() && goes(&column.logical) {
            ways.push(way(column.logical.clone(), String::new()));
        }
        ways.push(Way { proven: false, ..way(twenty, "holds every value".into()) });
    }
    if let Some(reason) = lost_as_text(crossing, column) {
        let text = way(LogicalType::TEXT, String::new());
        ways.push(Way { proven: false, by: Decision::Default, loses: Some(reason), ..text });
    }
    Ways { ways, strict: false }
}

/// What is lost where texts stand in for a type that the target has not; nothing where it has one. The values are then what was
/// written, so that they can be proven.
fn lost_as_text(crossing: &Crossing<'_, '_>, column: &Column) -> Option<String> {
    Cast::new(&column.logical, &LogicalType::TEXT, Domain::ALL)?;
    match native(crossing, &column.logical).fidelity {
        Fidelity::Lossy { reason } => Some(reason),
        _ => None,
    }
}

fn ways_of_rule(number: usize, rule: &TypeRule, column: &Column, crossing: &Crossing<'_, '_>) -> Ways {
    let because = rule.note.clone().unwrap_or_default();
    // A rule that only says what becomes of misfits leaves the column what it becomes without one.
    let is_free = rule.to.is_none() && rule.to_native.is_none() && crossing.is_crossing();
    let loses = if is_free { lost_as_text(crossing, column) } else { None };
    let own = || if loses.is_some() { LogicalType::TEXT } else { column.logical.clone() };
    let way = Way {
        to: rule.to.clone().unwrap_or_else(own),
        to_native: rule.to_native.clone(),
        by: Decision::Rule(number),
        on_misfit: rule.on_misfit,
        proven: false,
        loses,
        because,
    };
    let changes = way.to != column.logical;
    match rule.on_misfit {
        Policy::Null | Policy::Clamp => Ways { ways: vec![way], strict: false },
        Policy::Error => Ways { ways: vec![Way { proven: changes, ..way }], strict: changes },
        Policy::Text => {
            let text = Way { to: LogicalType::TEXT, to_native: None, ..way.clone() };
            let first = Way { proven: changes || crossing.is_crossing(), on_misfit: Policy::Error, ..way };
            Ways { ways: vec![first, text], strict: false }
        }
    }
}

/// A rule for one end of a foreign key is one for the other end, unless that has a rule of its own.
fn spread_rules(subjects: &[Subject<'_>], links: &Links, ways: &mut BTreeMap<(usize, usize), Ways>) {
    let by_rule = |ways: &Ways| ways.ways.first().is_some_and(|way| matches!(way.by, Decision::Rule(_)));
    let ruled: Vec<((usize, usize), Ways)> =
        ways.iter().filter(|(_, ways)| by_rule(ways)).map(|(place, ways)| (*place, ways.clone())).collect();
    for (place, found) in ruled {
        let logical = &subjects[place.0].collection.columns[place.1].logical;
        for linked in links.with(place) {
            let same = subjects[linked.0].collection.columns[linked.1].logical == *logical;
            if same && !ways.get(&linked).is_some_and(by_rule) {
                ways.insert(linked, found.clone());
            }
        }
    }
}

type Verdicts = BTreeMap<(usize, usize), Vec<Verdict>>;

/// Looks at the values of every column that has a way to be proven.
fn prove(
    crossing: &Crossing<'_, '_>,
    subjects: &[Subject<'_>],
    ways: &BTreeMap<(usize, usize), Ways>,
    scan: &dyn Scan,
) -> Result<Verdicts> {
    let mut verdicts = Verdicts::new();
    for (at, subject) in subjects.iter().enumerate().filter(|(_, subject)| subject.loads) {
        let mut questions = Vec::new();
        for ((_, position), found) in ways.range((at, 0)..(at + 1, 0)) {
            let from = &subject.collection.columns[*position].logical;
            let types = found.ways.iter().filter(|way| way.proven).map(|way| way.to.clone());
            let types: Vec<LogicalType> = types.filter(|to| Cast::new(from, to, Domain::ALL).is_some()).collect();
            if !types.is_empty() {
                questions.push(Question { position: *position, types });
            }
        }
        if questions.is_empty() {
            continue;
        }
        let witness = Witness {
            collection: subject.collection,
            place: subject.place,
            scan,
            source: crossing.source_syntax,
            target: crossing.target_syntax,
        };
        let found = ask(witness, &questions)?;
        for (question, found) in questions.into_iter().zip(found) {
            verdicts.insert((at, question.position), found);
        }
    }
    Ok(verdicts)
}

fn decide(
    column: &Column,
    ways: &Ways,
    verdicts: Option<&Vec<Verdict>>,
    crossing: &Crossing<'_, '_>,
) -> ColumnTranslation {
    let from = &column.logical;
    let unproven = Vec::new();
    let mut verdicts = verdicts.unwrap_or(&unproven).iter();
    let mut disproved: Vec<String> = Vec::new();
    let mut refused = None;
    for way in &ways.ways {
        let made = |reason: String, problem: Option<String>| ColumnTranslation {
            from: from.clone(),
            to: way.to.clone(),
            to_native: way.to_native.clone(),
            by: way.by,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            fidelity: fidelity(from, way),
            on_misfit: way.on_misfit,
            problem,
        };
        if Cast::new(from, &way.to, Domain::ALL).is_none() {
            if ways.strict || matches!(way.by, Decision::Rule(_)) {
                return made(String::new(), Some(format!("there is no conversion from {from} to {}", way.to)));
            }
            continue;
        }
        let mut reason = vec![way.because.clone()];
        if way.proven
            && let Some(verdict) = verdicts.next()
        {
            if let Some(counterexample) = &verdict.counterexample {
                disproved.push(format!("not {}: {}", way.to, counterexample.describe()));
                if ways.strict {
                    let problem = format!("the rule's {} does not fit {}", way.to, counterexample.describe());
                    refused = Some(made(String::new(), Some(problem)));
                }
                continue;
            }
            reason.push(verdict.describe());
        }
        reason.splice(0..0, disproved);
        reason.retain(|part| !part.is_empty());
        return made(reason.join("; "), None);
    }
    if let Some(refused) = refused {
        return refused;
    }
    let kept = ColumnTranslation::identity(from);
    let by = if disproved.is_empty() { Decision::Default } else { Decision::Evidence };
    let native = native(crossing, from).text;
    let reason = (!disproved.is_empty()).then(|| format!("{}; so it is {native}", disproved.join("; ")));
    ColumnTranslation { by, reason, ..kept }
}

fn native(crossing: &Crossing<'_, '_>, logical: &LogicalType) -> NativeMapping {
    crossing.target_syntax.native_type(logical)
}

/// What a way does to the values. A value is the same in both types or a misfit, so nothing is lost in silence.
fn fidelity(from: &LogicalType, way: &Way) -> Fidelity {
    if let Some(reason) = &way.loses {
        return Fidelity::Lossy { reason: reason.clone() };
    }
    match way.on_misfit {
        Policy::Error if *from == way.to || way.proven => Fidelity::Exact,
        Policy::Error => Fidelity::Checked { reason: format!("every value must be one of {}", way.to) },
        Policy::Text if way.to == LogicalType::TEXT => {
            Fidelity::Checked { reason: "values become their text".to_owned() }
        }
        policy => Fidelity::Checked { reason: format!("values that do not fit: {policy}") },
    }
}

/// Columns that foreign keys link have one type: where the values of one of them proved too much for it, all of them get the
/// wider one. What a rule says stays.
fn agree(subjects: &[Subject<'_>], links: &Links, columns: &mut [Vec<ColumnTranslation>]) {
    let wide = LogicalType::Decimal { precision: 20, scale: 0 };
    for linked in links.groups() {
        let free: Vec<(usize, usize)> = linked
            .iter()
            .copied()
            .filter(|(at, position)| !matches!(columns[*at][*position].by, Decision::Rule(_)))
            .collect();
        let widest = |(at, position): &&(usize, usize)| {
            let column = &columns[*at][*position];
            column.to == column.from || column.to == wide
        };
        let Some((holder, place)) = free.iter().find(widest).copied() else { continue };
        let kept = columns[holder][place].clone();
        let holder = subjects[holder].collection;
        for (at, position) in free {
            let column = &mut columns[at][position];
            if column.to == kept.to || column.from != kept.from {
                continue;
            }
            column.to = kept.to.clone();
            column.fidelity = kept.fidelity.clone();
            column.reason = Some(format!("linked to {}.{}, which is so", holder.name, holder.columns[place].name));
        }
    }
}

/// Whole numbers that foreign keys link get the width of the widest of them, where the target wants one width.
fn widen(links: &Links, columns: &mut [Vec<ColumnTranslation>]) {
    for linked in links.groups() {
        let width = |(at, position): &(usize, usize)| match &columns[*at][*position].to {
            LogicalType::Int { bits, signed: true } => Some(*bits),
            _ => None,
        };
        let widths: Option<Vec<u8>> = linked.iter().map(width).collect();
        let Some(widest) = widths.and_then(|widths| widths.into_iter().max()) else { continue };
        for (at, position) in linked {
            let column = &mut columns[*at][*position];
            let wide = LogicalType::Int { bits: widest, signed: true };
            if column.to != wide && column.to_native.is_none() && Cast::new(&column.from, &wide, Domain::ALL).is_some()
            {
                column.to = wide;
                column.reason = Some("as wide as what a foreign key links it with".to_owned());
            }
        }
    }
}

/// The collection with what its columns become.
fn translated(source: &Collection, columns: &[ColumnTranslation], crossing: &Crossing<'_, '_>) -> Collection {
    let mut collection = source.clone();
    let mut changed = false;
    for (column, chosen) in collection.columns.iter_mut().zip(columns) {
        if chosen.from == chosen.to && chosen.to_native.is_none() {
            continue;
        }
        changed = true;
        column.logical = chosen.to.clone();
        // Within a dialect a table is built from its columns' native types.
        let mapped = native(crossing, &chosen.to).text;
        column.native = Default::default();
        if !crossing.is_crossing() {
            column.native.text = chosen.to_native.clone().unwrap_or(mapped);
        }
        column.native.imposed = chosen.to_native.clone();
        if !matches!(chosen.to, LogicalType::Text { .. }) {
            column.collation = None;
        }
        if !matches!(chosen.to, LogicalType::Int { .. } | LogicalType::Decimal { scale: 0, .. }) {
            column.identity = None;
        }
    }
    if changed {
        collection.definition = None;
    }
    collection
}
