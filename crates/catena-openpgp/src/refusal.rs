// SPDX-License-Identifier: MPL-2.0
//! Why a signed text is refused. One variant per reason, each with a code that never changes.

use crate::time::UnixTime;

/// Why a text, a signature or a key does not count. Every reason is a rejection: none is an outage.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The text is larger than anything of that time.
    #[error("expected at most {limit} bytes, found {found}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// The size of the text.
        found: usize,
    },
    /// The text is no UTF-8, so no JSON either.
    #[error("expected UTF-8, found another byte at offset {offset}")]
    NotText {
        /// Where the first such byte is.
        offset: usize,
    },
    /// There is no cleartext block: plain JSON under the signed name, for example.
    #[error("expected a cleartext-signed message, found none")]
    Unsigned,
    /// Text stands before the block or behind it, where no signature covers it.
    #[error("expected nothing outside the signed block, found text in line {line}")]
    TextOutside {
        /// The line, from 1.
        line: usize,
    },
    /// There is a second block, or a second signature block.
    #[error("expected one signed block with one signature block, found another in line {line}")]
    SeveralBlocks {
        /// The line, from 1.
        line: usize,
    },
    /// A header other than `Hash`, in a place that no signature covers.
    #[error("expected only Hash headers, found another in line {line}")]
    Header {
        /// The line, from 1.
        line: usize,
    },
    /// No `Hash` header, which by RFC 4880 means MD5.
    #[error("expected a Hash header, found none, which stands for MD5")]
    NoHash,
    /// A line that starts with a dash and is not dash-escaped.
    #[error("expected a dash to be escaped as \"- -\", found a bare one in line {line}")]
    Dash {
        /// The line, from 1.
        line: usize,
    },
    /// The block ends before its signature does.
    #[error("expected a complete signed block, found its end missing")]
    Truncated,
    /// The signature's armour does not decode.
    #[error("expected an armoured signature: {reason}")]
    Armour {
        /// What was expected, and what was found.
        reason: &'static str,
    },
    /// The armour does not hold signatures and nothing else.
    #[error("expected signature packets only, found {found}")]
    Packets {
        /// What was found.
        found: String,
    },
    /// A signature of another version than 4.
    #[error("expected a version 4 signature, found version {found}")]
    SignatureVersion {
        /// The version.
        found: u8,
    },
    /// A signature that is meant for something else, such as a certification.
    #[error("expected a signature on a {expected}, found {found}")]
    SignatureType {
        /// What may be signed here.
        expected: &'static str,
        /// The type of the signature.
        found: String,
    },
    /// A digest that does not resist collisions.
    #[error("expected SHA256, SHA384 or SHA512, found {found}")]
    Digest {
        /// The digest's name.
        found: String,
    },
    /// The signature uses a digest that the `Hash` headers do not name.
    #[error("expected the signature's digest {found} among the Hash headers, found it missing")]
    DigestUnnamed {
        /// The digest's name.
        found: String,
    },
    /// A subpacket that is marked critical and has no meaning here.
    #[error("expected no critical subpacket without meaning here, found {found}")]
    Critical {
        /// The kind of subpacket.
        found: String,
    },
    /// An unsigned claim beside the signature, other than who issued it.
    #[error("expected nothing unsigned but the issuer, found {found}")]
    Unhashed {
        /// The kind of subpacket.
        found: String,
    },
    /// The signature does not say who made it.
    #[error("expected a signature that names its issuer, found none")]
    NoIssuer,
    /// No key in force made the signature.
    #[error("expected a signature by a key in force, found only {found}")]
    UnknownSigner {
        /// The issuers that the signatures name.
        found: String,
    },
    /// More than one signature is good.
    #[error("expected one good signature, found {found}")]
    SeveralSignatures {
        /// How many are good.
        found: usize,
    },
    /// The signature does not fit the text: one of the two was changed.
    #[error("expected a signature over this text by {signer}, found one over something else")]
    Wrong {
        /// The key that it names.
        signer: String,
    },
    /// The signature was made outside the run.
    #[error("expected a signature made from {earliest} to {latest}, found {found}")]
    OutsideRun {
        /// The first time that counts.
        earliest: UnixTime,
        /// The last time that counts.
        latest: UnixTime,
        /// The signature's own time.
        found: UnixTime,
    },
    /// The signature itself has expired.
    #[error("expected a signature that holds at {at}, found one that has expired")]
    SignatureExpired {
        /// The time it is judged at.
        at: UnixTime,
    },
    /// A key file that cannot be used.
    #[error("{path}: expected one public key, found {found}")]
    KeyFile {
        /// The file.
        path: String,
        /// What was found.
        found: String,
    },
    /// Not an RSA key.
    #[error("expected an RSA key, found {found} in {key}")]
    KeyAlgorithm {
        /// The key's fingerprint.
        key: String,
        /// Its algorithm.
        found: String,
    },
    /// A short RSA key.
    #[error("expected an RSA key of 2048 bits or more, found {found} in {key}")]
    KeyShort {
        /// The key's fingerprint.
        key: String,
        /// Its size in bits.
        found: usize,
    },
    /// The key carries a revocation of any kind.
    #[error("expected a key without revocations, found one in {key}")]
    KeyRevoked {
        /// The key's fingerprint.
        key: String,
    },
    /// The key is not yet, or no longer, valid.
    #[error("expected key {key} to be alive at {at}, found that it was not")]
    KeyNotAlive {
        /// The key's fingerprint.
        key: String,
        /// The time it is judged at.
        at: UnixTime,
    },
    /// The key does not hold together: no good self-signature, or a subkey without its binding.
    #[error("expected key {key} to be valid at {at}: {reason}")]
    KeyInvalid {
        /// The key's fingerprint.
        key: String,
        /// The time it is judged at.
        at: UnixTime,
        /// What is wrong.
        reason: String,
    },
    /// No trusted key certified the worker's key.
    #[error("expected a certification of {key} by a trusted key, found none that holds at {at}")]
    Uncertified {
        /// The key's fingerprint.
        key: String,
        /// The time it is judged at.
        at: UnixTime,
    },
    /// The key belongs to another kind of worker.
    #[error("expected a key of {expected}, found {key} among those of {found}")]
    Family {
        /// The kind of worker that the task needs.
        expected: String,
        /// The key's fingerprint or id.
        key: String,
        /// The kind it belongs to.
        found: String,
    },
    /// The key was in force at another time, not at the run's.
    #[error("expected a key in force at tag {tag}, found {key} only at other tags")]
    NotInForce {
        /// The tag in force.
        tag: String,
        /// The key's fingerprint or id.
        key: String,
    },
}

