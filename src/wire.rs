//! Bytes: the one reader and the one writer behind everything that is signed, sealed, sent or kept.
//!
//! Integers are big-endian, fields lie side by side in the order of the tables in docs/protocol.md, and nothing is
//! self-describing but the tagged [`Fields`] of a few content kinds. Hand-written, because a derive is not a
//! specification.
//!
//! The reader never reads past its input, never allocates more than is left to read, and compares every length with
//! its limit first. [`decode`] accepts only what [`Encode`] would have written: trailing bytes are an error, and a
//! type whose value could be written in two ways checks its own order (I13).
//!
//! Source: docs/protocol.md 3.0, 3.7 (frames), 3.4 (fields); invariant I13.

mod fields;

pub use fields::{Fields, FieldsWriter};

/// Why bytes are not what they should be. Always the fault of whoever sent them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ended inside a field.
    #[error("input ends {missing_bytes} bytes early")]
    Truncated {
        /// How many bytes the field still wanted.
        missing_bytes: usize,
    },
    /// Bytes were left over after the last field.
    #[error("{extra_bytes} bytes after the end")]
    Trailing {
        /// How many.
        extra_bytes: usize,
    },
    /// A length or count is above its limit.
    #[error("{what}: {actual} is more than {limit}")]
    TooMany {
        /// The field.
        what: &'static str,
        /// Its limit.
        limit: usize,
        /// What was claimed.
        actual: u64,
    },
    /// A version, variant or code that this program does not know.
    #[error("unknown {what}: {code}")]
    Unknown {
        /// The field.
        what: &'static str,
        /// The code found.
        code: u64,
    },
    /// The bytes are a second way to write something, or break a rule of their type.
    #[error("{what}")]
    Invalid {
        /// The rule that is broken.
        what: &'static str,
    },
}

/// Reads fields from the front of a byte slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(DecodeError::Truncated { missing_bytes: len.saturating_sub(self.rest.len()) }),
        }
    }

    /// Everything that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(DecodeError::Truncated { missing_bytes: N.saturating_sub(self.rest.len()) }),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    /// A byte that is 0 or 1.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] for any other byte.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid { what: "a yes or no is neither 0 nor 1" }),
        }
    }

    /// A big-endian u16.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A big-endian u32.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A big-endian u64.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Bytes behind a length of one byte, at most `limit`.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] above the limit, [`DecodeError::Truncated`] if fewer are left.
    pub fn bytes_u8(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let len = u64::from(self.u8()?);
        self.bounded(what, limit, len)
    }

    /// Bytes behind a length of two bytes, at most `limit`.
    ///
    /// # Errors
    /// As [`Reader::bytes_u8`].
    pub fn bytes_u16(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let len = u64::from(self.u16()?);
        self.bounded(what, limit, len)
    }

    /// Bytes behind a length of four bytes, at most `limit`.
    ///
    /// # Errors
    /// As [`Reader::bytes_u8`].
    pub fn bytes_u32(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let len = u64::from(self.u32()?);
        self.bounded(what, limit, len)
    }

    /// A count of at most `limit` things, each at least `each_len` bytes long: refused at once if the input cannot
    /// hold them, so that a count alone never makes anyone allocate.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`], [`DecodeError::Truncated`].
    pub fn count(
        &self,
        what: &'static str,
        count: u64,
        limit: usize,
        each_len: usize,
    ) -> Result<usize, DecodeError> {
        let too_many = DecodeError::TooMany { what, limit, actual: count };
        let count = usize::try_from(count).map_err(|_| too_many.clone())?;
        if count > limit {
            return Err(too_many);
        }
        let wanted = count.saturating_mul(each_len);
        if wanted > self.remaining() {
            return Err(DecodeError::Truncated { missing_bytes: wanted.saturating_sub(self.remaining()) });
        }
        Ok(count)
    }

    /// Text behind a length of two bytes, at most `limit` bytes of UTF-8.
    ///
    /// # Errors
    /// As [`Reader::bytes_u16`]; [`DecodeError::Invalid`] if it is not UTF-8.
    pub fn text_u16(&mut self, what: &'static str, limit: usize) -> Result<&'a str, DecodeError> {
        utf8(self.bytes_u16(what, limit)?)
    }

    /// Text behind a length of one byte, at most `limit` bytes of UTF-8.
    ///
    /// # Errors
    /// As [`Reader::text_u16`].
    pub fn text_u8(&mut self, what: &'static str, limit: usize) -> Result<&'a str, DecodeError> {
        utf8(self.bytes_u8(what, limit)?)
    }

    /// A value with a decoder of its own.
    ///
    /// # Errors
    /// Those of the value.
    pub fn value<T: Decode>(&mut self) -> Result<T, DecodeError> {
        T::decode_from(self)
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] if anything is left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra_bytes => Err(DecodeError::Trailing { extra_bytes }),
        }
    }

    fn bounded(&mut self, what: &'static str, limit: usize, len: u64) -> Result<&'a [u8], DecodeError> {
        let len = self.count(what, len, limit, 1)?;
        self.take(len)
    }
}

/// Bytes as UTF-8 text.
///
/// # Errors
/// [`DecodeError::Invalid`] if they are not.
pub fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::Invalid { what: "text is not UTF-8" })
}

/// Bytes that a value is given room for while it is written: most records fit, and none is moved again and again.
const ENCODE_ROOM: usize = 128;

