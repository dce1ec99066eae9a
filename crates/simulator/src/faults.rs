//! Decides which fault of the scenario affects a call.

use std::collections::HashMap;

use crate::incoming::Incoming;
use crate::random::{Stream, draw};
use crate::scenario::{Action, Fault, Scenario};

/// The faults of a scenario, and how often each has happened.
#[derive(Debug)]
pub(crate) struct Script {
    seed: u64,
    first_page: u64,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    fault: Fault,
    matched: u64,
    fired: u64,
    /// For each distinct call: how often it was seen, and how often it was affected.
    calls: HashMap<u64, (u64, u64)>,
}

impl Script {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let line = |fault: &Fault| Line {
            fault: fault.clone(),
            matched: 0,
            fired: 0,
            calls: HashMap::new(),
        };
        Self {
            seed: scenario.seed,
            first_page: scenario.page_base,
            lines: scenario.faults.iter().map(line).collect(),
        }
    }

    /// Returns the fault for this call. Every fault counts the calls that it matches; the first one
    /// that is due wins.
    pub(crate) fn next(&mut self, incoming: &Incoming) -> Option<Action> {
        let fingerprint = incoming.fingerprint();
        let mut action = None;
        for (index, line) in (0u64..).zip(&mut self.lines) {
            if !line.matches(incoming, self.first_page) {
                continue;
            }
            // Counted even if an earlier fault already affects this call, so that `nth` and `every`
            // do not depend on other faults.
            line.matched += 1;
            let (seen, hit) = line.calls.entry(fingerprint).or_default();
            *seen += 1;
            // The decision depends on the call instead of the order of calls, so that concurrency
            // does not change which calls fail.
            let salt = self.seed ^ fingerprint ^ index;
            let chance = draw(salt, Stream::Fault, *seen);
            if action.is_none() && strikes(&line.fault, line.matched, line.fired, *hit, chance) {
                line.fired += 1;
                *hit += 1;
                action = Some(line.fault.action.clone());
            }
        }
        action
    }
}

impl Line {
    fn matches(&self, incoming: &Incoming, first_page: u64) -> bool {
        let fault = &self.fault;
        let path = incoming.path.to_ascii_lowercase();
        fault
            .path
            .as_ref()
            .is_none_or(|suffix| path.ends_with(&suffix.to_ascii_lowercase()))
            && fault
                .account
                .is_none_or(|account| incoming.account() == Some(account))
            && fault
                .page
                .is_none_or(|page| incoming.page().unwrap_or(first_page) == page)
    }
}

fn strikes(fault: &Fault, matched: u64, fired: u64, hit: u64, chance: u64) -> bool {
    // An `f64` represents 32 bits exactly, which is precise enough for tests.
    let chance = f64::from(u32::try_from(chance >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    fault.nth.is_none_or(|nth| matched == nth)
        && fault
            .every
            .is_none_or(|every| matched.is_multiple_of(every.max(1)))
        && fault
            .probability
            .is_none_or(|probability| chance < probability)
        && fault.times.is_none_or(|times| fired < times)
        && fault.times_per_call.is_none_or(|times| hit < times)
}
