//! The keys are compared with plain maps.

use proptest::prelude::*;

use super::*;

/// What a test does with the keys.
#[derive(Debug, Clone)]
enum Step {
    Add(u32),
    Keep,
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..12_u32).prop_map(Step::Add),
        1 => Just(Step::Keep),
        1 => Just(Step::Drop),
    ]
}

/// A key whose hash nearly always is that of other keys.
fn key(number: u32) -> Key {
    [0, number % 2, number]
}

proptest! {
    #[test]
    fn keys_are_found_as_in_maps(
        steps in prop::collection::vec(step(), 0..200),
        unique_in in prop::sample::select(vec![KeyIn::Table, KeyIn::Scope]),
    ) {
        let mut keys = Keys::new(unique_in);
        let (mut earlier, mut current) = (HashMap::new(), HashMap::new());
        for (row, step) in steps.into_iter().enumerate() {
            let first = FirstSeen { pages: 3, row: u32::try_from(row).unwrap() };
            match step {
                Step::Add(number) => {
                    let expected = match (current.get(&number), earlier.get(&number)) {
                        (Some(first), _) => Earlier::InScope(*first),
                        (None, Some(first)) => Earlier::InOtherScope(*first),
                        (None, None) => Earlier::Never,
                    };
                    current.entry(number).or_insert(first);
                    prop_assert_eq!(keys.add(key(number), first), expected);
                }
                Step::Keep => {
                    keys.keep_scope();
                    if unique_in == KeyIn::Table {
                        earlier.extend(current.drain());
                    }
                    current.clear();
                }
                Step::Drop => {
                    keys.drop_scope();
                    current.clear();
                }
            }
        }
    }
}
