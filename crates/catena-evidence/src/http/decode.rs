// SPDX-License-Identifier: MPL-2.0
//! Undoes the content coding that the header names, one layer, while streaming (S15, V44).

use std::io::{self, Write as _};

use catena_core::document::ErrorKind;
use flate2::write::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use super::classify::Failure;
use crate::spool::{Intake, IntakeError, Kept};

/// What we can decode, as `Accept-Encoding` says it: what the workers that store artifacts use.
pub(crate) const ACCEPTED: &str = "gzip";

/// A content coding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    Gzip,
    Identity,
}

impl Coding {
    /// Reads the coding of an answer; a name or file type never matters.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return match headers.get(CONTENT_ENCODING) {
                None => Ok(Self::Identity),
                Some(_) => Err(Failure::passing(
                    ErrorKind::Malformed,
                    "several content codings",
                )),
            };
        };
        match value
            .to_str()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            other => {
                let shown: String = other.chars().take(40).collect();
                Err(Failure::passing(
                    ErrorKind::Malformed,
                    format!("expected content coding {ACCEPTED}, found {shown:?}"),
                ))
            }
        }
    }
}

/// Decodes into an intake.
#[derive(Debug)]
pub(crate) enum Decoder {
    Gzip(Box<MultiGzDecoder<Intake>>),
    Identity(Box<Intake>),
}

impl Decoder {
    pub(crate) fn new(coding: Coding, intake: Intake) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(intake))),
            Coding::Identity => Self::Identity(Box::new(intake)),
        }
    }

    /// Takes the next piece as received.
    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Gzip(decoder) => decoder.write_all(piece).map_err(|e| undecodable(&e)),
            Self::Identity(intake) => intake.push(piece).map_err(|e| Failure::intake(&e)),
        }
    }

    /// Ends the body: checksums and end marks must be there.
    pub(crate) fn finish(self) -> Result<Kept, Failure> {
        let intake = match self {
            Self::Gzip(decoder) => decoder.finish().map_err(|e| undecodable(&e))?,
            Self::Identity(intake) => *intake,
        };
        intake.finish().map_err(|e| Failure::intake(&e))
    }
}

fn undecodable(error: &io::Error) -> Failure {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<IntakeError>())
    {
        Some(own) => Failure::intake(own),
        None => Failure::passing(ErrorKind::Malformed, format!("content coding: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::Compression;
    use flate2::read::GzEncoder;

    use super::*;
    use crate::spool::{Form, Spool};

    fn decode(coding: Coding, wire: &[u8], cap: u64) -> Result<Vec<u8>, Failure> {
        let origin = "test".into();
        let mut decoder =
            Decoder::new(coding, Spool::in_memory().intake(Form::Bytes, cap, &origin));
        for piece in wire.chunks(7) {
            decoder.write(piece)?;
        }
        let Kept::Bytes(bytes) = decoder.finish()? else {
            panic!()
        };
        Ok(bytes.to_vec())
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        GzEncoder::new(plain, Compression::default())
            .read_to_end(&mut wire)
            .unwrap();
        wire
    }

    #[test]
    fn one_layer_is_undone_s15() {
        let plain = b"{\"a\": 1}".repeat(100);
        let wire = gzip(&plain);
        assert_eq!(decode(Coding::Gzip, &wire, 1000).unwrap(), plain);
        assert_eq!(decode(Coding::Identity, &wire, 1000).unwrap(), wire);
        assert_eq!(decode(Coding::Gzip, &gzip(&wire), 1000).unwrap(), wire);
        assert_eq!(
            decode(Coding::Gzip, &[wire.clone(), wire].concat(), 2000)
                .unwrap()
                .len(),
            1600
        );
    }

    #[test]
    fn damaged_codings_are_no_document_p7() {
        let wire = gzip(&b"chain of trust".repeat(50));
        for cut in 0..wire.len() {
            let failure = decode(Coding::Gzip, &wire[..cut], 1000).unwrap_err();
            assert_eq!(
                failure.kind,
                ErrorKind::Malformed,
                "{cut} of {}",
                wire.len()
            );
        }
        let mut flipped = wire.clone();
        let crc = flipped.len() - 6;
        flipped[crc] ^= 1;
        assert_eq!(
            decode(Coding::Gzip, &flipped, 1000).unwrap_err().kind,
            ErrorKind::Malformed
        );
        let trailing = [&wire[..], b"junk"].concat();
        assert_eq!(
            decode(Coding::Gzip, &trailing, 1000).unwrap_err().kind,
            ErrorKind::Malformed
        );
    }

    #[test]
    fn a_bomb_meets_the_cap_on_decoded_bytes_s15() {
        let wire = gzip(&vec![0; 10 << 20]);
        assert!(wire.len() < 20_000);
        let failure = decode(Coding::Gzip, &wire, 1 << 20).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::TooLarge);
    }

    #[test]
    fn codings_are_read_from_the_header_only_s15() {
        let headers = |values: &[&str]| {
            values
                .iter()
                .map(|v| (CONTENT_ENCODING, v.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        assert_eq!(Coding::of(&headers(&[])).unwrap(), Coding::Identity);
        assert_eq!(Coding::of(&headers(&["GZIP"])).unwrap(), Coding::Gzip);
        for bad in [
            &["gzip, gzip"][..],
            &["gzip", "gzip"],
            &["br"],
            &["deflate"],
            &["snappy"],
            &["gzip;q=1"],
        ] {
            assert_eq!(
                Coding::of(&headers(bad)).unwrap_err().kind,
                ErrorKind::Malformed,
                "{bad:?}"
            );
        }
    }
}
