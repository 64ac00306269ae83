// SPDX-License-Identifier: MPL-2.0
//! The task graph (P21): a push scanner that checks its text as strictly as JSON demands and remembers only
//! where each entry lies, so that memory is a few dozen bytes per task.

mod scan;

pub use scan::{GraphIndex, GraphScanner, ScanError};
