//! How much a source has used of its limits, over all its API users.

use std::{collections::HashSet, sync::Arc, time::Duration};

use fortilake_client::{self as client, Client, Usage, Window};

/// The usage of these clients of one source: the sum, where every user has limits of their own.
///
/// `None` if there are no clients.
pub(crate) async fn of_clients(clients: &[Arc<Client>]) -> client::Result<Option<Usage>> {
    let mut sum: Option<Usage> = None;
    let mut counted = HashSet::new();
    for client in clients {
        let usage = client.usage().await?;
        // Users with the same budget have the same limits and the same usage, but calls of their own.
        let is_new = counted.insert(client.ledger_key());
        match &mut sum {
            None => sum = Some(usage),
            Some(sum) if is_new => add(sum, usage),
            Some(sum) => sum.calls += usage.calls,
        }
    }
    Ok(sum)
}

fn add(sum: &mut Usage, other: Usage) {
    sum.calls += other.calls;
    for ((window, used), (more, more_used)) in sum.windows.iter_mut().zip(other.windows) {
        window.max = window.max.saturating_add(more.max);
        *used = used.saturating_add(more_used);
    }
    let errors = sum.errors_left.zip(other.errors_left);
    sum.errors_left = errors.map(|(left, more)| left.saturating_add(more));
    sum.last_errors.extend(other.last_errors);
    sum.in_flight = sum.in_flight.saturating_add(other.in_flight);
    // While one user may call, the source is not closed.
    sum.closed_until = sum
        .closed_until
        .zip(other.closed_until)
        .map(|(a, b)| a.min(b));
    sum.waiting += other.waiting;
    sum.next_call = sum.next_call.into_iter().chain(other.next_call).min();
}

/// The least time that this many calls take within the windows, if the first can be sent now.
///
/// A window lets `max` calls through at once and is then full for its whole length. So it makes
/// the calls wait once for every `max` calls before the last one, calls already used included. The
/// duration of the calls themselves is left out, which makes this a lower bound.
pub(crate) fn least_time(calls: u64, windows: &[Window], used: &[u32]) -> Duration {
    let per_window = windows.iter().zip(used).map(|(window, &used)| {
        let full = (calls + u64::from(used)).saturating_sub(1) / u64::from(window.max.max(1));
        window
            .per
            .saturating_mul(u32::try_from(full).unwrap_or(u32::MAX))
    });
    per_window.max().unwrap_or_default()
}
