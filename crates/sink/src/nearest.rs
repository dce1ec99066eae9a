//! "Did you mean …": the one judge of what is close enough to a mistyped name.

#[cfg(test)]
mod tests;

/// The candidate that `name` was most likely meant to be, if one is close.
///
/// Close is one edit in three characters, swapped neighbors counting as one edit;
/// beyond that a guess misleads more often than it helps.
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

/// "`a`, `b`", followed by the nearest to `name`, if any: the second half of every such message.
pub(crate) fn list(name: &str, candidates: &[&str]) -> String {
    let all = quoted(candidates);
    match nearest(name, candidates.iter().copied()) {
        Some(nearest) => format!("{all}; did you mean `{nearest}`?"),
        None => all,
    }
}

/// The names in backticks.
pub(crate) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
