//! The state file as several processes, bad disks and sudden ends see it.

mod child;
mod damage;
mod full;
mod processes;
mod util;
