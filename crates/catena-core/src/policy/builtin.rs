// SPDX-License-Identifier: MPL-2.0
//! The reviewed files under `policies/`, embedded.

/// Product and text of its policy, by name.
pub(super) const PRODUCTS: [(&str, &str); 11] = [
    ("adhoc", include_str!("../../../../policies/adhoc.toml")),
    (
        "app-services",
        include_str!("../../../../policies/app-services.toml"),
    ),
    (
        "enterprise",
        include_str!("../../../../policies/enterprise.toml"),
    ),
    ("firefox", include_str!("../../../../policies/firefox.toml")),
    ("glean", include_str!("../../../../policies/glean.toml")),
    ("mobile", include_str!("../../../../policies/mobile.toml")),
    (
        "mozillavpn",
        include_str!("../../../../policies/mozillavpn.toml"),
    ),
    (
        "scriptworker",
        include_str!("../../../../policies/scriptworker.toml"),
    ),
    (
        "thunderbird",
        include_str!("../../../../policies/thunderbird.toml"),
    ),
    (
        "translations",
        include_str!("../../../../policies/translations.toml"),
    ),
    ("xpi", include_str!("../../../../policies/xpi.toml")),
];

/// Everything that is not per product.
pub(super) const DEFAULTS: &str = include_str!("../../../../policies/defaults.toml");
