//! What only a database has: leases, takeovers, and its clock. The other tests of this crate run in a
//! database, too; those of whole processes are in the tests of the command line.

mod postgresql;
