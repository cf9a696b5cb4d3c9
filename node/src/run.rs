//! `tidings run`: the node and its web app in one process, from the first start to a clean end.
//!
//! Start: config, web address, identity (asked for on a terminal, else by the page), node, `run.json`. End, on Ctrl-C,
//! SIGTERM or `tidings stop`: no new requests, streams closed, node closed (friends told, store flushed), `run.json` gone.
//!
//! The 24 words appear on a terminal or on the page, nowhere else: with `--name` and no terminal they wait in memory for
//! the page.

use std::io::{BufRead, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidings::client::Client;
use tokio::net::TcpListener;

use crate::app::{App, OpenWith};
use crate::cli::door::{Ask, Door, runtime};
use crate::cli::{Ctx, RunArgs};
use crate::config::{Config, HTTP_DEFAULT};
use crate::error::{Error, Result};
use crate::home::RunFile;
use crate::limits::{HTTP_PORT_TRIES, LOCK_WAIT_MS};
use crate::text;

/// How long requests may take to end once the node shall.
const END_WAIT: Duration = Duration::from_secs(5);

/// Runs until the end.
///
/// # Errors
/// Refused, if a node runs in this home; what opening it says.
pub fn run(ctx: &Ctx, args: &RunArgs) -> Result<()> {
    Client::prepare();
    let config = Config::read(&ctx.home)?;
    start_log(ctx, &config)?;
    refuse_second(ctx)?;
    ctx.home.create()?;
    ctx.home.empty_tmp();
    Config::write_first(&ctx.home)?;
    let config = Config::read(&ctx.home)?;
    let open_with = OpenWith {
        home: ctx.home.path().to_path_buf(),
        listen: config.listen_addresses(&args.listen),
        network: true,
        lock_wait_ms: LOCK_WAIT_MS,
        record: std::env::var_os("TIDINGS_RECORD").map(Into::into),
    };
    let runtime = runtime()?;
    let done = runtime.block_on(serve(ctx, args, &config, open_with));
    // Work that still blocks (a photo in the making) is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn serve(ctx: &Ctx, args: &RunArgs, config: &Config, open_with: OpenWith) -> Result<()> {
    let listener = bind(args.http, config.http).await?;
    let http = listener.local_addr().map_err(|e| Error::failed("http", e.to_string(), "try again"))?;
    let app = Arc::new(App::new(ctx.home.clone(), open_with)?);
    app.set_http(http);
    first_run(ctx, args, &app).await?;
    if Client::has_identity(ctx.home.path()) {
        app.client().await?;
    }
    let pid = std::process::id();
    ctx.home.announce(&RunFile { pid, http, token: app.control().to_owned() })?;
    greet(ctx, args, config, &app, http)?;
    let ended = until_end(&app, listener).await;
    let closed = app.close().await;
    ctx.home.retract(pid);
    ended.and(closed)
}

/// Serves until a signal or a request to stop, then a little longer for what is under way.
async fn until_end(app: &Arc<App>, listener: TcpListener) -> Result<()> {
    let for_signal = Arc::clone(app);
    let signal = tokio::spawn(async move {
        wait_for_signal().await;
        for_signal.request_stop();
    });
    let for_serve = Arc::clone(app);
    let serving = axum::serve(listener, crate::api::router(Arc::clone(app)))
        .with_graceful_shutdown(async move { for_serve.stopping().await });
    let late = async {
        app.stopping().await;
        tokio::time::sleep(END_WAIT).await;
    };
    let served = tokio::select! {
        served = async { serving.await } => served,
        () = late => Ok(()),
    };
    signal.abort();
    served.map_err(|e| Error::failed("http", format!("the web app stopped: {e}"), "start again"))
}

/// Returns when somebody wants this process to end: Ctrl-C or SIGTERM.
pub async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A node that runs already in this home is not started twice. The lock of the store says so too, but later.
fn refuse_second(ctx: &Ctx) -> Result<()> {
    let Some(run) = ctx.home.running() else { return Ok(()) };
    let answers = Door::to(&ctx.home).ask_node(&Ask::get("/onboarding"));
    if answers.is_err_and(|error| error.kind == tidings::error::Kind::NotHere) {
        return Ok(());
    }
    Err(Error::refused(
        "already_running",
        format!(
            "a node runs in {} already (process {}, http://{})",
            ctx.home.path().display(),
            run.pid,
            run.http
        ),
        "open it with `tidings open`, or end it with `tidings stop`",
    ))
}

/// The named address; or the default, or the next port that is free.
async fn bind(flag: Option<SocketAddr>, config: Option<SocketAddr>) -> Result<TcpListener> {
    if let Some(http) = flag {
        if !http.ip().is_loopback() {
            return Err(Error::usage(
                "not_loopback",
                format!("{http} can be reached from other machines"),
                "the web app is for this machine only: use 127.0.0.1, and a tunnel from elsewhere",
            ));
        }
        return TcpListener::bind(http).await.map_err(|e| {
            Error::failed(
                "http_taken",
                format!("cannot listen on {http}: {e}"),
                "choose another address with --http",
            )
        });
    }
    let first =
        config.or_else(|| HTTP_DEFAULT.parse().ok()).unwrap_or((IpAddr::from([127, 0, 0, 1]), 0).into());
    let mut refused = None;
    for step in 0..HTTP_PORT_TRIES {
        let Some(port) = first.port().checked_add(step) else { break };
        match TcpListener::bind((first.ip(), port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    let why = refused.map(|e| e.to_string()).unwrap_or_default();
    Err(Error::failed(
        "http_taken",
        format!("no port from {first} on is free for the web app: {why}"),
        "name one with --http 127.0.0.1:PORT",
    ))
}

/// On a first run: an identity by `--name`, by a name typed on the terminal, or later by the page.
async fn first_run(ctx: &Ctx, args: &RunArgs, app: &Arc<App>) -> Result<()> {
    if Client::has_identity(ctx.home.path()) {
        if args.name.is_some() {
            ctx.out.note(
                "There is an identity here already; --name is not used (see `tidings profile --name`).",
            );
        }
        return Ok(());
    }
    let terminal = std::io::stdin().is_terminal() && ctx.out.terminal && !ctx.out.json;
    let name = match &args.name {
        Some(name) => Some(name.clone()),
        None if terminal => tokio::task::spawn_blocking(ask_name).await.unwrap_or_default(),
        None => None,
    };
    let Some(name) = name else { return Ok(()) };
    let user = app.create_identity(&name).await?;
    if terminal {
        let words = app.words().unwrap_or_default();
        ctx.out.line(&text::created(&ctx.out, &json!({"user": user, "words": words})));
        app.forget_words();
    } else if !ctx.out.json {
        ctx.out.line("Your 24 words are shown once, on the page that opens at the address below.");
    }
    Ok(())
}

/// A name typed on the terminal; none means that the page asks.
fn ask_name() -> Option<String> {
    print!("Welcome. What is your name? (Enter alone: choose it in the browser) ");
    // If it cannot be shown, the page asks.
    std::io::stdout().flush().ok()?;
    let mut name = String::new();
    std::io::stdin().lock().read_line(&mut name).ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn greet(ctx: &Ctx, args: &RunArgs, config: &Config, app: &App, http: SocketAddr) -> Result<()> {
    let url = app.one_time_address()?;
    let value = json!({"running": true, "http": http.to_string(), "url": url, "home": ctx.home.path().display().to_string()});
    ctx.out.answer(&value, |out, _| {
        format!("Your node is running. Open it at\n\n    {}\n\nThe address works once; `tidings open` makes another. Ctrl-C ends the node.", out.style(crate::cli::Style::Strong, &url))
    });
    if ctx.out.terminal && !args.no_open && config.open.unwrap_or(true) {
        open_browser(&url);
    }
    Ok(())
}

/// Opens an address in the browser, if there is a way. It was printed too, so nothing is lost if not.
pub fn open_browser(url: &str) {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some() {
        ("xdg-open", &[])
    } else {
        return;
    };
    let spawned = Command::new(program)
        .args(first)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = spawned {
        std::thread::spawn(move || {
            // Only so that it does not stay as a zombie.
            let _ = child.wait();
        });
    }
}

fn start_log(ctx: &Ctx, config: &Config) -> Result<()> {
    let filter = ctx.log.or(config.log.as_deref()).unwrap_or("warn");
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|e| {
        Error::usage(
            "bad_config",
            format!("`log` in config.toml is not understood: {e}"),
            "write error, warn, info or debug",
        )
    })?;
    // Set once in this process.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_default_gives_way_to_the_next_port_and_a_taken_flag_does_not() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let next = bind(None, Some(address)).await.unwrap().local_addr().unwrap();
        assert!(next.port() > address.port());
        assert_eq!(bind(Some(address), None).await.unwrap_err().code, "http_taken");
    }

    #[tokio::test]
    async fn the_web_app_is_for_this_machine_only() {
        let error = bind(Some("0.0.0.0:0".parse().unwrap()), None).await.unwrap_err();
        assert_eq!(error.kind.exit_code(), 2);
    }
}
