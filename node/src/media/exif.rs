//! Writes a small EXIF block: maker, orientation, place.
//!
//! Why would a program that removes EXIF write it? So that the demo pictures ([`super::sample`]) and
//! the tests start from what a phone really makes, and "nothing of it is left" is shown on them.
//!
//! The idea: a TIFF header, one directory with the maker, the orientation and a pointer, and one
//! GPS directory with latitude and longitude as degrees, minutes and seconds.
//!
//! What it does not do: read (the pipeline finds the block with `probe`, and the orientation in it with
//! the image crate), or write any other tag.
//!
//! Source: Exif 2.32, 4.6.2 to 4.6.6; TIFF 6.0, section 2.

/// Who made the invented camera. Long enough to be searched for in an output.
pub const MAKER: &str = "Tidings demo camera\0";

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

/// A block in which everything lies where its directory says, little-endian.
///
/// `orientation` is 1 to 8 in a proper file; others are written as they are. Latitude and longitude
/// are in degrees, north and east positive.
pub fn block(orientation: u16, latitude: f64, longitude: f64) -> Vec<u8> {
    const ENTRY_LEN: u32 = 12;
    const MAIN_AT: u32 = 8;
    const MAIN_ENTRIES: u16 = 3;
    const GPS_ENTRIES: u16 = 4;
    let directory_len = |entries: u16| 2 + u32::from(entries) * ENTRY_LEN + 4;
    let gps_at = MAIN_AT + directory_len(MAIN_ENTRIES);
    let maker_at = gps_at + directory_len(GPS_ENTRIES);
    let maker_len = MAKER.bytes().map(|_| 1).sum::<u32>();
    let latitude_at = maker_at + maker_len;
    let longitude_at = latitude_at + 24;

    let mut out = Vec::new();
    out.extend_from_slice(b"II*\0");
    out.extend_from_slice(&MAIN_AT.to_le_bytes());
    out.extend_from_slice(&MAIN_ENTRIES.to_le_bytes());
    entry(&mut out, 0x010F, ASCII, maker_len, maker_at.to_le_bytes());
    entry(&mut out, 0x0112, SHORT, 1, u32::from(orientation).to_le_bytes());
    entry(&mut out, 0x8825, LONG, 1, gps_at.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&GPS_ENTRIES.to_le_bytes());
    entry(&mut out, 1, ASCII, 2, [if latitude < 0.0 { b'S' } else { b'N' }, 0, 0, 0]);
    entry(&mut out, 2, RATIONAL, 3, latitude_at.to_le_bytes());
    entry(&mut out, 3, ASCII, 2, [if longitude < 0.0 { b'W' } else { b'E' }, 0, 0, 0]);
    entry(&mut out, 4, RATIONAL, 3, longitude_at.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(MAKER.as_bytes());
    for degrees in [latitude.abs(), longitude.abs()] {
        let minutes = degrees.fract() * 60.0;
        let hundredths = minutes.fract() * 6000.0;
        for (value, divisor) in [(degrees.floor(), 1u32), (minutes.floor(), 1), (hundredths.round(), 100)] {
            // A float of this size converts exactly; out of range it saturates, which is fine here.
            out.extend_from_slice(&(value as u32).to_le_bytes());
            out.extend_from_slice(&divisor.to_le_bytes());
        }
    }
    out
}

fn entry(out: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: [u8; 4]) {
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pointer_lands_inside_the_block_and_on_its_value() {
        let bytes = block(6, -33.5, 18.25);
        let u16_at = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let gps_at = u32_at(10 + 24 + 8) as usize;
        assert_eq!((u16_at(8), u16_at(gps_at)), (3, 4));
        let maker_at = u32_at(10 + 8) as usize;
        assert_eq!(&bytes[maker_at..maker_at + MAKER.len()], MAKER.as_bytes());
        assert_eq!(bytes[gps_at + 2 + 8], b'S');
        let latitude_at = u32_at(gps_at + 2 + 12 + 8) as usize;
        let latitude = [0, 4, 8, 12, 16, 20].map(|offset| u32_at(latitude_at + offset));
        assert_eq!(latitude, [33, 1, 30, 1, 0, 100]);
        assert_eq!(latitude_at + 48, bytes.len());
    }
}
