//! A buffer for reading that is there only while something lies in it.
//!
//! A friend who says nothing all day has two streams open, and a node two hundred friends. A buffer that stays would be most
//! of what such a stream takes.
//!
//! It does not: read more than one bufferful ahead.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::AsyncRead;

/// Reads from the transport in pieces of up to [`PIECE_LEN`].
pub(super) struct Lean<R> {
    inner: R,
    /// What was read and not taken; without room where nothing is.
    piece: Vec<u8>,
    taken: usize,
}

/// Read at once from the transport: some ten entries of a text.
const PIECE_LEN: usize = 8 * 1024;

impl<R> Lean<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, piece: Vec::new(), taken: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.piece.get(self.taken..).unwrap_or_default()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Lean<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.rest().is_empty() {
            // Whoever has as much room needs no buffer between.
            if out.len() >= PIECE_LEN {
                this.piece = Vec::new();
                return Pin::new(&mut this.inner).poll_read(cx, out);
            }
            let mut piece = std::mem::take(&mut this.piece);
            this.taken = 0;
            piece.resize(PIECE_LEN, 0);
            // Where nothing has come, the buffer goes.
            let len = ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
            piece.truncate(len);
            this.piece = piece;
        }
        let rest = this.rest();
        let len = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        this.taken = this.taken.saturating_add(len);
        Poll::Ready(Ok(len))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::poll_immediate;
    use futures::io::{AsyncReadExt, Cursor};

    use super::*;

    /// Gives one piece after the other, and between two of them nothing.
    struct Pieces(Vec<Vec<u8>>, bool);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            out: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.1 = !self.1;
            if self.1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.0.is_empty() {
                return Poll::Ready(Ok(0));
            }
            let mut piece = self.0.remove(0);
            let len = piece.len().min(out.len());
            out[..len].copy_from_slice(&piece[..len]);
            let rest = piece.split_off(len);
            if !rest.is_empty() {
                self.0.insert(0, rest);
            }
            Poll::Ready(Ok(len))
        }
    }

    #[test]
    fn what_is_read_is_what_came_whatever_the_pieces() {
        let all: Vec<u8> = (0..40_000u32).map(|n| n.to_be_bytes()[3] ^ n.to_be_bytes()[2]).collect();
        for piece in [1, 7, PIECE_LEN - 1, PIECE_LEN, PIECE_LEN + 1, all.len()] {
            let pieces = all.chunks(piece).map(<[u8]>::to_vec).collect();
            let mut read = Lean::new(Pieces(pieces, false));
            let mut out = vec![0; 13];
            block_on(read.read_exact(&mut out)).expect("thirteen");
            block_on(read.read_to_end(&mut out)).expect("the rest");
            assert_eq!(out, all, "{piece}");
        }
    }

    #[test]
    fn a_stream_at_rest_holds_no_buffer() {
        let mut read = Lean::new(Pieces(vec![vec![1, 2], vec![3]], false));
        let mut two = [0; 2];
        block_on(read.read_exact(&mut two)).expect("two");
        assert!(block_on(poll_immediate(read.read_exact(&mut [0]))).is_none(), "nothing has come");
        assert_eq!(read.piece.capacity(), 0);
    }

    #[test]
    fn the_end_is_the_end() {
        let mut read = Lean::new(Cursor::new(vec![9]));
        let mut out = [0; 2];
        assert_eq!(block_on(read.read(&mut out)).expect("one"), 1);
        assert_eq!(block_on(read.read(&mut out)).expect("none"), 0);
    }
}
