//! Lists that fill the rest of an item: ascending, none twice, never empty.

use std::collections::BTreeSet;

use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// A fixed-length member of a list.
pub(super) trait Member: Ord + Sized {
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError>;
    fn write(&self, out: &mut Writer);
}

impl<T: Encode + Decode + Ord> Member for T {
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_from(input)
    }

    fn write(&self, out: &mut Writer) {
        self.encode_to(out);
    }
}

/// A hide tag.
impl Member for [u8; 16] {
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.array()
    }

    fn write(&self, out: &mut Writer) {
        out.raw(self);
    }
}

/// Reads members until the item ends.
pub(super) fn list<T: Member>(input: &mut Reader<'_>) -> Result<BTreeSet<T>, DecodeError> {
    let mut members = BTreeSet::new();
    while input.remaining() > 0 {
        let member = T::read(input)?;
        ascends(members.last(), &member)?;
        members.insert(member);
    }
    if members.is_empty() { Err(DecodeError::Invalid { what: "a list of nothing" }) } else { Ok(members) }
}

/// Writes a list.
pub(super) fn write_list<'a, T: Member>(out: &'a mut Writer, members: &BTreeSet<T>) -> &'a mut Writer {
    members.iter().for_each(|member| member.write(out));
    out
}

/// Refuses a second form of the same list.
pub(super) fn ascends<T: Ord>(last: Option<&T>, next: &T) -> Result<(), DecodeError> {
    if last.is_some_and(|last| last >= next) {
        return Err(DecodeError::Invalid { what: "a list that does not ascend" });
    }
    Ok(())
}
