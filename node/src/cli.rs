//! The command line: what may be typed, and which request each command becomes.
//!
//! A command is a request to the local API ([`door`]); the answer is printed as JSON, or as text by [`crate::text`]. So a
//! command has three parts and no more: its definition here, the request in the file of its group, the text it prints.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no identity or no running node, 4 no such thing, 5 refused.
//!
//! Source: `tidings --help`, which is this file.

mod care;
pub mod door;
mod home_commands;
mod manual;
mod media;
mod moments;
mod notices;
mod output;
mod people;
mod privacy;
mod programs;
mod sharing;
mod watch;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use care::{AlbumArgs, FavesArgs};
use moments::{PostArgs, TimelineArgs};
use notices::NoticesArgs;
pub use output::{Out, Style};
use people::{FriendCommand, InviteArgs, RequestCommand, TagCommand};
use privacy::{AudienceArgs, PrivacyArgs};
use programs::TokenCommand;
use sharing::{ExportArgs, ReportArgs, ShareArgs};
use words::{ProfileArgs, StatusSetArgs};

use crate::error::{Error, Result};
use crate::home::Home;

/// Private moments for friends, without a server.
#[derive(Debug, Parser)]
#[command(
    name = "tidings",
    disable_version_flag = true,
    args_conflicts_with_subcommands = false,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no identity or no running node, 4 no such person or \
                  moment, 5 refused.\n\nExample: tidings run --name Ada"
)]
pub struct Cli {
    /// Folder with everything of one node
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, env = "TIDINGS_HOME")]
    home: Option<OsString>,
    /// Answer in JSON, one document a line
    #[arg(long, global = true)]
    json: bool,
    /// Say more on stderr; twice for much more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Say less on stderr
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print the version; with --verbose also the licences of the parts
    #[arg(long, short = 'V')]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// One command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the node and its web app (also without any command)
    #[command(after_help = "Example: tidings run --name Ada --http 127.0.0.1:7500 --no-open")]
    Run(RunArgs),
    /// Create the identity only; prints its 24 words once
    #[command(after_help = "Example: tidings init --name Ada")]
    Init {
        /// The name friends see
        #[arg(long)]
        name: String,
    },
    /// Who I am here
    #[command(after_help = "Example: tidings whoami --json")]
    Whoami,
    /// Who is connected, what waits for whom, what it takes on the disk
    #[command(after_help = "Example: tidings status")]
    Status,
    /// Print (and open) a fresh one-time address of the running node's web app
    #[command(after_help = "Example: tidings open")]
    Open {
        /// Only print it
        #[arg(long)]
        no_open: bool,
    },
    /// End the running node and wait for it
    #[command(after_help = "Example: tidings stop")]
    Stop,
    /// Make an invite: a link and a QR code that work once
    #[command(after_help = "Example: tidings invite --name Ben --expires 7d")]
    Invite(InviteArgs),
    /// Redeem an invite
    #[command(after_help = "Example: tidings accept 'tidings:invite/1/…' --name Ada")]
    Accept {
        /// The link
        link: String,
        /// The name I give them
        #[arg(long, value_name = "AS")]
        name: Option<String>,
    },
    /// Who wants to be a friend, and whose answer is awaited
    #[command(after_help = "Example: tidings requests")]
    Requests,
    /// Look at one request, and at the moments they show to strangers
    #[command(subcommand, after_help = "Example: tidings request show Ben")]
    Request(RequestCommand),
    /// Offer two friends to each other
    #[command(after_help = "Example: tidings introduce Ben Cleo")]
    Introduce {
        /// Id (or its beginning) or name
        a: String,
        /// Id (or its beginning) or name
        b: String,
    },
    /// Say yes to a request
    #[command(after_help = "Example: tidings confirm Ben")]
    Confirm {
        /// Id (or its beginning) or name
        id: String,
    },
    /// Say no to a request
    #[command(after_help = "Example: tidings decline Ben")]
    Decline {
        /// Id (or its beginning) or name
        id: String,
    },
    /// List friends
    #[command(after_help = "Example: tidings friends --json")]
    Friends,
    /// Show, name, note, block, remove or verify one friend
    #[command(subcommand, after_help = "Example: tidings friend show Ben")]
    Friend(FriendCommand),
    /// My own labels on friends, for audiences
    #[command(subcommand, after_help = "Example: tidings tag add family Ben Cleo")]
    Tag(TagCommand),
    /// How friends see me
    #[command(after_help = "Example: tidings profile --about 'Gone fishing' --avatar me.jpg")]
    Profile(ProfileArgs),
    /// Tell friends what I am at, for a while
    #[command(
        name = "status-set",
        after_help = "Examples:\n  tidings status-set 'On a walk' --emoji '\u{1f6b6}' --for 2h\n  tidings status-set --clear"
    )]
    StatusSet(StatusSetArgs),
    /// Moments privacy: how far back, strangers, hiding mine or theirs
    #[command(after_help = "Example: tidings privacy --window 3d --hide-mine-from Ben")]
    Privacy(PrivacyArgs),
    /// Share a moment
    #[command(
        after_help = "Examples:\n  tidings post 'Hello, friends'\n  tidings post 'At the lake' --photo a.jpg --photo b.jpg --alt 'The pier' --to family\n  tidings post 'A surprise' --except Ben --dry-run"
    )]
    Post(Box<PostArgs>),
    /// My own and friends' moments, newest first
    #[command(
        after_help = "Examples:\n  tidings timeline --from Ben --since 2026-11-01\n  tidings timeline --search 'lake sunset'"
    )]
    Timeline(TimelineArgs),
    /// One moment with what was said beneath it
    #[command(after_help = "Example: tidings show 3fa9")]
    Show {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Like a moment
    #[command(after_help = "Example: tidings like 3fa9")]
    Like {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Take a like back
    #[command(after_help = "Example: tidings unlike 3fa9")]
    Unlike {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Comment on a moment
    #[command(after_help = "Example: tidings comment 3fa9 'Lovely' --reply-to 81c2")]
    Comment {
        /// The moment's id, or its beginning
        id: String,
        /// What to say
        text: String,
        /// The comment it answers
        #[arg(long, value_name = "COMMENT")]
        reply_to: Option<String>,
    },
    /// Withdraw one's own moment or comment
    #[command(after_help = "Example: tidings delete 3fa9")]
    Delete {
        /// The id, or its beginning
        id: String,
    },
    /// The filters that `post --filter` takes
    #[command(after_help = "Example: tidings filters")]
    Filters,
    /// Change who may see an old moment
    #[command(after_help = "Example: tidings audience 3fa9 --to family --except Ben")]
    Audience(AudienceArgs),
    /// Take away what somebody said beneath my moment; they can tell
    #[command(after_help = "Example: tidings hide 81c2")]
    Hide {
        /// The id of a comment or like, or its beginning
        id: String,
    },
    /// What concerns me: likes, comments, replies, mentions, and what was taken away from me
    #[command(after_help = "Example: tidings notices --mark-read")]
    Notices(NoticesArgs),
    /// No more notices about a moment or from a friend
    #[command(after_help = "Examples:\n  tidings mute 3fa9\n  tidings mute @Ben")]
    Mute {
        /// The moment's id (or its beginning), or the friend
        #[arg(value_name = "ID|FRIEND")]
        word: String,
    },
    /// Give notices again
    #[command(after_help = "Example: tidings unmute @Ben")]
    Unmute {
        /// The moment's id (or its beginning), or the friend
        #[arg(value_name = "ID|FRIEND")]
        word: String,
    },
    /// The bytes of a photo or video
    #[command(after_help = "Example: tidings blob 9c1e… -o photo.jpg")]
    Blob {
        /// The photo's or video's id, as `show --json` prints it
        id: String,
        /// Where to write it; standard output if left out
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// For my moment: who may read it, and who has it
    #[command(after_help = "Example: tidings who 3fa9")]
    Who {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Somebody's moments by month, mine with what is pinned
    #[command(after_help = "Example: tidings album Ben --month 2026-11")]
    Album(AlbumArgs),
    /// Pin one of my moments to the top of my album
    #[command(after_help = "Example: tidings pin 3fa9")]
    Pin {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Take a pin off again
    #[command(after_help = "Example: tidings unpin 3fa9")]
    Unpin {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Put a moment among my favourites: it is kept, with its pictures
    #[command(after_help = "Example: tidings fave 3fa9")]
    Fave {
        /// The moment's id, or its beginning
        id: String,
    },
    /// Take a moment out of my favourites
    #[command(after_help = "Example: tidings unfave 3fa9")]
    Unfave {
        /// The moment's id, or its beginning
        id: String,
    },
    /// My favourites, the newest mark first
    #[command(after_help = "Example: tidings faves --limit 50")]
    Faves(FavesArgs),
    /// Share a moment on whose author allowed it
    #[command(after_help = "Example: tidings share 3fa9 'Look at this' --to family")]
    Share(ShareArgs),
    /// Write down what proves who wrote a moment that may be shared on, or check what somebody wrote down
    #[command(
        after_help = "Examples:\n  tidings report 3fa9 report-folder\n  tidings report --check report-folder"
    )]
    Report(ReportArgs),
    /// Write my moments as an album that any browser reads
    #[command(after_help = "Example: tidings export album")]
    Export(ExportArgs),
    /// Events as they happen, one a line
    #[command(after_help = "Example: tidings watch --json")]
    Watch,
    /// Keys for other programs
    #[command(subcommand, after_help = "Example: tidings token add blog --scope read")]
    Token(TokenCommand),
    /// Print completions for a shell
    #[command(
        after_help = "Example: tidings completions bash > ~/.local/share/bash-completion/completions/tidings"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them into a folder
    #[command(after_help = "Example: tidings man ~/.local/share/man/man1")]
    Man {
        /// The folder
        dir: Option<PathBuf>,
    },
    /// A local network of real nodes, befriended, to try things
    #[command(subcommand, after_help = "Example: tidings testnet up --nodes 5 --demo")]
    Testnet(TestnetCommand),
    /// How fast this build is on this machine, beside the floor under each job
    #[command(after_help = "Examples:\n  tidings bench --quick\n  tidings bench J2 J3 --json")]
    Bench(crate::bench::BenchArgs),
    /// One node of a bench, which does what standard input says
    #[command(hide = true, after_help = "Example: tidings bench")]
    BenchNode,
}

/// What `run` takes.
#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// First run: the name friends see
    #[arg(long)]
    pub name: Option<String>,
    /// Address to listen on for friends' nodes; may be repeated
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<String>,
    /// Address of the web app; this machine only
    #[arg(long, value_name = "ADDR")]
    pub http: Option<std::net::SocketAddr>,
    /// Do not open the browser
    #[arg(long)]
    pub no_open: bool,
}

/// What to do with a test network.
#[derive(Debug, Subcommand)]
pub enum TestnetCommand {
    /// Start nodes in the background and make them friends
    #[command(after_help = "Example: tidings testnet up --nodes 5 --topology ring --demo")]
    Up(TestnetArgs),
    /// Which nodes run
    #[command(after_help = "Example: tidings testnet status")]
    Status {
        /// Where the homes stand
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// End all nodes; their homes stay
    #[command(after_help = "Example: tidings testnet down")]
    Down {
        /// Where the homes stand
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

/// What `testnet up` takes.
#[derive(Debug, Args)]
pub struct TestnetArgs {
    /// How many
    #[arg(long, default_value_t = 5)]
    pub nodes: u16,
    /// Where their homes go
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Who is whose friend
    #[arg(long, value_enum, default_value = "full")]
    pub topology: crate::testnet::Topology,
    /// Post a set of moments with pictures
    #[arg(long)]
    pub demo: bool,
    /// Port of the first web app; the others follow
    #[arg(long, value_name = "PORT", default_value_t = 7500)]
    pub http_base: u16,
}

/// What every command has at hand.
#[derive(Debug)]
pub struct Ctx {
    /// The home.
    pub home: Home,
    /// How to print.
    pub out: Out,
    /// How much to log.
    pub log: Option<&'static str>,
}

/// Reads the arguments, does what they say.
pub fn main() -> ExitCode {
    let wants_json = std::env::args_os().any(|arg| arg == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error, wants_json),
    };
    let out = Out::new(cli.json);
    match dispatch(cli, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Help asked for is an answer; anything else that clap stops at is wrong usage.
fn misused(error: &clap::Error, json: bool) -> ExitCode {
    if !error.use_stderr() || !json {
        // If even this cannot be printed there is nobody to tell.
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Out::new(true).error(&Error::usage("usage", message, "see `tidings --help`"));
    ExitCode::from(2)
}

fn dispatch(cli: Cli, out: Out) -> Result<()> {
    if cli.version {
        return manual::version(&out, cli.verbose > 0);
    }
    // A variable that is set to nothing is none.
    let home = match cli.home.filter(|path| !path.is_empty()) {
        Some(path) => Home::at(Path::new(&path)),
        None => Home::usual()?,
    };
    let log = match (cli.quiet, cli.verbose) {
        (true, _) => Some("error"),
        (_, 0) => None,
        (_, 1) => Some("info"),
        _ => Some("debug"),
    };
    let ctx = Ctx { home, out, log };
    match cli.command.unwrap_or_else(|| Command::Run(RunArgs::default())) {
        Command::Run(args) => crate::run::run(&ctx, &args),
        Command::Init { name } => home_commands::init(&ctx, &name),
        Command::Whoami => home_commands::whoami(&ctx),
        Command::Status => home_commands::status(&ctx),
        Command::Open { no_open } => home_commands::open(&ctx, no_open),
        Command::Stop => home_commands::stop(&ctx),
        Command::Profile(args) => words::profile(&ctx, args),
        Command::StatusSet(args) => words::status_set(&ctx, args),
        Command::Invite(args) => people::invite(&ctx, args),
        Command::Accept { link, name } => people::accept(&ctx, &link, name),
        Command::Requests => people::requests(&ctx),
        Command::Request(command) => people::request(&ctx, &command),
        Command::Introduce { a, b } => people::introduce(&ctx, &a, &b),
        Command::Confirm { id } => people::answer(&ctx, &id, "confirm"),
        Command::Decline { id } => people::answer(&ctx, &id, "decline"),
        Command::Friends => people::friends(&ctx),
        Command::Friend(command) => people::friend(&ctx, command),
        Command::Tag(command) => people::tag(&ctx, command),
        Command::Privacy(args) => privacy::privacy(&ctx, &args),
        Command::Audience(args) => privacy::audience(&ctx, &args),
        Command::Post(args) => moments::post(&ctx, *args),
        Command::Timeline(args) => moments::timeline(&ctx, args),
        Command::Show { id } => moments::show(&ctx, &id),
        Command::Like { id } => moments::like(&ctx, &id, true),
        Command::Unlike { id } => moments::like(&ctx, &id, false),
        Command::Comment { id, text, reply_to } => moments::comment(&ctx, &id, &text, reply_to),
        Command::Delete { id } => moments::delete(&ctx, &id),
        Command::Hide { id } => notices::hide(&ctx, &id),
        Command::Notices(args) => notices::notices(&ctx, args),
        Command::Mute { word } => notices::mute(&ctx, &word, true),
        Command::Unmute { word } => notices::mute(&ctx, &word, false),
        Command::Blob { id, output } => moments::blob(&ctx, &id, output.as_deref()),
        Command::Who { id } => moments::who(&ctx, &id),
        Command::Album(args) => care::album(&ctx, &args),
        Command::Pin { id } => care::pin(&ctx, &id, true),
        Command::Unpin { id } => care::pin(&ctx, &id, false),
        Command::Fave { id } => care::fave(&ctx, &id, true),
        Command::Unfave { id } => care::fave(&ctx, &id, false),
        Command::Faves(args) => care::faves(&ctx, &args),
        Command::Filters => moments::filters(&ctx),
        Command::Share(args) => sharing::share(&ctx, args),
        Command::Report(args) => sharing::report(&ctx, &args),
        Command::Export(args) => sharing::export(&ctx, &args),
        Command::Watch => watch::watch(&ctx),
        Command::Token(command) => programs::token(&ctx, command),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { dir } => manual::man(dir.as_deref()),
        Command::Bench(args) => crate::bench::bench(&ctx, &args),
        Command::BenchNode => crate::bench::serve(&ctx),
        Command::Testnet(TestnetCommand::Up(args)) => crate::testnet::up(&ctx, &args),
        Command::Testnet(TestnetCommand::Status { dir }) => crate::testnet::status(&ctx, dir.as_deref()),
        Command::Testnet(TestnetCommand::Down { dir }) => crate::testnet::down(&ctx, dir.as_deref()),
    }
}

/// The definition, for completions and manual pages.
pub fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        definition().debug_assert();
    }

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, bool)>) {
        for child in command.get_subcommands() {
            let path = format!("{path} {}", child.get_name());
            found.push((
                path.clone(),
                child.get_after_help().is_some_and(|h| h.to_string().contains("Example")),
            ));
            leaves(child, &path, found);
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut found = Vec::new();
        leaves(&definition(), "tidings", &mut found);
        assert!(found.len() > 35);
        for (path, has_example) in found {
            assert!(has_example, "{path}");
        }
    }

    #[test]
    fn a_tenth_photo_is_no_matter_of_usage() {
        let mut args = vec!["tidings", "post", "x"];
        args.extend(["--photo", "a.jpg"].repeat(10));
        let Some(Command::Post(post)) = Cli::try_parse_from(args).unwrap().command else {
            panic!("not a post")
        };
        assert_eq!(post.media.photo.len(), 10);
    }

    #[test]
    fn commands_of_later_releases_do_not_exist() {
        for later in ["recover", "channel", "backup", "devices", "introduce", "frobnicate"] {
            let error = Cli::try_parse_from(["tidings", later]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{later}");
        }
    }

    #[test]
    fn a_flag_is_given_once_per_value() {
        let cli = Cli::try_parse_from(["tidings", "post", "--to", "family", "text", "--to", "Ben"]).unwrap();
        let Some(Command::Post(post)) = cli.command else { panic!("not a post") };
        assert_eq!((post.to, post.text.as_deref()), (vec!["family".into(), "Ben".into()], Some("text")));
    }

    #[test]
    fn no_command_is_run() {
        assert!(Cli::try_parse_from(["tidings"]).unwrap().command.is_none());
    }
}
