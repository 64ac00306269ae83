// SPDX-License-Identifier: MPL-2.0
//! The armour around a signature: base64 between two lines, with a checksum (RFC 4880 §6).
//!
//! Stricter than the standard, because nobody signs these lines: the headers `Version` and `Comment` alone, one
//! blank line, no blanks inside, the checksum present and right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::refusal::Refusal;

/// The line that begins a signature.
pub const BEGIN: &str = "-----BEGIN PGP SIGNATURE-----";
/// The line that ends it.
pub const END: &str = "-----END PGP SIGNATURE-----";

/// Takes the lines between [`BEGIN`] and [`END`], returns the bytes that they encode.
///
/// # Errors
/// [`Refusal::Armour`] says which rule they break.
pub fn decode<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, Refusal> {
    let mut lines = lines.into_iter();
    loop {
        match lines.next() {
            Some("") => break,
            Some(line) if line.starts_with("Version: ") || line.starts_with("Comment: ") => {}
            _ => return refuse("its headers are Version and Comment, and a blank line ends them"),
        }
    }
    let mut encoded = String::new();
    for line in lines.by_ref() {
        if let Some(sum) = line.strip_prefix('=') {
            let bytes = STANDARD.decode(&encoded).ok();
            let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
                return refuse("its lines are base64");
            };
            let sum = STANDARD.decode(sum).unwrap_or_default();
            return match (sum == checksum(&bytes), lines.next()) {
                (true, None) => Ok(bytes),
                (true, Some(_)) => refuse("nothing follows its checksum"),
                (false, _) => refuse("its checksum fits"),
            };
        }
        if line.is_empty() || line.len() > LINE {
            return refuse("its lines have 1 to 76 characters");
        }
        encoded.push_str(line);
    }
    refuse("it ends with a checksum")
}

/// Takes bytes, returns the whole armoured signature, with a line end behind it.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut text = format!("{BEGIN}\n\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(WRITTEN_LINE));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push('=');
    text.push_str(&STANDARD.encode(checksum(bytes)));
    text.push('\n');
    text.push_str(END);
    text.push('\n');
    text
}

const fn refuse<T>(reason: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Armour { reason })
}

/// The CRC-24 of RFC 4880 §6.1, big-endian.
fn checksum(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00B7_04CE;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4CFB;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

/// The longest line that RFC 4880 §6.3 allows.
const LINE: usize = 76;
/// The length that GnuPG writes.
const WRITTEN_LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, Refusal> {
        let inner: Vec<&str> = text
            .lines()
            .filter(|line| *line != BEGIN && *line != END)
            .collect();
        decode(inner)
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same_bytes() {
        for size in [1, 2, 3, 47, 48, 49, 500] {
            let bytes: Vec<u8> = (0..=255_u8).cycle().take(size).collect();
            assert_eq!(read(&encode(&bytes)).unwrap(), bytes, "{size}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // CRC-24/OPENPGP's check value
        assert_eq!(checksum(b"123456789"), [0x21, 0xCF, 0x02]);
    }

    #[test]
    fn armour_that_is_not_exact_is_refused() {
        for text in [
            "\nAAAA\n",
            "AAAA\n=xxxx",
            "Hash: SHA1\n\nAAAA\n=AAAA",
            "\n\nAAAA\n=",
            "\n=twTO",
            "\nAA AA\n=twTO",
            "\nAAAA\n=AAAA",
            "\nAAAA\n\n=AAAA",
        ] {
            assert_eq!(read(text).unwrap_err().code(), "pgp-armour", "{text:?}");
        }
        let good = encode(b"text");
        assert!(read(&good).is_ok());
        assert_eq!(
            read(&format!("{good}\nAAAA")).unwrap_err().code(),
            "pgp-armour"
        );
    }
}
