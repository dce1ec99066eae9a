//! The kind of an error follows from the I/O error in its chain of causes.

use super::*;

#[derive(Debug)]
struct Wrapped(io::Error);

impl Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the encoder failed")
    }
}

impl StdError for Wrapped {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_full_disk_is_seen_through_the_encoder_that_met_it() {
    let error = Error::io(
        "write",
        Path::new("out/a"),
        Wrapped(io::ErrorKind::StorageFull.into()),
    );
    assert_eq!(error.kind(), Kind::Full);
    assert_eq!(error.to_string(), "cannot write `out/a`");
    assert_eq!(
        error.source().map(ToString::to_string).as_deref(),
        Some("the encoder failed")
    );
}

#[test]
fn a_wrong_path_is_a_matter_of_configuration_and_a_sick_disk_is_not() {
    let kind =
        |kind: io::ErrorKind| Error::io("open", Path::new("x"), io::Error::from(kind)).kind();
    assert_eq!(kind(io::ErrorKind::NotADirectory), Kind::Config);
    assert_eq!(kind(io::ErrorKind::PermissionDenied), Kind::Config);
    assert_eq!(kind(io::ErrorKind::Other), Kind::Unavailable);
    assert_eq!(
        Error::io("open", Path::new("x"), fmt::Error).kind(),
        Kind::Internal
    );
}

#[test]
fn an_error_is_one_pointer_wide() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn what_heals_by_itself_or_with_room_is_worth_another_try() {
    for (kind, wanted) in [
        (Kind::Unavailable, true),
        (Kind::Full, true),
        (Kind::Config, false),
        (Kind::Rejected, false),
        (Kind::Internal, false),
    ] {
        assert_eq!(Error::new(kind, "x").is_transient(), wanted, "{kind:?}");
    }
}
