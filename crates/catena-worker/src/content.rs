// SPDX-License-Identifier: MPL-2.0
//! Which type an artifact has, and whether it is packed for transport (worker.md 8.2).
//!
//! Only a coding that this worker applied is declared. What a task packed itself goes up as the file that it is, so that
//! what a reader gets has the digest that was signed.

/// Type of an artifact, and how it goes over the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Content {
    /// `contentType`.
    pub mime: &'static str,
    /// Whether it is packed with gzip, and declared so.
    pub gzip: bool,
}

/// Returns the type of an artifact by its name.
#[must_use]
pub fn of(name: &str) -> Content {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    let file = file.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| file.ends_with(ending));
    if ends(&[
        ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst",
    ]) {
        return Content {
            mime: "application/x-tar",
            gzip: false,
        };
    }
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let found = TYPES
        .binary_search_by_key(&ending, |(known, _)| *known)
        .ok()
        .and_then(|at| TYPES.get(at));
    let mime = found.map_or(FALLBACK, |(_, mime)| *mime);
    Content {
        mime,
        gzip: PACKED.contains(&mime),
    }
}

/// For names that nobody knows, as the reference has it.
const FALLBACK: &str = "application/binary";

/// Types that are packed for transport.
const PACKED: [&str; 4] = [
    "application/json",
    "application/xml",
    "text/html",
    "text/plain",
];

/// Ending to type, by ending.
const TYPES: &[(&str, &str)] = &[
    ("apk", "application/vnd.android.package-archive"),
    ("asc", "text/plain"),
    ("avi", "video/x-msvideo"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/plain"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("deb", "application/vnd.debian.binary-package"),
    ("diff", "text/plain"),
    ("dll", "application/octet-stream"),
    ("dmg", "application/x-apple-diskimage"),
    ("exe", "application/octet-stream"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jar", "application/java-archive"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mp4", "video/mp4"),
    ("msi", "application/x-msi"),
    ("o", "application/octet-stream"),
    ("pdf", "application/pdf"),
    ("pkg", "application/octet-stream"),
    ("png", "image/png"),
    ("ps", "application/postscript"),
    ("py", "text/x-python"),
    ("rpm", "application/x-rpm"),
    ("rtf", "application/rtf"),
    ("sh", "application/x-sh"),
    ("sig", "application/octet-stream"),
    ("so", "application/octet-stream"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("tsv", "text/tab-separated-values"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain"),
    ("wasm", "application/wasm"),
    ("wav", "audio/x-wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("whl", "application/octet-stream"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "application/xml"),
    ("xpi", "application/x-xpinstall"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TYPES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn the_fixed_types_come_first_section_8_2() {
        for (name, mime, gzip) in [
            ("public/a.tar.gz", "application/x-tar", false),
            ("public/a.tgz", "application/x-tar", false),
            ("public/a.txt", "text/plain", true),
            ("public/logs/live_backing.log", "text/plain", true),
            ("public/a.zip.asc", "text/plain", true),
            ("public/a.diff", "text/plain", true),
            ("public/a.dmg", "application/x-apple-diskimage", false),
            ("public/update.xml", "application/xml", true),
            ("public/chain-of-trust.json", "application/json", true),
            ("public/index.HTML", "text/html", true),
            (
                "public/chain-of-trust.json.sig",
                "application/octet-stream",
                false,
            ),
            ("public/a.zip", "application/zip", false),
            ("public/no-ending", "application/binary", false),
            ("public.json/none", "application/binary", false),
        ] {
            assert_eq!(of(name), Content { mime, gzip }, "{name}");
        }
    }

    #[test]
    fn what_a_task_packed_goes_up_as_it_is_section_8_2() {
        assert_eq!(of("public/x.json.gz").mime, "application/gzip");
        assert!(!of("public/x.json.gz").gzip);
        assert_eq!(of("public/x.xz").mime, "application/x-xz");
    }
}
