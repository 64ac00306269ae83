// SPDX-License-Identifier: MPL-2.0
//! Who calls, and what they may do: Hawk headers and bewits, permanent clients, temporary credentials with certificates,
//! `authorizedScopes`, roles with `assume:` and trailing stars (worker.md §12).
