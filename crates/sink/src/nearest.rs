//! Suggestions for mistyped names ("did you mean …").

#[cfg(test)]
mod tests;

/// The candidate that is closest to `name`, if one is close enough to suggest.
///
/// A candidate is close enough with at most one edit per three characters, where two swapped neighbors are one edit.
/// More distant suggestions mislead more often than they help. Case is ignored, and `-` and `_` are the same.
///
/// ```
/// assert_eq!(fortilake_sink::nearest("parket", ["csv", "parquet"]), Some("parquet"));
/// assert_eq!(fortilake_sink::nearest("kafka", ["csv", "parquet"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| {
            let plain = candidate.to_lowercase().replace('-', "_");
            (strsim::damerau_levenshtein(&name, &plain), candidate)
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Lists the candidates in backticks, and appends "did you mean …?" if one is close to `name`.
pub(crate) fn list(name: &str, candidates: &[&str]) -> String {
    let all = quoted(candidates);
    match nearest(name, candidates.iter().copied()) {
        Some(nearest) => format!("{all}; did you mean `{nearest}`?"),
        None => all,
    }
}

/// The names in backticks, separated by commas.
pub(crate) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
