// SPDX-License-Identifier: MPL-2.0
//! Cleartext-signed messages (RFC 4880 §7), read by the rules of legacy.md §2.1.
//!
//! One function turns bytes into the text that the signature covers, so nobody can verify one text and read
//! another: `gpg` was run twice for that, once to verify and once to extract. What cannot be read in exactly one
//! way is refused: a second block, text outside, headers other than `Hash`, bare dashes.

use crate::armour;
use crate::refusal::Refusal;

/// A digest that counts. MD5, SHA1, RIPEMD160 and whatever else there is does not (legacy.md §2.1, rule 3).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// Returns the name in a `Hash` header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }

    fn parse(name: &str) -> Result<Self, Refusal> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|digest| digest.name() == name)
            .ok_or_else(|| Refusal::Digest {
                found: format!("{:?}", shortened(name)),
            })
    }
}

/// A message whose form is right. Nothing in it is verified yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clear {
    /// The text as readers see it: dashes unescaped, blanks at line ends gone, lines joined by `\n`.
    pub(crate) payload: String,
    /// The same text as it was signed: lines joined by CR LF.
    pub(crate) signed: Vec<u8>,
    /// The digests that the headers name.
    pub(crate) digests: Vec<Digest>,
    /// The signature block's packets.
    pub(crate) packets: Vec<u8>,
}

impl Clear {
    /// The text without its proof: to route by, never to rely on.
    #[must_use]
    pub fn claims(&self) -> &str {
        &self.payload
    }
}

/// Takes a whole `chainOfTrust.json.asc`, returns its parts (legacy.md §2.1, rules 1 and 4).
///
/// # Errors
/// A [`Refusal`] for everything but exactly one block with exactly one signature block.
pub fn parse(bytes: &[u8]) -> Result<Clear, Refusal> {
    if bytes.len() > MAX_TEXT {
        return Err(Refusal::TooLarge {
            limit: MAX_TEXT,
            found: bytes.len(),
        });
    }
    let text = str::from_utf8(bytes).map_err(|error| Refusal::NotText {
        offset: error.valid_up_to(),
    })?;
    let mut lines = Lines::new(text);
    begin(&mut lines)?;
    let digests = headers(&mut lines)?;
    let body = body(&mut lines)?;
    let packets = armour::decode(signature(&mut lines)?)?;
    end(&mut lines)?;
    Ok(Clear {
        payload: body.join("\n"),
        signed: body.join("\r\n").into_bytes(),
        digests,
        packets,
    })
}

/// Takes a text, returns its lines as they are signed: without blanks at their ends, and without the last line end.
#[cfg(feature = "openpgp")]
pub(crate) fn canonical(text: &str) -> Vec<&str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(trimmed).collect()
}

/// Skips to behind the line that begins the block.
fn begin(lines: &mut Lines<'_>) -> Result<(), Refusal> {
    let mut outside = None;
    for (number, line) in lines.by_ref() {
        if line == BEGIN {
            return outside.map_or(Ok(()), |line| Err(Refusal::TextOutside { line }));
        }
        if outside.is_none() && !is_blank(line) {
            outside = Some(number);
        }
    }
    Err(Refusal::Unsigned)
}

/// Reads the headers and the blank line behind them.
fn headers(lines: &mut Lines<'_>) -> Result<Vec<Digest>, Refusal> {
    let mut digests = Vec::new();
    for (number, line) in lines.by_ref() {
        if line.is_empty() {
            return match digests.is_empty() {
                true => Err(Refusal::NoHash),
                false => Ok(digests),
            };
        }
        let names = line
            .strip_prefix("Hash: ")
            .ok_or(Refusal::Header { line: number })?;
        for name in names.split(',') {
            digests.push(Digest::parse(name.trim_matches(' '))?);
        }
    }
    Err(Refusal::Truncated)
}

/// Reads the signed lines, up to and with the line that begins the signature.
fn body<'a>(lines: &mut Lines<'a>) -> Result<Vec<&'a str>, Refusal> {
    let mut body = Vec::new();
    for (number, line) in lines.by_ref() {
        if line == armour::BEGIN {
            return Ok(body);
        }
        let text = match line.strip_prefix("- ") {
            Some(escaped) => escaped,
            None if line == BEGIN => return Err(Refusal::SeveralBlocks { line: number }),
            None if line.starts_with('-') => return Err(Refusal::Dash { line: number }),
            None => line,
        };
        body.push(trimmed(text));
    }
    Err(Refusal::Truncated)
}

/// Reads the lines of the signature, and the line that ends it.
fn signature<'a>(lines: &mut Lines<'a>) -> Result<Vec<&'a str>, Refusal> {
    let mut armoured = Vec::new();
    for (_, line) in lines.by_ref() {
        if line == armour::END {
            return Ok(armoured);
        }
        armoured.push(line);
    }
    Err(Refusal::Truncated)
}

