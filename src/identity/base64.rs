//! Base64url without padding (RFC 4648 §5), read strictly: one text for each byte string.
//!
//! Padding, other alphabets, white space, a length that no bytes have, and bits beyond the last byte that are not
//! zero are all refused, so that a link is either exactly what was made or damaged.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(4).div_ceil(3));
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        // Two, three or four digits stand for one, two or three bytes.
        let bits = bits << 3_usize.saturating_sub(chunk.len()).saturating_mul(8);
        for shift in [18, 12, 6, 0].into_iter().take(chunk.len().saturating_add(1)) {
            let digit = usize::try_from(bits >> shift & 0x3f).unwrap_or(0);
            text.push(ALPHABET.get(digit).copied().map_or('A', char::from));
        }
    }
    text
}

/// The bytes of `text`, or `None` if it is not what [`encode`] writes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len().saturating_mul(3) / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for digit in chunk {
            bits = bits << 6 | value(*digit)?;
        }
        let unused = 4_usize.saturating_sub(chunk.len());
        let [_, group @ ..] = (bits << unused.saturating_mul(6)).to_be_bytes();
        // One digit alone is less than a byte.
        let whole = match chunk.len() {
            2 => 1,
            3 => 2,
            4 => 3,
            _ => return None,
        };
        let (kept, beyond) = group.split_at_checked(whole)?;
        if beyond.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let at = ALPHABET.iter().position(|known| *known == digit)?;
    u32::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_rfc_4648_come_out_without_padding() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(encode(&[0xfb, 0xff, 0xbf]), "-_-_");
    }

    #[test]
    fn a_second_way_to_write_the_same_is_refused() {
        for text in ["Zg==", "Zg=", "Zh", "Zm9=", "Zm8 ", " Zm8", "Zm9", "+/+/", "Z", "Zm9vY", "Zm8\n", "Zé"]
        {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn what_is_read_is_what_would_be_written(text in "[A-Za-z0-9_-]{0,12}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
