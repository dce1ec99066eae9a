//! What the suite found, in words that an author can act on.

use std::fmt;

/// How each case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The sink's name.
    pub sink: String,
    /// All cases, in the order in which they ran.
    pub cases: Vec<Case>,
}

/// One case of the suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The name, which stays the same.
    pub name: &'static str,
    /// The rule of the contract that the case is about.
    pub rule: &'static str,
    /// How it went.
    pub verdict: Verdict,
}

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The sink did what the rule says.
    Passed,
    /// The case does not apply.
    LeftOut {
        /// Why not.
        why: String,
    },
    /// The sink broke the rule.
    Failed {
        /// What was done with the sink.
        done: String,
        /// What should have come of it.
        expected: String,
        /// What came of it.
        seen: String,
    },
}

impl Report {
    /// Whether no case failed.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// The cases that do not apply.
    pub fn left_out(&self) -> impl Iterator<Item = &Case> {
        let left_out = |case: &&Case| matches!(case.verdict, Verdict::LeftOut { .. });
        self.cases.iter().filter(left_out)
    }

    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Case> {
        let failed = |case: &&Case| matches!(case.verdict, Verdict::Failed { .. });
        self.cases.iter().filter(failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, failed) = (self.cases.len(), self.failed().count());
        writeln!(f, "sink `{}`: {failed} of {all} cases failed", self.sink)?;
        for case in &self.cases {
            let name = case.name;
            match &case.verdict {
                Verdict::Passed => writeln!(f, "  passed    {name}")?,
                Verdict::LeftOut { why } => writeln!(f, "  left out  {name}: {why}")?,
                Verdict::Failed { .. } => writeln!(f, "  FAILED    {name}")?,
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
        if let Verdict::Failed {
            done,
            expected,
            seen,
        } = &self.verdict
        {
            writeln!(f, "  done:      {done}")?;
            writeln!(f, "  expected:  {expected}")?;
            writeln!(f, "  seen:      {seen}")?;
        }
        writeln!(f, "  the rule:  {}", self.rule)
    }
}