/// Writes fields to the end of a buffer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub const fn new() -> Self {
        Self { out: Vec::new() }
    }

    /// An empty writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    /// Raw bytes, without a length.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    /// Yes as 1, no as 0.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// A big-endian u16.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// A big-endian u32.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// A big-endian u64.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Bytes behind a length of one byte.
    ///
    /// # Panics
    /// If there are more than 255: whoever writes has checked its own limit.
    pub fn bytes_u8(&mut self, bytes: &[u8]) -> &mut Self {
        let len = u8::try_from(bytes.len()).unwrap_or_else(|_| too_long(bytes.len()));
        self.u8(len).raw(bytes)
    }

    /// Bytes behind a length of two bytes.
    ///
    /// # Panics
    /// If there are more than 65,535.
    pub fn bytes_u16(&mut self, bytes: &[u8]) -> &mut Self {
        let len = u16::try_from(bytes.len()).unwrap_or_else(|_| too_long(bytes.len()));
        self.u16(len).raw(bytes)
    }

    /// Bytes behind a length of four bytes.
    ///
    /// # Panics
    /// If there are more than 2^32 - 1.
    pub fn bytes_u32(&mut self, bytes: &[u8]) -> &mut Self {
        let len = u32::try_from(bytes.len()).unwrap_or_else(|_| too_long(bytes.len()));
        self.u32(len).raw(bytes)
    }

    /// A value with an encoder of its own.
    pub fn value(&mut self, value: &impl Encode) -> &mut Self {
        value.encode_to(self);
        self
    }

    /// How many bytes were written.
    pub const fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    pub const fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.out
    }

    /// The buffer.
    pub fn into_vec(self) -> Vec<u8> {
        self.out
    }
}

#[expect(clippy::panic, reason = "our own value broke the limit that its constructor holds")]
fn too_long(len: usize) -> ! {
    panic!("{len} bytes do not fit the length field");
}

/// A value that is written in exactly one way.
pub trait Encode {
    /// Appends the bytes of the value.
    fn encode_to(&self, out: &mut Writer);

    /// The bytes of the value alone.
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(ENCODE_ROOM);
        self.encode_to(&mut out);
        out.into_vec()
    }
}

/// A value that can be read back.
pub trait Decode: Sized {
    /// Reads the value from the front of `input`.
    ///
    /// # Errors
    /// Whatever makes the bytes not this value.
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Reads a value that fills `bytes` exactly.
///
/// # Errors
/// Those of the value; [`DecodeError::Trailing`] if bytes are left.
pub fn decode<T: Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut input = Reader::new(bytes);
    let value = T::decode_from(&mut input)?;
    input.finish()?;
    Ok(value)
}

macro_rules! id_on_the_wire {
    ($($id:ident),*) => {$(
        impl Encode for crate::id::$id {
            fn encode_to(&self, out: &mut Writer) {
                out.raw(self.as_bytes());
            }
        }

        impl Decode for crate::id::$id {
            fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                input.array().map(Self::from_bytes)
            }
        }
    )*};
}

id_on_the_wire!(UserId, DeviceId, NodeId, EpochId, EntryId, BlobId, InviteId, ParcelId, SealId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reader_stops_at_the_end_of_its_input() {
        let mut input = Reader::new(&[1, 2, 3]);
        assert_eq!(input.u16(), Ok(0x0102));
        assert_eq!(input.u32(), Err(DecodeError::Truncated { missing_bytes: 3 }));
        assert_eq!(input.take(1), Ok([3].as_slice()));
        assert_eq!(input.finish(), Ok(()));
    }

    #[test]
    fn left_over_bytes_are_an_error() {
        assert_eq!(decode::<crate::id::SealId>(&[0; 9]), Err(DecodeError::Trailing { extra_bytes: 1 }));
    }

    #[test]
    fn a_length_is_compared_with_its_limit_before_anything_is_read() {
        let mut input = Reader::new(&[5, 1, 2]);
        assert_eq!(
            input.bytes_u8("name", 4),
            Err(DecodeError::TooMany { what: "name", limit: 4, actual: 5 })
        );
        let mut input = Reader::new(&[4, 1, 2]);
        assert_eq!(input.bytes_u8("name", 4), Err(DecodeError::Truncated { missing_bytes: 2 }));
    }

    #[test]
    fn a_count_that_the_input_cannot_hold_is_refused() {
        let input = Reader::new(&[0; 63]);
        assert!(input.count("ids", 2, 4096, 32).is_err());
        assert!(input.count("ids", u64::MAX, 4096, 32).is_err());
        assert_eq!(input.count("ids", 1, 4096, 32), Ok(1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(a: u8, b: u16, c: u32, d: u64, text in ".{0,20}", bytes: Vec<u8>) {
            let mut out = Writer::new();
            out.u8(a).u16(b).u32(c).u64(d).bytes_u8(text.as_bytes()).bytes_u32(&bytes);
            let buffer = out.into_vec();
            let mut input = Reader::new(&buffer);
            prop_assert_eq!(input.u8(), Ok(a));
            prop_assert_eq!(input.u16(), Ok(b));
            prop_assert_eq!(input.u32(), Ok(c));
            prop_assert_eq!(input.u64(), Ok(d));
            prop_assert_eq!(input.text_u8("text", 80), Ok(text.as_str()));
            prop_assert_eq!(input.bytes_u32("bytes", 1000), Ok(bytes.as_slice()));
            prop_assert_eq!(input.finish(), Ok(()));
        }
    }
}
