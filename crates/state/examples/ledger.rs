//! Makes calls in the ledger of a new state, with a clock of its own. `cargo xtask instructions`
//! counts what they cost.
//!
//! ```text
//! ledger FOLDER CALLS
//! ```

use std::{
    env,
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fortilake_auth::Clock;
use fortilake_client::{
    Window,
    ledger::{CallOutcome, ErrorLimit, Ledger, Limits, Reservation},
};
use fortilake_state::{Clocks, State};
use tokio::runtime::Builder;

/// The time between two calls, in microseconds. The window of an hour then nearly fills up.
const PAUSE: i64 = 4_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, calls] = &arguments[..] else {
        return Err("ledger FOLDER CALLS".into());
    };
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(call(Path::new(folder), calls.parse()?))
}

async fn call(folder: &Path, calls: u32) -> Result<(), Box<dyn Error>> {
    let now = Arc::new(AtomicI64::new(1_767_225_600_000_000));
    let clock: Clock = {
        let now = now.clone();
        Arc::new(move || now.load(Ordering::Relaxed))
    };
    let clocks = Clocks {
        wall: clock.clone(),
        uptime: clock,
        boot: "boot".to_owned(),
    };
    let state = State::open_with(folder, clocks)?;
    let window = |max, seconds| Window {
        max,
        per: Duration::from_secs(seconds),
    };
    let limits = Limits {
        calls: vec![window(100, 60), window(1000, 3600)],
        errors: Some(ErrorLimit {
            max: 10,
            per: Duration::from_hours(1),
            reserve: 2,
        }),
    };
    for _ in 0..calls {
        now.fetch_add(PAUSE, Ordering::Relaxed);
        let Reservation::Granted(ticket) = state.reserve("acme", &limits).await? else {
            return Err("the windows have no place for the call".into());
        };
        state.settle(ticket, CallOutcome::Good, None).await?;
    }
    Ok(())
}
