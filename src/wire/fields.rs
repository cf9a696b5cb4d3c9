//! Tagged fields: the only self-describing bytes of the format, for content that later releases add to.
//!
//! # Layout
//! `{tag 1 ‖ len u32 ‖ bytes}*`, tags ascending, none twice. An unknown tag is kept and ignored, so that an older
//! program passes on what a newer one wrote.
//!
//! Source: docs/protocol.md 3.4.

use super::{DecodeError, Reader, Writer};

/// The decoded fields of one value: tag and bytes, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields<'a> {
    fields: Vec<(u8, &'a [u8])>,
}

impl<'a> Fields<'a> {
    /// Reads fields until `input` ends.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] if tags do not ascend, [`DecodeError::Truncated`] if a field is cut short.
    pub fn decode(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(input);
        let mut fields: Vec<(u8, &'a [u8])> = Vec::new();
        while input.remaining() > 0 {
            let tag = input.u8()?;
            let left = input.remaining();
            let bytes = input.bytes_u32("field", left)?;
            if fields.last().is_some_and(|(last, _)| *last >= tag) {
                return Err(DecodeError::Invalid { what: "field tags do not ascend" });
            }
            fields.push((tag, bytes));
        }
        Ok(Self { fields })
    }

    /// The bytes of a field, if it is there.
    pub fn get(&self, tag: u8) -> Option<&'a [u8]> {
        self.fields
            .binary_search_by_key(&tag, |(tag, _)| *tag)
            .ok()
            .and_then(|at| self.fields.get(at))
            .map(|f| f.1)
    }

    /// All fields in ascending order of their tags.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + '_ {
        self.fields.iter().copied()
    }
}

/// Writes fields in ascending order.
#[derive(Debug, Default)]
pub struct FieldsWriter {
    out: Writer,
    last: Option<u8>,
}

impl FieldsWriter {
    /// No fields yet.
    pub const fn new() -> Self {
        Self { out: Writer::new(), last: None }
    }

    /// Adds a field.
    ///
    /// # Panics
    /// If tags do not ascend: the order stands in the code that calls, not in data.
    pub fn field(&mut self, tag: u8, bytes: &[u8]) -> &mut Self {
        assert!(self.last.is_none_or(|last| last < tag), "field tags must ascend");
        self.last = Some(tag);
        self.out.u8(tag).bytes_u32(bytes);
        self
    }

    /// Adds a field unless its bytes are empty: an absent field and an empty one are written the same way.
    pub fn field_unless_empty(&mut self, tag: u8, bytes: &[u8]) -> &mut Self {
        if !bytes.is_empty() {
            self.field(tag, bytes);
        }
        self
    }

    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        self.out.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = FieldsWriter::new();
        for (tag, bytes) in fields {
            out.field(*tag, bytes);
        }
        out.into_vec()
    }

    #[test]
    fn fields_are_found_by_tag_and_unknown_ones_are_kept() {
        let bytes = written(&[(1, b"a"), (7, b""), (200, b"later")]);
        let fields = Fields::decode(&bytes).expect("fields");
        assert_eq!(fields.get(1), Some(b"a".as_slice()));
        assert_eq!(fields.get(7), Some(b"".as_slice()));
        assert_eq!(fields.get(2), None);
        assert_eq!(fields.iter().count(), 3);
    }

    #[test]
    fn a_tag_twice_or_out_of_order_is_refused() {
        let twice = [written(&[(1, b"a")]), written(&[(1, b"b")])].concat();
        let descending = [written(&[(2, b"a")]), written(&[(1, b"b")])].concat();
        assert!(Fields::decode(&twice).is_err());
        assert!(Fields::decode(&descending).is_err());
    }

    #[test]
    fn a_field_that_is_cut_short_is_refused() {
        let mut bytes = written(&[(1, b"abc")]);
        bytes.pop();
        assert!(Fields::decode(&bytes).is_err());
        assert!(Fields::decode(&[1, 0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
