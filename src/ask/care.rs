//! Which part of an album, which favourites.

use crate::time::Month;

/// Which part of somebody's album.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlbumQuery {
    /// Whose, by words; mine if none, or with `me`.
    pub from: Option<String>,
    /// Only this month, UTC.
    pub month: Option<Month>,
    /// How many moments, 1 to 10,000; 20 if 0.
    pub limit: usize,
    /// The `next` of an earlier page.
    pub before: Option<String>,
}

/// Which of my favourites.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FavesQuery {
    /// How many moments, 1 to 10,000; 20 if 0.
    pub limit: usize,
    /// The `next` of an earlier page.
    pub before: Option<String>,
}
