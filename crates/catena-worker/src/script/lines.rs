// SPDX-License-Identifier: MPL-2.0
//! Cuts the output of a script into lines (worker.md 5): as text, and never more than 64 KiB at once.

/// Holds the beginning of a line until its end comes.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
}

impl Lines {
    /// Takes bytes; gives whole lines with their newline, and pieces of lines that are too long without one.
    pub(super) fn push(&mut self, mut bytes: &[u8], give: &mut impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            self.hold(line, give);
            self.flush(give);
            bytes = rest;
        }
        self.hold(bytes, give);
    }

    /// Gives what is left.
    pub(super) fn finish(mut self, give: &mut impl FnMut(&str)) {
        self.flush(give);
    }

    fn hold(&mut self, mut bytes: &[u8], give: &mut impl FnMut(&str)) {
        loop {
            let space = MOST.saturating_sub(self.held.len());
            // a newline alone is not worth a piece of its own
            if bytes.len() <= space || bytes == b"\n" {
                self.held.extend_from_slice(bytes);
                return;
            }
            let (now, later) = bytes.split_at(space);
            self.held.extend_from_slice(now);
            self.piece(give);
            bytes = later;
        }
    }

    /// Gives the beginning of a long line; a character that has not come whole waits for its rest.
    fn piece(&mut self, give: &mut impl FnMut(&str)) {
        let whole = whole_characters(&self.held);
        let rest = self.held.split_off(whole);
        self.flush(give);
        self.held = rest;
    }

    fn flush(&mut self, give: &mut impl FnMut(&str)) {
        if !self.held.is_empty() {
            give(&String::from_utf8_lossy(&self.held));
            self.held.clear();
        }
    }
}

/// Returns how many bytes are left of the last character if that may be incomplete.
fn whole_characters(bytes: &[u8]) -> usize {
    let length = bytes.len();
    let start = (1..=3.min(length)).map(|back| length - back).find(|&at| {
        bytes
            .get(at)
            .is_some_and(|byte| byte & 0b1100_0000 != 0b1000_0000)
    });
    match start.map(|at| (at, bytes.get(at..).map(std::str::from_utf8))) {
        Some((at, Some(Err(why)))) if why.error_len().is_none() => at,
        _ => length,
    }
}

/// As the reference has it.
const MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = Lines::default();
        let mut give = |text: &str| out.push(text.to_owned());
        for piece in pieces {
            lines.push(piece, &mut give);
        }
        lines.finish(&mut give);
        out
    }

    #[test]
    fn lines_are_whole_however_they_come_section_5() {
        let pieces: [&[u8]; 4] = [b"a", b"b\nc\n\nd", b"", b"e"];
        assert_eq!(cut(&pieces), ["ab\n", "c\n", "\n", "de"]);
    }

    #[test]
    fn a_line_of_70_kib_comes_in_pieces_section_5() {
        let mut line = vec![b'x'; 70 * 1024];
        line.push(b'\n');
        let found = cut(&[&line]);
        let lengths: Vec<_> = found.iter().map(String::len).collect();
        assert_eq!(lengths, [64 * 1024, 6 * 1024 + 1]);
    }

    #[test]
    fn a_cut_does_not_break_characters_section_5() {
        let text = "x".to_owned() + &"é".repeat(40 * 1024);
        let found = cut(&[text.as_bytes()]);
        assert_eq!(found.concat(), text);
        assert_eq!(found[0].len(), 64 * 1024 - 1);
    }

    #[test]
    fn other_bytes_are_replaced_section_5() {
        assert_eq!(cut(&[b"a\xff\xfeb\n"]), ["a\u{fffd}\u{fffd}b\n"]);
        let binary = vec![0xff; 70 * 1024];
        assert_eq!(cut(&[&binary]).concat().chars().count(), 70 * 1024);
    }
}
