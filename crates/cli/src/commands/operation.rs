//! Shared parts of the commands for single operations: choosing the source, asking for
//! confirmation, making the call and printing its result.

use std::{
    io::IsTerminal as _,
    path::PathBuf,
    pin::{Pin, pin},
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use fortilake_auth::{FORTIPORTAL, StoredToken, TokenStore as _};
use fortilake_client::{self as client, Client, Kind, Page, Reason};
use fortilake_crawler::{Facts, System};
use fortilake_models::{self as models, Access, Endpoint, Operation};
use fortilake_state::State;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{crawl, part::ListPart, response, shown::shown, view::View};
use crate::{
    args::{Format, ReadArgs, TargetArgs, UncheckedArgs, WriteArgs},
    config::{Env, Secret, SourceConfig},
    connect::{self, ClientContext},
    console::Console,
    exit::{Code, CommandError, Result},
    session, signals,
};

/// Makes a read call and prints the rows of its response.
pub(super) fn read<O: Operation>(
    request: &O::Request,
    view: &View,
    args: &ReadArgs,
    console: Console,
) -> Result {
    let target = OperationTarget::find(&args.target, O::ENDPOINT, console)?;
    let arguments = arguments(request)?;
    let caller = target.connect()?;
    let page = caller.run(async |caller| caller.fetch(O::ENDPOINT, &arguments).await)?;
    let doubt = if page.is_empty_result() {
        None
    } else {
        check(O::ENDPOINT, &arguments, &page)?.unusable_total()
    };
    let code = print(&page.body, view, args.format, console)?;
    if let Some(part) = ListPart::of(&page.body) {
        console.note(&part.note(O::ENDPOINT));
    } else if let Some(doubt) = doubt {
        console.note(&format!("{doubt}: there may be more pages\n"));
    }
    Ok(code)
}

/// Checks that what is printed from a response is what was asked for.
///
/// Without this, a response whose rows have another name would look like an empty list.
pub(super) fn check(
    endpoint: &Endpoint,
    arguments: &Map<String, Value>,
    page: &Page,
) -> Result<Facts> {
    response::facts(endpoint, arguments, &page.body).map_err(|error| {
        CommandError::failed(error)
            .context(format!("the response of `{}` cannot be used", endpoint.id))
            .hint(format!(
                "`fortilake call {}` prints the response as it is",
                endpoint.id
            ))
    })
}

/// Announces a write call, asks for confirmation, makes the call and prints its result.
pub(super) fn write<O: Operation>(
    what: &str,
    request: &O::Request,
    view: &View,
    args: &WriteArgs,
    console: Console,
) -> Result {
    let target = OperationTarget::find(&args.target, O::ENDPOINT, console)?;
    let arguments = arguments(request)?;
    target.announce(what, O::ENDPOINT, &arguments)?;
    confirm(args.yes, console)?;
    let caller = target.connect()?;
    let page = caller.run(async |caller| caller.fetch(O::ENDPOINT, &arguments).await)?;
    console.note("done\n");
    print(&page.body, view, args.format, console)
}

/// Converts a typed request into the arguments of a call.
pub(super) fn arguments(request: &impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(request).map_err(CommandError::failed)? {
        Value::Object(arguments) => Ok(arguments),
        _ => Err(CommandError::failed(anyhow!(
            "a request is not a JSON object"
        ))),
    }
}

/// Prints the rows of a response.
pub(super) fn print(answer: &str, view: &View, format: Format, console: Console) -> Result {
    let text = view.render(answer, format).map_err(CommandError::failed)?;
    if text.is_empty() && !view.is_blank() {
        console.note("nothing found\n");
    }
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

/// Asks for confirmation unless `yes` is set; without a terminal to ask on, this is an error.
pub(super) fn confirm(yes: bool, console: Console) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let error = anyhow!("confirmation required, but stdin is not a terminal");
        return Err(CommandError::not_started(error).hint("pass `--yes` to skip the confirmation"));
    }
    console.ask("continue? [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(CommandError::failed)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::not_started(anyhow!("cancelled"))),
    }
}

