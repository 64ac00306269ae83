// SPDX-License-Identifier: MPL-2.0
//! Which call a request means. Paths are split while they are still encoded, so `%2F` and `/` can both stand in names.

use axum::http::Method;
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;

use super::error::{ApiError, Code};

/// A call of a service: method, path below the service's base, name. In the path, `<x>` is one segment and `<x*>` one or
/// more, at most one of these.
pub(super) type Endpoint = (&'static str, &'static str, &'static str);

/// The parameters of a path, decoded.
pub(super) type Params = IndexMap<&'static str, String>;

/// Finds the call that a request means; `path` is raw.
pub(super) fn find(
    table: &[Endpoint],
    method: &Method,
    path: &str,
) -> Result<Option<(&'static str, Params)>, ApiError> {
    // HEAD is GET without the body, which the server leaves out
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let segments: Vec<&str> = path.split('/').collect();
    for (verb, pattern, name) in table {
        if *verb != method {
            continue;
        }
        if let Some(raw) = fit(pattern, &segments) {
            let mut params = Params::new();
            for (key, segments) in raw {
                params.insert(key, decode(key, &segments)?);
            }
            return Ok(Some((name, params)));
        }
    }
    Ok(None)
}

fn fit<'a>(
    pattern: &'static str,
    segments: &[&'a str],
) -> Option<Vec<(&'static str, Vec<&'a str>)>> {
    let parts: Vec<&'static str> = pattern.split('/').collect();
    let open = parts.iter().any(|part| part.ends_with("*>"));
    let spare = segments.len().checked_sub(parts.len())?;
    if spare > 0 && !open {
        return None;
    }
    let mut found = Vec::new();
    let mut rest = segments.iter();
    for part in parts {
        let key = part.strip_prefix('<').and_then(|key| key.strip_suffix('>'));
        let first = *rest.next()?;
        match key {
            None if first == part => {}
            None => return None,
            Some(key) => {
                let mut taken = vec![first];
                let name = key.strip_suffix('*');
                if name.is_some() {
                    taken.extend(rest.by_ref().take(spare).copied());
                }
                found.push((name.unwrap_or(key), taken));
            }
        }
    }
    Some(found)
}

/// Decodes once: `%252e` is `%2e`, which no name may hold.
fn decode(key: &str, segments: &[&str]) -> Result<String, ApiError> {
    let text = segments.join("/");
    let valid = text.split('%').skip(1).all(|after| {
        let digits = after.get(..2).unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit())
    });
    let decoded = percent_decode_str(&text).decode_utf8().ok();
    match decoded {
        Some(decoded) if valid => Ok(decoded.into_owned()),
        _ => Err(bad(key, &text, "percent-encoded UTF-8")),
    }
}

/// The error for a parameter that is not what it should be.
pub(super) fn bad(key: &str, found: &str, expected: &str) -> ApiError {
    let found: String = found.chars().take(200).collect();
    let text = format!(
        "Invalid URL patterns:\n\nURL-argument {key:?} given as {found:?} must be {expected}"
    );
    ApiError::new(Code::InvalidRequestArguments, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Endpoint] = &[
        ("GET", "task/<t>/artifacts", "list"),
        ("GET", "task/<t>/artifacts/<name*>", "get"),
        ("GET", "queues/<q*>/counts", "counts"),
        ("PUT", "task/<t>", "create"),
    ];

    fn get(path: &str) -> Option<(&'static str, Vec<String>)> {
        let found = find(TABLE, &Method::GET, path).unwrap();
        found.map(|(name, params)| (name, params.into_values().collect()))
    }

    #[test]
    fn names_hold_slashes_in_either_form() {
        for path in ["task/T/artifacts/a/b%20c", "task/T/artifacts/a%2Fb%20c"] {
            let (name, params) = get(path).unwrap();
            assert_eq!((name, &params[1][..]), ("get", "a/b c"), "{path}");
        }
        assert_eq!(get("queues/a/b/counts").unwrap().1, ["a/b"]);
        assert_eq!(get("queues/a%2Fb/counts").unwrap().1, ["a/b"]);
        assert_eq!(get("task/T/artifacts").unwrap().0, "list");
        assert_eq!(get("queues/counts"), None);
        assert_eq!(get("task/T"), None);
        assert_eq!(get("task/T%2Fartifacts"), None);
    }

    #[test]
    fn what_decodes_to_nothing_is_refused() {
        for path in [
            "task/T/artifacts/%zz",
            "task/T/artifacts/%ff",
            "task/T/artifacts/%2",
        ] {
            let error = find(TABLE, &Method::GET, path).unwrap_err();
            assert_eq!(error.code, Code::InvalidRequestArguments, "{path}");
        }
        assert_eq!(get("task/T/artifacts/%252e").unwrap().1[1], "%2e");
    }
}
