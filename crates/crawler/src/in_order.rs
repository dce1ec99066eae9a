//! Runs jobs at the same time and returns their results in order.

use std::{collections::VecDeque, thread};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::{Error, Result, error::Kind};

/// The most jobs that run at the same time. A job holds a page and its rows, so this bounds the
/// memory on machines with many cores.
const MOST: usize = 8;

/// Jobs that run on threads for blocking operations. Their results come in the order of the jobs.
///
/// Pages are independent of each other until their rows are compared, so they are decoded on all
/// cores. Only a few jobs are started ahead of the result that is awaited, so that memory does not
/// depend on the number of pages.
pub struct InOrder<T> {
    jobs: Box<dyn Iterator<Item = Job<T>> + Send>,
    running: VecDeque<JoinHandle<T>>,
    at_once: usize,
}

type Job<T> = Box<dyn FnOnce() -> T + Send>;

impl<T: Send + 'static> InOrder<T> {
    /// Takes jobs, and starts none yet.
    pub fn new<J: FnOnce() -> T + Send + 'static>(
        jobs: impl IntoIterator<Item = J, IntoIter: Send + 'static>,
    ) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // One more than there are cores, so that none is idle while the caller uses a result.
        Self::at_once(jobs, MOST.min(cores + 1))
    }

    fn at_once<J: FnOnce() -> T + Send + 'static>(
        jobs: impl IntoIterator<Item = J, IntoIter: Send + 'static>,
        at_once: usize,
    ) -> Self {
        Self {
            jobs: Box::new(jobs.into_iter().map(|job| Box::new(job) as Job<T>)),
            running: VecDeque::new(),
            at_once,
        }
    }

    /// The result of the next job, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// If the job panicked.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the next call returns the same result.
    pub async fn next(&mut self) -> Result<Option<T>> {
        while self.running.len() < self.at_once
            && let Some(job) = self.jobs.next()
        {
            self.running.push_back(spawn_blocking(job));
        }
        let Some(first) = self.running.front_mut() else {
            return Ok(None);
        };
        let result = first.await;
        self.running.pop_front();
        result.map(Some).map_err(|error| {
            Error::new(
                Kind::Unforeseen,
                "the task that reads and decodes a page panicked",
            )
            .with_source(error)
        })
    }
}

#[cfg(test)]
mod tests;
