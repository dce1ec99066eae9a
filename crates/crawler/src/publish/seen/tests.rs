//! Tests the hashes of keys.

use std::{collections::HashSet, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, StringArray};

use super::*;

#[test]
fn a_missing_part_of_a_key_is_neither_zero_nor_empty() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(0), None, Some(0)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(""), Some(""), None]));
    let last: ArrayRef = Arc::new(StringArray::from(vec!["FGT1"; 3]));
    let columns = [("number", numbers), ("text", texts), ("last", last)];
    let records = RecordBatch::try_from_iter(columns).unwrap();
    let columns = KeyColumns::of(&["number", "text", "last"], &records);
    let keys: HashSet<_> = (0..3).map(|row| columns.hash(row).unwrap()).collect();
    assert_eq!(keys.len(), 3);
}

#[test]
fn no_bit_of_a_hash_is_lost() {
    assert_eq!(halves(0x0123_4567_89ab_cdef), [0x0123_4567, 0x89ab_cdef]);
}
