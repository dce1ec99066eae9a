//! `fortilake` with a sink of one's own beside those that come with it.

mod folders;

fn main() -> std::process::ExitCode {
    fortilake::main()
}
