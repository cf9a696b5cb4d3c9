//! `config.toml`: what a person may change about their node.
//!
//! Every key is optional. The file is written at the first run with each key explained in place; the port drawn then is
//! the only one set, so that friends find the node again where it was. A key that is not known is refused by name
//! and line, because a misspelt one that is passed over in silence does the opposite of what its writer wants.
//!
//! It holds nothing secret and nothing that the protocol decides.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::home::{Home, write_private};
use crate::limits::{CONFIG_LEN_LIMIT, VIDEO_SECONDS_DEFAULT, VIDEO_SECONDS_LIMIT};

/// Address of the web app if nothing else is said.
pub const HTTP_DEFAULT: &str = "127.0.0.1:7420";

/// The file, as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Port for friends' nodes (UDP and TCP), used where `listen` is not set.
    pub port: Option<u16>,
    /// Addresses for friends' nodes, as multiaddrs.
    pub listen: Option<Vec<String>>,
    /// Address of the web app and API; loopback.
    pub http: Option<SocketAddr>,
    /// Whether `run` opens the browser.
    pub open: Option<bool>,
    /// `error`, `warn`, `info`, `debug`, or a filter of the tracing crate.
    pub log: Option<String>,
    /// About videos.
    pub video: Option<Video>,
    /// Cards of links.
    #[serde(default)]
    pub links: Links,
}

/// What a person may change about videos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Video {
    /// How long one that is posted may play.
    pub max_seconds: Option<u64>,
}

/// What this node does for the card of a link that its owner shares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Whether it fetches the page; else cards are bare.
    pub fetch: Option<bool>,
    /// Whether it fetches from private networks, such as this machine. For tests.
    pub allow_private: Option<bool>,
}

impl Config {
    /// Reads the file of a home; without one, everything is at its default.
    ///
    /// # Errors
    /// Usage, with the line, if the file is not understood; failed, if it cannot be read.
    pub fn read(home: &Home) -> Result<Self> {
        let path = home.config_file();
        let length = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("cannot read", &path, &error)),
        };
        if length > CONFIG_LEN_LIMIT {
            return Err(Error::usage(
                "bad_config",
                format!("{} has {length} bytes, at most {CONFIG_LEN_LIMIT} are read", path.display()),
                "remove what does not belong there",
            ));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io("cannot read", &path, &e))?;
        Self::parse(&text).map_err(|what| {
            Error::usage(
                "bad_config",
                format!("{}: {what}", path.display()),
                "correct that line, or move the file away: the next run writes a fresh one",
            )
        })
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            format!("line {line}: {}", error.message().trim())
        })?;
        if let Some(http) = config.http.filter(|http| !http.ip().is_loopback()) {
            return Err(format!(
                "`http` is {http}: the web app is for this machine only, such as {HTTP_DEFAULT}"
            ));
        }
        let seconds = config.video.as_ref().and_then(|video| video.max_seconds);
        if let Some(seconds) = seconds.filter(|seconds| !(1..=VIDEO_SECONDS_LIMIT).contains(seconds)) {
            return Err(format!("`max_seconds` is {seconds}: 1 to {VIDEO_SECONDS_LIMIT} are possible"));
        }
        Ok(config)
    }

    /// How long a video may play, ms.
    pub fn video_max_ms(&self) -> u64 {
        let set = self.video.as_ref().and_then(|video| video.max_seconds);
        set.unwrap_or(VIDEO_SECONDS_DEFAULT).saturating_mul(1_000)
    }

    /// Writes the explained file if there is none, with a port that is free now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_first(home: &Home) -> Result<()> {
        let path = home.config_file();
        if path.exists() {
            return Ok(());
        }
        write_private(&path, template(free_port()).as_bytes())
    }

    /// Where to listen for friends. `flags` win over `listen`, that over `port`.
    pub fn listen_addresses(&self, flags: &[String]) -> Vec<String> {
        if !flags.is_empty() {
            return flags.to_vec();
        }
        if let Some(listen) = &self.listen {
            return listen.clone();
        }
        let port = self.port.unwrap_or(0);
        [
            format!("/ip4/0.0.0.0/udp/{port}/quic-v1"),
            format!("/ip4/0.0.0.0/tcp/{port}"),
            format!("/ip6/::/udp/{port}/quic-v1"),
            format!("/ip6/::/tcp/{port}"),
        ]
        .to_vec()
    }
}

/// Where the port of a node is drawn from: below those that systems give to whoever asks for any (Linux from 32,768, others from
/// 49,152), or a browser might hold it when the node starts again.
const OWN_PORTS: RangeInclusive<u16> = 16_384..=32_767;

/// A port on which neither UDP nor TCP listens; 0 (any, each time) if none is found.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| {
        let address = (Ipv4Addr::UNSPECIFIED, *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    (0..16).filter_map(|_| own_port()).find(is_free).unwrap_or(0)
}

fn own_port() -> Option<u16> {
    let drawn = u16::from_be_bytes(crate::os::random().ok()?);
    Some(OWN_PORTS.start() | (drawn & (OWN_PORTS.end() - OWN_PORTS.start())))
}

