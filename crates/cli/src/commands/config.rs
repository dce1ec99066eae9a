//! `fortilake config`: writes a configuration file, checks one, and shows what it leads to.

mod credentials;
mod entries;
mod questions;
mod schema;
mod show;

use std::{fmt::Write as _, fs, io::Write as _, path::Path};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{ApiKey, System};
use fortilake_sink::nearest;

use self::credentials::ApiUser;
use crate::{
    args::{ConfigAction, ConfigInitArgs},
    config::{self, Config},
    connect,
    console::Console,
    exit::{Code, CommandError, Result},
};

/// The name of a source that was given none.
const NAME: &str = "main";

/// The sink to publish to if none was named.
const SINK: &str = "parquet:out";

/// Writes or checks a file.
pub(crate) fn run(action: &ConfigAction, console: Console) -> Result {
    match action {
        ConfigAction::Init(args) => init(args, console),
        ConfigAction::Check { file } => check(file, console),
        ConfigAction::Show(args) => show::run(args, console),
        ConfigAction::Schema => schema::run(console),
    }
}

fn init(args: &ConfigInitArgs, console: Console) -> Result {
    let args = &questions::complete(args.clone(), console)?;
    let system = system(args.system.as_deref().unwrap_or(System::default().name()))?;
    let user = args.credentials.as_deref().map(ApiUser::read).transpose()?;
    if user.is_some() && system != System::default() {
        let error = anyhow!(
            "`--credentials` takes a file from FortiCloud, but the type is `{}`",
            system.name()
        );
        return Err(CommandError::not_started(error).hint("leave out `--credentials` or `--type`"));
    }
    let text = template(args, system, user.as_ref())?;
    // What this command writes must be what `config check` accepts.
    check_all(&config::parse(&text)?)?;
    let mut options = fs::OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let shown = args.file.display();
    let mut file = options.open(&args.file).map_err(|error| {
        let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
        let failure = CommandError::not_started(
            anyhow!(error).context(format!("`{shown}` cannot be written")),
        );
        if exists {
            failure.hint("pass `--force` to overwrite it")
        } else {
            failure
        }
    })?;
    let written = file.write_all(text.as_bytes());
    written
        .with_context(|| format!("`{shown}` cannot be written"))
        .map_err(CommandError::failed)?;
    let schema_file = schema::beside(&args.file);
    fs::write(&schema_file, schema::text()?)
        .with_context(|| format!("`{}` cannot be written", schema_file.display()))
        .map_err(CommandError::failed)?;
    for (client_id, loss) in user.iter().flat_map(ApiUser::lacks) {
        console.warning(&format!(
            "the API user has no access to `{client_id}`, so {loss}; add this portal to its permission profile"
        ));
    }
    let variables = variables(system, user.as_ref());
    console.note(&format!(
        "wrote `{shown}`, and `{}` for editors; set {}, then run `fortilake check`\n",
        schema_file.display(),
        variables
            .iter()
            .map(|(_, variable)| format!("`{variable}`"))
            .collect::<Vec<_>>()
            .join(" and ")
    ));
    Ok(Code::Complete)
}

fn check(file: &Path, console: Console) -> Result {
    if !file.exists() {
        let error = anyhow!("there is no file `{}`", file.display());
        return Err(CommandError::not_started(error).hint("`fortilake config init` writes one"));
    }
    let config = config::read(file)?;
    let context = || format!("the configuration `{}` cannot be used", file.display());
    check_all(&config).map_err(|failure| failure.context(context()))?;
    console.note(&format!(
        "`{}` is valid: {}, {}; run `fortilake check` to test the credentials\n",
        file.display(),
        count(config.sources.len(), "source"),
        count(config.sinks.len(), "sink")
    ));
    Ok(Code::Complete)
}

fn check_all(config: &Config) -> Result<()> {
    for source in &config.sources {
        connect::check_offline(source)?;
    }
    config::are_apart(&config.sinks)
}

fn system(name: &str) -> Result<System> {
    System::named(name).ok_or_else(|| {
        let known: Vec<_> = System::all().map(System::name).collect();
        let failure = CommandError::not_started(anyhow!(
            "unknown system `{name}`; the systems are {}",
            known.join(", ")
        ));
        match nearest(name, known.iter().copied()) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure,
        }
    })
}

/// The keys of the credentials, and the variables that the file refers to. The name of a known user
/// is in the file itself.
fn variables(system: System, user: Option<&ApiUser>) -> Vec<(&'static str, String)> {
    let prefix = system.name().to_uppercase();
    let secret = match system.api_key() {
        ApiKey::ReplacesPassword => "api_key",
        _ => "password",
    };
    let keys = ["username", secret].into_iter().skip(user.iter().len());
    keys.map(|key| (key, format!("{prefix}_{}", key.to_uppercase())))
        .collect()
}

fn template(args: &ConfigInitArgs, system: System, user: Option<&ApiUser>) -> Result<String> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text = format!(
        "#:schema ./{}\n\
         # `fortilake config check` checks this file, and `fortilake check` tries the credentials.\n\
         # Don't write passwords in this file. Refer to a variable, a file or the output of a command.\n\n\
         [[source]]\nname = {}\ntype = {}\n",
        schema::FILE,
        quoted(args.name.as_deref().unwrap_or(NAME)),
        quoted(system.name())
    );
    if let Some(url) = &args.api_url {
        let _ = writeln!(text, "api_url = {}", quoted(url));
    }
    if let Some(user) = user {
        let _ = writeln!(text, "username = {}", quoted(&user.id));
    }
    for (key, variable) in variables(system, user) {
        let _ = writeln!(text, "{key} = {{ env = \"{variable}\" }}");
    }
    if !args.include.is_empty() {
        let include = args.include.iter().map(String::as_str);
        let include: toml::Value = include.collect::<Vec<_>>().into();
        let _ = writeln!(text, "include = {include}");
    }
    let sink = args.sink.as_deref().unwrap_or(SINK);
    let sinks = config::sink_specs(&[sink.to_owned()])?;
    for sink in sinks {
        let _ = writeln!(text, "\n[[sink]]\ntype = {}", quoted(&sink.spec.sink));
        for (option, value) in &sink.spec.options {
            let value = toml::Value::try_from(value)
                .with_context(|| format!("option `{option}` cannot be written"))
                .map_err(CommandError::not_started)?;
            let _ = writeln!(text, "{option} = {value}");
        }
    }
    Ok(text)
}

fn count(number: usize, noun: &str) -> String {
    crate::summary::count(number as u64, noun)
}
