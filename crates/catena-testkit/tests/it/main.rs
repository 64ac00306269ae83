// SPDX-License-Identifier: MPL-2.0
//! Tests of the chains themselves, and of the verifier with them.

mod chains;