fn template(port: u16) -> String {
    format!(
        r#"# Tidings: what you may change about your node. Every key is optional; restart the node after a change.

# Port on which friends' nodes reach this one (UDP and TCP, IPv4 and IPv6). Drawn at the first run and kept, so that
# friends find you where you were. Open it in your router if you can: friends then reach you directly.
port = {port}

# Or the exact addresses to listen on. With this, `port` is not used.
# listen = ["/ip4/0.0.0.0/udp/{port}/quic-v1", "/ip4/0.0.0.0/tcp/{port}"]

# Address of the web app. It is for this machine only: from elsewhere use a tunnel.
# http = "{HTTP_DEFAULT}"

# Whether `tidings run` opens the browser.
# open = true

# How much is written to stderr: error, warn, info or debug.
# log = "warn"

[links]
# Whether this node fetches the page of a link that you share, once, for its card: title, description and picture. Your
# friends fetch nothing. With false, a card holds the address alone.
# fetch = true

# Whether it fetches pages from private networks too (this machine, your home). For tests: a link that somebody sent you
# could then make your node ask your router for things.
# allow_private = false

# How long a video that you post may play, at most {VIDEO_SECONDS_LIMIT}. Read at each post.
# [video]
# max_seconds = {VIDEO_SECONDS_DEFAULT}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_drawn_from_those_that_nobody_is_given_by_chance() {
        let drawn: std::collections::BTreeSet<u16> = (0..200).map(|_| free_port()).collect();
        assert!(drawn.iter().all(|port| OWN_PORTS.contains(port)), "{drawn:?}");
        assert!(drawn.len() > 150, "and not always the same: {drawn:?}");
    }

    #[test]
    fn the_file_of_the_first_run_is_understood_and_so_is_each_key_it_explains() {
        let text = template(4242);
        assert_eq!(Config::parse(&text), Ok(Config { port: Some(4242), ..Config::default() }));
        let awake: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ").filter(|rest| rest.contains(" = ")) {
                Some(key) => format!("{key}\n"),
                None => format!(
                    "{}\n",
                    line.strip_prefix("# ").filter(|rest| rest.starts_with('[')).unwrap_or(line)
                ),
            })
            .collect();
        let config = Config::parse(&awake).unwrap();
        assert_eq!(config.listen.unwrap().len(), 2);
        assert_eq!(config.http.unwrap().to_string(), HTTP_DEFAULT);
        assert_eq!((config.open, config.log.as_deref()), (Some(true), Some("warn")));
        assert_eq!(config.video, Some(Video { max_seconds: Some(VIDEO_SECONDS_DEFAULT) }));
        assert_eq!(config.links, Links { fetch: Some(true), allow_private: Some(false) });
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_and_line() {
        let what = Config::parse("port = 1\n\nlissten = []\n").unwrap_err();
        assert!(what.contains("line 3") && what.contains("lissten"), "{what}");
    }

    #[test]
    fn a_web_address_for_others_is_refused() {
        assert!(Config::parse("http = \"0.0.0.0:7420\"").unwrap_err().contains("0.0.0.0"));
        assert!(Config::parse("http = \"[::1]:0\"").is_ok());
    }

    #[test]
    fn a_video_may_be_allowed_to_play_from_one_second_to_the_limit() {
        let ms = |seconds: u64| {
            Config::parse(&format!("[video]\nmax_seconds = {seconds}")).map(|c| c.video_max_ms())
        };
        assert_eq!(Config::default().video_max_ms(), 15_000);
        assert_eq!(ms(1), Ok(1_000));
        assert_eq!(ms(VIDEO_SECONDS_LIMIT), Ok(VIDEO_SECONDS_LIMIT * 1_000));
        for bad in [0, VIDEO_SECONDS_LIMIT + 1] {
            assert!(ms(bad).unwrap_err().contains("max_seconds"), "{bad}");
        }
    }

    #[test]
    fn flags_win_over_the_file_and_addresses_over_the_port() {
        let config = Config { port: Some(9), ..Config::default() };
        assert_eq!(config.listen_addresses(&[]).len(), 4);
        assert!(config.listen_addresses(&[]).iter().all(|a| a.contains("/9")));
        assert_eq!(config.listen_addresses(&["/memory/1".into()]), ["/memory/1"]);
        let config = Config { listen: Some(vec!["/a".into()]), ..config };
        assert_eq!(config.listen_addresses(&[]), ["/a"]);
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        std::fs::write(home.config_file(), "port = 7\n").unwrap();
        Config::write_first(&home).unwrap();
        assert_eq!(Config::read(&home).unwrap().port, Some(7));
    }

    #[test]
    fn a_config_of_the_limit_is_read_and_one_byte_more_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let fill = |length: u64| format!("#{}", "x".repeat(usize::try_from(length).unwrap() - 1));
        std::fs::write(home.config_file(), fill(CONFIG_LEN_LIMIT)).unwrap();
        assert!(Config::read(&home).is_ok());
        std::fs::write(home.config_file(), fill(CONFIG_LEN_LIMIT + 1)).unwrap();
        assert_eq!(Config::read(&home).unwrap_err().code, "bad_config");
    }
}
