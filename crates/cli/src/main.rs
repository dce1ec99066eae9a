//! The binary. Everything is in the library, so that custom builds with more sinks can reuse it.

fn main() -> std::process::ExitCode {
    fortilake::main()
}