/// Reads a secret from where the flags say, or prompts for it on the terminal.
///
/// No flag takes the secret itself, because other users of the machine can see command lines.
pub(super) fn secret(
    what: &str,
    flag: &str,
    kept: Option<&Secret>,
    env: &Env,
) -> Result<models::Secret> {
    if let Some(kept) = kept {
        let value = kept.resolve(env);
        let value = value.with_context(|| format!("{what} cannot be read"));
        return Ok(value
            .map_err(CommandError::not_started)?
            .expose()
            .trim()
            .into());
    }
    if !std::io::stdin().is_terminal() {
        let error = anyhow!("cannot prompt for {what}, because stdin is not a terminal");
        let hint = format!("pass `--{flag}-env NAME` or `--{flag}-file FILE`");
        return Err(CommandError::not_started(error).hint(hint));
    }
    let typed = rpassword::prompt_password(format!("{what} (not echoed): "));
    let typed = typed.with_context(|| format!("{what} cannot be read from the terminal"));
    Ok(typed.map_err(CommandError::not_started)?.trim().into())
}

/// Where a secret is stored, from a pair of flags; the variable wins over the file.
pub(super) fn kept(variable: Option<&String>, file: Option<&PathBuf>) -> Option<Secret> {
    let variable = variable.cloned().map(Secret::Env);
    variable.or_else(|| file.cloned().map(Secret::File))
}

/// The source that an operation calls, before a client is made for it.
pub(super) struct OperationTarget<'a> {
    source: SourceConfig,
    env: Env,
    args: &'a TargetArgs,
    console: Console,
    keeps_token: bool,
}

impl<'a> OperationTarget<'a> {
    /// Finds the source whose system has this endpoint.
    pub(super) fn find(
        args: &'a TargetArgs,
        endpoint: &Endpoint,
        console: Console,
    ) -> Result<Self> {
        let client_id = endpoint.client_id.unwrap_or_default();
        Self::of(args, client_id, endpoint.access, console)
    }

    /// Finds the source whose system signs in with this client id.
    ///
    /// If several match, a read uses the first of them. A write is refused, because changing the
    /// wrong system could not be undone.
    pub(super) fn of(
        args: &'a TargetArgs,
        client_id: &str,
        access: Access,
        console: Console,
    ) -> Result<Self> {
        let env = Env::read()?;
        let config = crawl::load_sources(&args.sources, &[], &env)?;
        let mut sources = config
            .sources
            .into_iter()
            .filter(|source| source.system.has(client_id));
        let Some(source) = sources.next() else {
            let error = anyhow!("none of the sources has a type that supports this command");
            return Err(CommandError::not_started(error).hint(
                "add a `[[source]]` that supports it, or choose another source with `--source`",
            ));
        };
        if let (Some(other), Access::Write) = (sources.next(), access) {
            let names = format!("`{}` and `{}`", source.name, other.name);
            let error =
                anyhow!("this command changes data, and more than one source matches: {names}");
            return Err(CommandError::not_started(error).hint("choose one with `--source`"));
        }
        Ok(Self {
            source,
            env,
            args,
            console,
            keeps_token: false,
        })
    }

    /// Leaves signing out of a FortiPortal to the command, instead of doing it after each call.
    #[must_use]
    pub(super) fn keep_token(self) -> Self {
        Self {
            keeps_token: true,
            ..self
        }
    }

    /// The source's name, as the configuration has it.
    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    /// The source's configuration.
    pub(super) fn source(&self) -> &SourceConfig {
        &self.source
    }

