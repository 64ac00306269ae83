// SPDX-License-Identifier: MPL-2.0
//! Beginning and end of a text of any length, with the numbers of its lines.

use std::collections::VecDeque;
use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::show;

/// How many lines are shown of the beginning, and of the end.
const EACH: usize = 2000;
/// How many bytes of a line are kept.
const LINE: usize = 64 << 10;
/// How many bytes are kept of the beginning, and of the end.
const KEPT: usize = 512 << 10;
/// How many bytes are read at most: a small file may unpack to any size.
const READ: u64 = 1 << 30;
/// How many bytes are looked at to tell text from other things.
const PROBED: usize = 8 << 10;

/// A line of an excerpt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Row {
    /// A line and its number, from 1.
    Line { number: u64, text: String },
    /// So many lines that are left out.
    Gap { lines: u64 },
}

/// What is shown of a file.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// It has bytes that no text has.
    pub(super) is_binary: bool,
    /// There is more than was read, or the compressed data ended too early.
    pub(super) is_cut_short: bool,
    pub(super) rows: Vec<Row>,
}

impl Excerpt {
    /// Reads a text to its end, or what gzip makes of it if it is compressed. Blocks.
    pub(super) fn read(file: impl Read) -> io::Result<Self> {
        let mut file = BufReader::new(file);
        let mut magic = Vec::new();
        file.by_ref().take(2).read_to_end(&mut magic)?;
        let is_gzip = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(file);
        if is_gzip {
            Lines::default().read(MultiGzDecoder::new(whole))
        } else {
            Lines::default().read(whole)
        }
    }
}

/// Beginning and end so far.
#[derive(Default)]
struct Lines {
    head: Vec<(u64, Vec<u8>)>,
    head_bytes: usize,
    tail: VecDeque<(u64, Vec<u8>)>,
    tail_bytes: usize,
    number: u64,
    current: Vec<u8>,
}

impl Lines {
    fn read(mut self, source: impl Read) -> io::Result<Excerpt> {
        let mut source = source.take(READ);
        let mut chunk = vec![0; 64 << 10];
        let (mut probed, mut is_cut_short) = (0_usize, false);
        loop {
            let bytes = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => chunk.get(..n).unwrap_or_default(),
                // a broken archive is shown as far as it goes
                Err(why)
                    if matches!(
                        why.kind(),
                        io::ErrorKind::UnexpectedEof
                            | io::ErrorKind::InvalidInput
                            | io::ErrorKind::InvalidData
                    ) =>
                {
                    is_cut_short = true;
                    break;
                }
                Err(why) => return Err(why),
            };
            let to_probe = PROBED.saturating_sub(probed);
            if bytes.iter().take(to_probe).any(|byte| *byte == 0) {
                return Ok(Excerpt {
                    is_binary: true,
                    is_cut_short: false,
                    rows: Vec::new(),
                });
            }
            probed = probed.saturating_add(bytes.len());
            self.add(bytes);
        }
        if !self.current.is_empty() {
            self.end();
        }
        is_cut_short |= source.limit() == 0;
        Ok(Excerpt {
            is_binary: false,
            is_cut_short,
            rows: self.rows(),
        })
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        if let Some(first) = parts.next() {
            self.extend(first);
        }
        for part in parts {
            self.end();
            self.extend(part);
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.current.len());
        self.current.extend(bytes.iter().take(room));
    }

    fn end(&mut self) {
        self.number = self.number.saturating_add(1);
        let line = (self.number, std::mem::take(&mut self.current));
        let length = line.1.len();
        if self.tail.is_empty() && self.head.len() < EACH && self.head_bytes < KEPT {
            self.head_bytes = self.head_bytes.saturating_add(length);
            self.head.push(line);
            return;
        }
        self.tail_bytes = self.tail_bytes.saturating_add(length);
        self.tail.push_back(line);
        while self.tail.len() > EACH || (self.tail_bytes > KEPT && self.tail.len() > 1) {
            if let Some((_, dropped)) = self.tail.pop_front() {
                self.tail_bytes = self.tail_bytes.saturating_sub(dropped.len());
            }
        }
    }

    fn rows(self) -> Vec<Row> {
        let row = |(number, bytes): (u64, Vec<u8>)| {
            let text = String::from_utf8_lossy(&bytes);
            let text = show::line(text.strip_suffix('\r').unwrap_or(&text));
            Row::Line { number, text }
        };
        let last = self.head.last().map_or(0, |(number, _)| *number);
        let next = self
            .tail
            .front()
            .map_or(last, |(number, _)| number.saturating_sub(1));
        let lines = next.saturating_sub(last);
        let gap = (lines > 0).then_some(Row::Gap { lines });
        let head = self.head.into_iter().map(row);
        head.chain(gap)
            .chain(self.tail.into_iter().map(row))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn line(number: u64, text: &str) -> Row {
        Row::Line {
            number,
            text: text.to_owned(),
        }
    }

    #[test]
    fn short_texts_are_whole() {
        let excerpt = Excerpt::read(&b"one\r\n\ntwo \xff"[..]).unwrap();
        assert_eq!(
            excerpt.rows,
            [line(1, "one"), line(2, ""), line(3, "two \u{fffd}")]
        );
        assert!(!excerpt.is_binary && !excerpt.is_cut_short);
        assert!(Excerpt::read(&b""[..]).unwrap().rows.is_empty());
    }

    #[test]
    fn of_long_texts_beginning_and_end_are_shown() {
        let text: String = (1..=10_000).map(|n| format!("line {n}\n")).collect();
        let rows = Excerpt::read(text.as_bytes()).unwrap().rows;
        assert_eq!(rows.len(), 2 * EACH + 1);
        assert_eq!(rows[EACH - 1], line(2000, "line 2000"));
        assert_eq!(rows[EACH], Row::Gap { lines: 6000 });
        assert_eq!(rows[EACH + 1], line(8001, "line 8001"));
        assert_eq!(rows[2 * EACH], line(10_000, "line 10000"));
    }

    #[test]
    fn memory_is_bounded_by_bytes_too() {
        let text = vec![b'x'; 3 * LINE];
        let rows = Excerpt::read(&text[..]).unwrap().rows;
        assert_eq!(rows.len(), 1);
        let text = [vec![b'x'; LINE], vec![b'\n']].concat().repeat(100);
        let rows = Excerpt::read(&text[..]).unwrap().rows;
        assert!(rows.len() < 20, "{}", rows.len());
        assert!(rows.iter().any(|row| matches!(row, Row::Gap { .. })));
    }

    #[test]
    fn compressed_texts_are_unpacked_as_far_as_they_go() {
        let packed = gzip(b"one\ntwo\n");
        assert_eq!(
            Excerpt::read(&packed[..]).unwrap().rows,
            [line(1, "one"), line(2, "two")]
        );
        let excerpt = Excerpt::read(&packed[..packed.len() - 4]).unwrap();
        assert!(excerpt.is_cut_short);
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert!(Excerpt::read(&b"\x7fELF\0\0"[..]).unwrap().is_binary);
        assert!(Excerpt::read(&gzip(b"a\0b")[..]).unwrap().is_binary);
    }
}
