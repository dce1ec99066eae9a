//! `fortilake completions` and `fortilake man`: what shells and readers need to know of the command
//! line, made from its definition.

use anyhow::anyhow;
use clap::CommandFactory as _;
use fortilake_sink::nearest;

use crate::{
    args::{Cli, CompletionsArgs, ManArgs},
    console::Console,
    exit::{Code, CommandError, Result},
};

/// Prints the completions for a shell.
pub(crate) fn completions(args: &CompletionsArgs, console: Console) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fortilake", &mut script);
    print(&script, console)
}

/// Prints the manual page of the program or of one command.
pub(crate) fn page(args: &ManArgs, console: Console) -> Result {
    let mut command = Cli::command();
    command.build();
    for word in &args.command {
        let names = command.get_subcommands().map(clap::Command::get_name);
        let names: Vec<String> = names.map(str::to_owned).collect();
        let Some(found) = command.find_subcommand(word) else {
            let failure = CommandError::not_started(anyhow!("there is no command `{word}`"));
            return Err(match nearest(word, names.iter().map(String::as_str)) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint("`fortilake --help` lists the commands"),
            });
        };
        command = found.clone();
    }
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(CommandError::failed)?;
    print(&page, console)
}

fn print(text: &[u8], console: Console) -> Result {
    console
        .data(&String::from_utf8_lossy(text))
        .map_err(CommandError::failed)?;
    Ok(Code::Complete)
}
