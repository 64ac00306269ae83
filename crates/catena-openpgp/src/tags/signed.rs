// SPDX-License-Identifier: MPL-2.0
//! One tag object: its headers, and who signed it.

use gix::ObjectId;
use gix::objs::Kind;

use super::TagsError;
use super::objects::{Objects, broken};
use crate::armour;
use crate::keys::KeySet;
use crate::time::{Moment, UnixTime};
use crate::verify::verify_detached;

/// A tag whose signature is good.
pub(super) struct SignedTag {
    pub(super) name: String,
    pub(super) date: UnixTime,
    pub(super) object: ObjectId,
    pub(super) commit: ObjectId,
    pub(super) signer: String,
}

/// Reads a tag and verifies it.
pub(super) fn read(
    objects: &Objects,
    name: &str,
    id: ObjectId,
    keys: &KeySet,
) -> Result<SignedTag, TagsError> {
    let unsigned = |found: &'static str| TagsError::Unsigned {
        tag: name.to_owned(),
        found,
    };
    if objects.kind(id)? != Kind::Tag {
        return Err(unsigned("a lightweight one"));
    }
    let data = objects.read(id, Kind::Tag, "a tag")?;
    let malformed = |reason: &str| broken(id, "a tag", reason.to_owned());
    let text = str::from_utf8(&data).map_err(|_| malformed("it is no text"))?;
    let begin = format!("\n{}\n", armour::BEGIN);
    let mut blocks = text.match_indices(&begin);
    let at = match (blocks.next(), blocks.next()) {
        (Some((at, _)), None) => at.saturating_add(1),
        (Some(_), Some(_)) => return Err(unsigned("several signatures")),
        (None, _) => return Err(unsigned("one without a signature")),
    };
    let (signed, signature) = text
        .split_at_checked(at)
        .ok_or_else(|| malformed("it cannot be split"))?;
    let headers = Headers::of(signed)
        .ok_or_else(|| malformed("its headers are not object, type commit, tag and tagger"))?;
    if headers.name != name {
        return Err(TagsError::Renamed {
            tag: name.to_owned(),
            found: headers.name.to_owned(),
        });
    }
    if named_time(name).is_some_and(|named| named.seconds().abs_diff(headers.date.seconds()) > DAY)
    {
        return Err(TagsError::Misdated {
            tag: name.to_owned(),
            date: headers.date,
        });
    }
    let moment = Moment {
        reference: headers.date,
        earliest: headers.date.minus(BESIDE),
        latest: headers.date.plus(BESIDE),
    };
    let by = verify_detached(signed.as_bytes(), signature, keys, &moment).map_err(|refusal| {
        TagsError::Signature {
            tag: name.to_owned(),
            refusal,
        }
    })?;
    Ok(SignedTag {
        name: name.to_owned(),
        date: headers.date,
        object: id,
        commit: headers.commit,
        signer: by.key,
    })
}

/// What a tag says of itself, all of it signed.
struct Headers<'a> {
    commit: ObjectId,
    name: &'a str,
    date: UnixTime,
}

impl<'a> Headers<'a> {
    /// Reads the headers as git writes them, in their order.
    fn of(signed: &'a str) -> Option<Self> {
        let mut lines = signed.split('\n');
        let commit = lines.next()?.strip_prefix("object ")?;
        let commit = ObjectId::from_hex(commit.as_bytes()).ok()?;
        if lines.next()? != "type commit" {
            return None;
        }
        let name = lines.next()?.strip_prefix("tag ")?;
        let tagger = lines.next()?.strip_prefix("tagger ")?;
        if !lines.next()?.is_empty() {
            return None;
        }
        // who, seconds, zone
        let mut words = tagger.rsplitn(3, ' ');
        let (_zone, seconds) = (words.next()?, words.next()?);
        words.next()?.ends_with('>').then_some(())?;
        Some(Self {
            commit,
            name,
            date: UnixTime::from_seconds(seconds.parse().ok()?),
        })
    }
}

/// Returns the time that a name such as `production-20170601010635` has, as if it were in UTC.
fn named_time(name: &str) -> Option<UnixTime> {
    let (_, digits) = name.rsplit_once('-')?;
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (date, time) = digits.split_at_checked(8)?;
    let (year, day) = date.split_at_checked(4)?;
    let (month, day) = day.split_at_checked(2)?;
    let (hour, rest) = time.split_at_checked(2)?;
    let (minute, second) = rest.split_at_checked(2)?;
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")
        .parse()
        .ok()
}

/// Names have the local time of whoever tagged.
const DAY: u64 = 24 * 60 * 60;
/// A tag is made and signed in one go; its signer may have had to find a token first.
const BESIDE: u64 = 60 * 60;