    /// Prints what is about to be done and the request, with secrets hidden.
    pub(super) fn announce(
        &self,
        what: &str,
        endpoint: &Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<()> {
        let sent =
            serde_json::to_string(&shown(endpoint, arguments)).map_err(CommandError::failed)?;
        let (source, method, path) = (&self.source.name, endpoint.method, endpoint.path);
        self.console
            .ask(&format!("{source}: {what}\n  {method} {path} {sent}\n"));
        Ok(())
    }

    /// Opens the state and creates a client; sends nothing.
    pub(super) fn connect(&self) -> Result<OperationClient> {
        let state = session::open_state(self.args.state.state.as_deref(), &self.env)?;
        let context = ClientContext::new(Some(state.clone()), self.console);
        let client = Arc::new(connect::client(&self.source, &self.env, &context)?);
        Ok(OperationClient {
            client,
            state: Some(state),
            console: self.console,
            keeps_token: self.keeps_token,
        })
    }
}

/// A client for one command, with the state that outlives the command.
pub(super) struct OperationClient {
    /// Makes the calls.
    pub(super) client: Arc<Client>,
    state: Option<State>,
    console: Console,
    keeps_token: bool,
}

impl OperationClient {
    /// A client for the embedded simulator, without state.
    pub(super) fn simulated(endpoint: &Endpoint, console: Console) -> Result<Self> {
        let system = endpoint.client_id.and_then(System::opened_by);
        let system = system.unwrap_or_default();
        let client = connect::simulated(system, 0, &ClientContext::new(None, console))?;
        Ok(Self {
            client: Arc::new(client),
            state: None,
            console,
            keeps_token: false,
        })
    }

    /// The state; an error in a simulation, which has none.
    pub(super) fn state(&self) -> Result<&State> {
        let state = self.state.as_ref();
        state.ok_or_else(|| CommandError::not_started(anyhow!("a simulation has no state")))
    }

    /// Runs the work, then signs out of a FortiPortal if this command signed in to it.
    ///
    /// After the first signal no further call is sent, but calls in flight are waited for: the
    /// outcome of a write would be unknown otherwise.
    pub(super) fn run<T>(self, work: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        super::interruptible(self.console, signals::STOP_TIMEOUT, async |mut watch| {
            // A token that was stored before belongs to an earlier `portal login`, which must
            // outlive this command.
            let kept = self.keeps_token || self.portal_token().await.is_some();
            let result = stoppable(pin!(work(&self)), &self.client, &mut watch).await;
            if !kept {
                connect::sign_out(&[self.client], self.console).await;
            }
            // Signing out is a call, too, so signals are handled until it is done.
            watch.end();
            result
        })
    }

    /// Makes a call and returns the response without secrets.
    pub(super) async fn fetch(
        &self,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<Page> {
        let page = self.client.fetch(endpoint, arguments).await;
        page.map_err(|error| {
            let unknown = matches!(error.kind(), Kind::Transient | Kind::Unexpected);
            let failure = failure(error);
            match endpoint.access {
                Access::Write if unknown => failure
                    .hint("the change may have been made; check before you run the command again"),
                _ => failure,
            }
        })
    }

    /// The stored FortiPortal token, unless it has expired.
    pub(super) async fn portal_token(&self) -> Option<StoredToken> {
        let state = self.state.as_ref()?;
        let token = state.load(self.client.user(), FORTIPORTAL).await?;
        let now = jiff::Timestamp::now().as_microsecond();
        Some(token).filter(|token| token.expires_at > now)
    }
}

async fn stoppable<T>(
    mut work: Pin<&mut impl Future<Output = T>>,
    client: &Client,
    watch: &mut signals::SignalHandler,
) -> T {
    tokio::select! {
        result = &mut work => return result,
        stopped = watch.stop.wait_for(|stop| *stop) => drop(stopped),
    }
    client.stop();
    work.await
}

/// Runs a format check before a call, because a refusal by the API would count as an error;
/// `--unchecked` skips it.
pub(super) fn checked(
    args: UncheckedArgs,
    check: impl FnOnce() -> client::Result<()>,
) -> Result<()> {
    if args.unchecked {
        return Ok(());
    }
    check().map_err(|error| {
        CommandError::not_started(error)
            .hint("pass `--unchecked` to send it anyway and let the API decide")
    })
}

/// Converts the error of a call; a call that was not sent because of a signal is an interruption.
pub(super) fn failure(error: client::Error) -> CommandError {
    let stopped = error.pause().map(|pause| pause.reason) == Some(Reason::Stopped);
    let failure = super::call_failure(error);
    if stopped {
        return CommandError {
            code: Code::Interrupted,
            hint: None,
            ..failure
        };
    }
    failure
}
