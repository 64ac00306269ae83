// SPDX-License-Identifier: MPL-2.0
//! The credentials of a run, as its script reads them from a descriptor (worker.md 5.2).
//!
//! The file has no name, so it is gone with the last process that holds it. It is written at its beginning in one write,
//! so that the offset that all holders share never moves, and padded with spaces to the longest text so far: it is never
//! cut, and at rest it is valid JSON. Linux does not keep a read from meeting a write that is on its way, so a reader that
//! meets one reads again, as it does when a call fails with 401.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use catena_core::policy::Credentials;
use zeroize::Zeroizing;

use crate::json::Json;

/// A file that holds the current credentials of a run. A clone is the same file.
#[derive(Clone, Debug)]
pub struct CredentialsFile {
    file: Arc<File>,
    longest: Arc<Mutex<usize>>,
}

impl CredentialsFile {
    /// Makes one in the system's directory for temporary files, readable by this user only.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(credentials: &Credentials) -> io::Result<Self> {
        let made = Self {
            file: Arc::new(tempfile::tempfile()?),
            longest: Arc::default(),
        };
        made.write(credentials)?;
        Ok(made)
    }

    /// Puts other credentials into the file.
    ///
    /// # Errors
    /// The system refuses, or wrote a part only.
    pub fn write(&self, credentials: &Credentials) -> io::Result<()> {
        let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text(credentials);
        let padding = longest.saturating_sub(text.len());
        // a new buffer, so that growing leaves no copy behind
        let mut padded = Zeroizing::new(String::with_capacity(text.len() + padding));
        padded.push_str(&text);
        padded.extend(std::iter::repeat_n(' ', padding));
        text.clear();
        let written = self.file.write_at(padded.as_bytes(), 0)?;
        if written != padded.len() {
            return Err(io::Error::other(format!(
                "expected {} bytes to be written at once, found {written}",
                padded.len()
            )));
        }
        *longest = padded.len();
        Ok(())
    }

    /// Returns the number that the descriptor has here, and will have in the script.
    #[must_use]
    pub fn number(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Returns a descriptor of the same file, to hand over.
    ///
    /// # Errors
    /// The system refuses.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        Ok(self.file.try_clone()?.into())
    }
}

/// `{"accessToken", "certificate", "clientId"}`, as the reference writes it.
fn text(credentials: &Credentials) -> Zeroizing<String> {
    let certificate = credentials.certificate.as_ref();
    let object = Json::object([
        ("accessToken", Json::from(credentials.access_token.expose())),
        (
            "certificate",
            certificate.map_or(Json::Null, |certificate| Json::from(certificate.expose())),
        ),
        ("clientId", Json::from(credentials.client_id.as_str())),
    ]);
    Zeroizing::new(object.to_text())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use catena_core::policy::Secret;

    use super::*;

    fn credentials(token: &str) -> Credentials {
        Credentials {
            client_id: "c".to_owned(),
            access_token: Secret::new(token),
            certificate: Some(Secret::new("{}")),
        }
    }

    fn read(file: &File) -> String {
        let mut bytes = vec![0; 100_000];
        let length = file.read_at(&mut bytes, 0).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_text_is_that_of_the_reference_section_5_2() {
        let file = CredentialsFile::new(&credentials("t")).unwrap();
        let due =
            "{\n  \"accessToken\": \"t\",\n  \"certificate\": \"{}\",\n  \"clientId\": \"c\"\n}";
        assert_eq!(read(&file.file), due);
    }

    #[test]
    fn a_hammering_reader_sees_no_cut_text_and_json_whenever_it_reads_the_same_twice_section_5_2() {
        let file = CredentialsFile::new(&credentials("start")).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut seen, mut longest) = (0_u64, 0);
                while !done.load(Ordering::Relaxed) || seen == 0 {
                    let text = read(&file.file);
                    assert!(text.len() >= longest, "truncated");
                    longest = text.len();
                    // the first may have met a write on its way
                    if read(&file.file) != text {
                        continue;
                    }
                    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(value["clientId"], "c");
                    seen += 1;
                }
            });
            for round in 0..2000 {
                let token = "x".repeat(round * 7919 % 3000);
                file.write(&credentials(&token)).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }
}
