//! Lengths and limits in both directions, and fields that an older program keeps for a newer one.

use std::collections::BTreeMap;

use super::{WriteError, within};
use crate::wire::{DecodeError, Fields, FieldsWriter, Writer, utf8};

/// Fields of one value by tag: the known ones while it is written, the unknown ones while it is kept.
pub(super) type FieldMap = BTreeMap<u8, Vec<u8>>;

/// Text behind a length of two bytes. `limit` is below 2^16.
pub(super) fn put_u16(
    out: &mut Writer,
    what: &'static str,
    limit: usize,
    text: &str,
) -> Result<(), WriteError> {
    within(what, limit, text.len())?;
    out.bytes_u16(text.as_bytes());
    Ok(())
}

/// Text behind a length of one byte. `limit` is below 2^8.
pub(super) fn put_u8(
    out: &mut Writer,
    what: &'static str,
    limit: usize,
    text: &str,
) -> Result<(), WriteError> {
    within(what, limit, text.len())?;
    out.bytes_u8(text.as_bytes());
    Ok(())
}

/// A field that is nothing but text: absent when it is empty, and never present and empty.
pub(super) fn text_field(
    fields: &Fields<'_>,
    tag: u8,
    what: &'static str,
    limit: usize,
) -> Result<String, DecodeError> {
    let Some(bytes) = bytes_field(fields, tag, what, limit)? else { return Ok(String::new()) };
    utf8(bytes).map(str::to_owned)
}

/// The bytes of a field that is absent or not empty.
pub(super) fn bytes_field<'a>(
    fields: &Fields<'a>,
    tag: u8,
    what: &'static str,
    limit: usize,
) -> Result<Option<&'a [u8]>, DecodeError> {
    let Some(bytes) = fields.get(tag) else { return Ok(None) };
    if bytes.is_empty() {
        return Err(DecodeError::Invalid { what: "an empty field is written by leaving it out" });
    }
    if bytes.len() > limit {
        let actual = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        return Err(DecodeError::TooMany { what, limit, actual });
    }
    Ok(Some(bytes))
}

/// Adds a field that is nothing but text, unless it is empty.
pub(super) fn put_text_field(
    fields: &mut FieldMap,
    tag: u8,
    what: &'static str,
    limit: usize,
    text: &str,
) -> Result<(), WriteError> {
    within(what, limit, text.len())?;
    if !text.is_empty() {
        fields.insert(tag, text.as_bytes().to_vec());
    }
    Ok(())
}

/// The bytes of all fields, in ascending order of their tags.
pub(super) fn fields_to_vec(fields: &FieldMap) -> Vec<u8> {
    let mut out = FieldsWriter::new();
    for (tag, bytes) in fields {
        out.field(*tag, bytes);
    }
    out.into_vec()
}

/// The fields whose tags `is_known` does not know.
pub(super) fn unknown_fields(fields: &Fields<'_>, is_known: impl Fn(u8) -> bool) -> FieldMap {
    fields.iter().filter(|(tag, _)| !is_known(*tag)).map(|(tag, bytes)| (tag, bytes.to_vec())).collect()
}
