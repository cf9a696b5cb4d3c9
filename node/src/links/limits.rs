//! Limits of what is fetched for a link's card: value, unit, origin.

use std::time::Duration;

/// Time for a page, its redirects and its picture, all together. *guess: a slow page is there after five seconds*
pub const TIME_LIMIT: Duration = Duration::from_secs(15);
/// Time to find and reach one host. *guess: half of what a patient browser waits*
pub const CONNECT_TIME_LIMIT: Duration = Duration::from_secs(5);
/// Redirects of one address. *chosen: links of letters and news take up to four*
pub const REDIRECT_LIMIT: usize = 5;
/// Bytes of a page that are read; what a page says of itself stands at its beginning. *guess: large heads have 300 KiB*
pub const PAGE_LEN_LIMIT: usize = 512 * 1024;
/// Bytes of a card's picture; a longer one is left out. *guess: such pictures have some hundred KiB*
pub const PICTURE_LEN_LIMIT: usize = 5 * 1024 * 1024;
/// Bytes of the headers of an answer. *guess: four times what servers usually allow themselves*
pub const HEADER_LEN_LIMIT: usize = 32 * 1024;
/// Bytes of one text of a page that are looked at, before it is cut to its place in the card. *chosen: well above it*
pub const TEXT_LEN_LIMIT: usize = 8 * 1024;
/// Bytes at the beginning of a page in which it may say its charset. *the HTML standard's number*
pub const CHARSET_LEN_LIMIT: usize = 1_024;
/// Links whose pages are fetched at the same time; others wait. *chosen: a person shares one at a time*
pub const FETCH_AT_ONCE_LIMIT: usize = 2;
