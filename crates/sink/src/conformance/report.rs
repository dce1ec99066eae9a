//! The report of the suite.

use std::fmt;

/// The results of all cases. Its text is meant for the sink's author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The sink's name.
    pub sink: String,
    /// All cases, in the order of execution.
    pub cases: Vec<Case>,
}

/// One case of the suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The name, stable across versions of the suite.
    pub name: &'static str,
    /// The rule of the contract that the case tests.
    pub rule: &'static str,
    /// The result.
    pub result: CaseResult,
}

/// The result of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseResult {
    /// The sink followed the rule.
    Passed,
    /// The case was skipped because it does not apply to this sink or destination.
    LeftOut {
        /// Why it does not apply.
        why: String,
    },
    /// The sink broke the rule.
    Failed {
        /// The calls that were made to the sink, in order.
        done: String,
        /// The expected result.
        expected: String,
        /// The actual result.
        seen: String,
    },
}

impl Report {
    /// Whether no case failed.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// The cases that were skipped because they do not apply.
    pub fn left_out(&self) -> impl Iterator<Item = &Case> {
        let left_out = |case: &&Case| matches!(case.result, CaseResult::LeftOut { .. });
        self.cases.iter().filter(left_out)
    }

    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Case> {
        let failed = |case: &&Case| matches!(case.result, CaseResult::Failed { .. });
        self.cases.iter().filter(failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, failed) = (self.cases.len(), self.failed().count());
        writeln!(f, "sink `{}`: {failed} of {all} cases failed", self.sink)?;
        for case in &self.cases {
            let name = case.name;
            match &case.result {
                CaseResult::Passed => writeln!(f, "  passed    {name}")?,
                CaseResult::LeftOut { why } => writeln!(f, "  skipped   {name}: {why}")?,
                CaseResult::Failed { .. } => writeln!(f, "  FAILED    {name}")?,
            }
        }
        for case in self.failed() {
            write!(f, "\n{case}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case `{}`", self.name)?;
        if let CaseResult::Failed {
            done,
            expected,
            seen,
        } = &self.result
        {
            writeln!(f, "  steps:     {done}")?;
            writeln!(f, "  expected:  {expected}")?;
            writeln!(f, "  actual:    {seen}")?;
        }
        writeln!(f, "  rule:      {}", self.rule)
    }
}
