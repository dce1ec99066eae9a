//! Tests of the sink by the workbooks that it leaves.

mod conformance;
mod publish;
mod reader;