/// Reads what follows: blanks, or nothing.
fn end(lines: &mut Lines<'_>) -> Result<(), Refusal> {
    match lines.find(|(_, line)| !is_blank(line)) {
        None => Ok(()),
        Some((line, text)) if text.starts_with("-----BEGIN PGP ") => {
            Err(Refusal::SeveralBlocks { line })
        }
        Some((line, _)) => Err(Refusal::TextOutside { line }),
    }
}

/// Lines with their numbers, from 1; a CR before the line end is not part of them.
struct Lines<'a> {
    rest: std::iter::Enumerate<std::str::Split<'a, char>>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.split('\n').enumerate(),
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, line) = self.rest.next()?;
        Some((
            index.saturating_add(1),
            line.strip_suffix('\r').unwrap_or(line),
        ))
    }
}

fn trimmed(line: &str) -> &str {
    line.trim_end_matches([' ', '\t', '\r'])
}

fn is_blank(line: &str) -> bool {
    trimmed(line).is_empty()
}

/// Names from outside are shown, not repeated at length.
fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}

/// The line that begins a cleartext-signed message.
pub(crate) const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";

/// Documents of that time have a few hundred kilobytes at most.
const MAX_TEXT: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        let armoured = armour::encode(b"packets");
        format!("{BEGIN}\nHash: SHA512\n\n{body}\n{armoured}")
    }

    fn code(text: &str) -> &'static str {
        parse(text.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn the_signed_text_has_no_escapes_no_blanks_at_line_ends_and_no_last_line_end() {
        let clear = parse(message("{ \t\n- -1,\n- plain\r\n}").as_bytes()).unwrap();
        assert_eq!(clear.payload, "{\n-1,\nplain\n}");
        assert_eq!(clear.signed, b"{\r\n-1,\r\nplain\r\n}");
        assert_eq!(clear.digests, [Digest::Sha512]);
        assert_eq!(clear.packets, b"packets");
    }

    #[test]
    fn blanks_outside_and_carriage_returns_are_no_matter() {
        let text = format!(" \n\t\r\n{}\n \n\r\n", message("{}")).replace('\n', "\r\n");
        assert_eq!(parse(text.as_bytes()).unwrap().payload, "{}");
    }

    #[test]
    fn text_outside_is_refused() {
        assert_eq!(
            code(&format!("{{}}\n{}", message("{}"))),
            "pgp-text-outside"
        );
        assert_eq!(code(&format!("{}{{}}", message("{}"))), "pgp-text-outside");
        assert_eq!(
            code(&format!("\u{c}\n{}", message("{}"))),
            "pgp-text-outside"
        );
    }

    #[test]
    fn a_second_block_of_any_kind_is_refused() {
        let one = message("{}");
        assert_eq!(code(&format!("{one}{one}")), "pgp-several-blocks");
        assert_eq!(
            code(&format!("{one}{}", armour::encode(b"x"))),
            "pgp-several-blocks"
        );
        assert_eq!(
            code(&message(&format!("{BEGIN}\nHash: SHA512\n\n{{}}"))),
            "pgp-several-blocks"
        );
    }

    #[test]
    fn only_hash_headers_with_good_digests_are_read() {
        let with = |headers: &str| message("{}").replace("Hash: SHA512\n", headers);
        assert_eq!(code(&with("")), "pgp-no-hash");
        assert_eq!(code(&with("Hash: SHA512\nComment: hello\n")), "pgp-header");
        assert_eq!(code(&with("NotDashEscaped: yes\n")), "pgp-header");
        assert_eq!(code(&with("Hash: SHA512\n \n")), "pgp-header");
        for name in [
            "MD5",
            "SHA1",
            "RIPEMD160",
            "SHA224",
            "sha512",
            "",
            "SHA512,",
        ] {
            assert_eq!(
                code(&with(&format!("Hash: {name}\n"))),
                "pgp-digest",
                "{name}"
            );
        }
        let both = parse(with("Hash: SHA256, SHA512\nHash: SHA384\n").as_bytes()).unwrap();
        assert_eq!(
            both.digests,
            [Digest::Sha256, Digest::Sha512, Digest::Sha384]
        );
    }

    #[test]
    fn bare_dashes_are_refused() {
        for line in [
            "-1",
            "-",
            "--",
            "-----BEGIN PGP SIGNATURE----",
            "-----END PGP SIGNATURE-----",
        ] {
            assert_eq!(code(&message(line)), "pgp-dash", "{line}");
        }
    }

    #[test]
    fn plain_json_is_unsigned_and_a_cut_block_is_truncated() {
        assert_eq!(code("{}\n"), "pgp-unsigned");
        assert_eq!(code(""), "pgp-unsigned");
        let whole = message("{}");
        let lines: Vec<&str> = whole.lines().collect();
        for count in 1..lines.len() {
            assert_eq!(code(&lines[..count].join("\n")), "pgp-truncated", "{count}");
        }
    }

    #[test]
    fn what_is_no_text_or_too_much_is_refused() {
        assert_eq!(parse(b"\xff").unwrap_err().code(), "pgp-not-text");
        assert_eq!(code(&" ".repeat(MAX_TEXT + 1)), "pgp-too-large");
    }
}
