//! Runs jobs at the same time and returns their results in order.

use std::{collections::VecDeque, future::pending, thread};

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::{Error, Result, error::Kind};

/// The most jobs that run at the same time. A job holds some pages and their rows, so this bounds the
/// memory on machines with many cores.
const MOST: usize = 8;

/// Jobs that run on threads for blocking operations. Their results come in the order of the jobs.
///
/// Pages are independent of each other until their rows are compared, so they are decoded on all
/// cores. Only a few jobs are started ahead of the result that is awaited, so that memory does not
/// depend on the number of pages.
pub struct InOrder<T> {
    /// The jobs that are left, unless `taking` has them.
    jobs: Option<Jobs<T>>,
    /// Takes the next job, on a thread for blocking operations too.
    taking: Option<JoinHandle<Taken<T>>>,
    running: VecDeque<JoinHandle<T>>,
    at_once: usize,
}

type Job<T> = Box<dyn FnOnce() -> T + Send>;
type Jobs<T> = Box<dyn Iterator<Item = Job<T>> + Send>;

/// The next job, and the jobs after it.
type Taken<T> = (Jobs<T>, Option<Job<T>>);

impl<T: Send + 'static> InOrder<T> {
    /// Takes jobs, and starts none yet. The iterator may block, for example to read files.
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
        let jobs = jobs.into_iter().map(|job| Box::new(job) as Job<T>);
        Self {
            jobs: Some(Box::new(jobs)),
            taking: None,
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
        loop {
            if self.running.len() < self.at_once
                && let Some(mut jobs) = self.jobs.take()
            {
                self.taking = Some(spawn_blocking(|| {
                    let job = jobs.next();
                    (jobs, job)
                }));
            }
            let (taking, first) = (&mut self.taking, self.running.front_mut());
            if taking.is_none() && first.is_none() {
                return Ok(None);
            }
            tokio::select! {
                // A job that is ready to run goes first, so that no core waits for the caller.
                biased;
                taken = ended(taking.as_mut()) => {
                    self.taking = None;
                    let (jobs, job) = taken.map_err(panicked)?;
                    if let Some(job) = job {
                        self.jobs = Some(jobs);
                        self.running.push_back(spawn_blocking(job));
                    }
                }
                result = ended(first) => {
                    self.running.pop_front();
                    return result.map(Some).map_err(panicked);
                }
            }
        }
    }
}

/// The result of a task; never, if there is none.
async fn ended<T>(task: Option<&mut JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => pending().await,
    }
}

fn panicked(error: JoinError) -> Error {
    let message = "the task that reads and decodes a page panicked";
    Error::new(Kind::Unforeseen, message).with_source(error)
}

#[cfg(test)]
mod tests;
