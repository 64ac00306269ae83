// SPDX-License-Identifier: MPL-2.0
//! Reads JSON into [`Value`] with exact integers (P23, V105).
