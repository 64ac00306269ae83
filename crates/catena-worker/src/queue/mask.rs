// SPDX-License-Identifier: MPL-2.0
//! URLs as logs may show them (worker.md 8.3).

/// Returns the URL up to the first part that opens something.
#[must_use]
pub fn mask(url: &str) -> String {
    let cut = MARKS.iter().filter_map(|mark| url.find(mark)).min();
    match cut {
        Some(at) => format!("{}<masked>", url.get(..at).unwrap_or_default()),
        None => url.to_owned(),
    }
}

/// What signed URLs are signed in, of the deployment and of the object stores.
const MARKS: [&str; 6] = [
    "AWSAccessKeyId=",
    "Credential=",
    "Signature=",
    "access_token=",
    "bewit=",
    "sig=",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_cut_off_section_8_3() {
        for (url, due) in [
            ("https://h/a?b=1", "https://h/a?b=1"),
            ("https://h/a?bewit=abc", "https://h/a?<masked>"),
            (
                "https://h/a?x=1&X-Amz-Credential=k&bewit=z",
                "https://h/a?x=1&X-Amz-<masked>",
            ),
            ("https://h/a?AWSAccessKeyId=k", "https://h/a?<masked>"),
        ] {
            assert_eq!(mask(url), due);
        }
    }
}