impl Refusal {
    /// Returns the stable code of the reason, as findings and vectors name it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "pgp-too-large",
            Self::NotText { .. } => "pgp-not-text",
            Self::Unsigned => "pgp-unsigned",
            Self::TextOutside { .. } => "pgp-text-outside",
            Self::SeveralBlocks { .. } => "pgp-several-blocks",
            Self::Header { .. } => "pgp-header",
            Self::NoHash => "pgp-no-hash",
            Self::Dash { .. } => "pgp-dash",
            Self::Truncated => "pgp-truncated",
            Self::Armour { .. } => "pgp-armour",
            Self::Packets { .. } => "pgp-packets",
            Self::SignatureVersion { .. } => "pgp-signature-version",
            Self::SignatureType { .. } => "pgp-signature-type",
            Self::Digest { .. } => "pgp-digest",
            Self::DigestUnnamed { .. } => "pgp-digest-unnamed",
            Self::Critical { .. } => "pgp-critical",
            Self::Unhashed { .. } => "pgp-unhashed",
            Self::NoIssuer => "pgp-no-issuer",
            Self::UnknownSigner { .. } => "pgp-unknown-signer",
            Self::SeveralSignatures { .. } => "pgp-several-signatures",
            Self::Wrong { .. } => "pgp-wrong-signature",
            Self::OutsideRun { .. } => "pgp-outside-run",
            Self::SignatureExpired { .. } => "pgp-signature-expired",
            Self::KeyFile { .. } => "pgp-key-file",
            Self::KeyAlgorithm { .. } => "pgp-key-algorithm",
            Self::KeyShort { .. } => "pgp-key-short",
            Self::KeyRevoked { .. } => "pgp-key-revoked",
            Self::KeyNotAlive { .. } => "pgp-key-not-alive",
            Self::KeyInvalid { .. } => "pgp-key-invalid",
            Self::Uncertified { .. } => "pgp-uncertified",
            Self::Family { .. } => "pgp-family",
            Self::NotInForce { .. } => "pgp-not-in-force",
        }
    }
}
