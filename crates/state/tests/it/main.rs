//! Tests of the state file with several processes, damaged and full disks, and killed processes.

mod child;
mod damage;
mod full;
mod processes;
mod util;
