//! The binary; everything is in the library, so that a build with further sinks is as short.

fn main() -> std::process::ExitCode {
    fortilake::main()
}
