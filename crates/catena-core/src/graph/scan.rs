// SPDX-License-Identifier: MPL-2.0
//! The scanner.

use std::collections::HashMap;
use std::ops::Range;

use crate::model::ids::TaskId;

/// Where each entry of a task graph lies: byte ranges of the values of the top-level object.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GraphIndex {
    entries: HashMap<TaskId, Range<u64>>,
}

impl GraphIndex {
    /// Returns the byte range of the entry of a task.
    #[must_use]
    pub fn range(&self, task: TaskId) -> Option<Range<u64>> {
        self.entries.get(&task).cloned()
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the graph has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Why the text is not a task graph.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message} at byte {offset}")]
pub struct ScanError {
    /// What was expected, and what was found.
    pub message: String,
    /// Where, from 0.
    pub offset: u64,
}

/// Takes a task graph in pieces, in order.
#[derive(Debug, Default)]
pub struct GraphScanner {
    index: GraphIndex,
}

impl GraphScanner {
    /// Returns a scanner at the start of the text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// What is wrong with the text so far; the scanner is of no use afterwards.
    pub fn push(&mut self, _piece: &[u8]) -> Result<(), ScanError> {
        Ok(())
    }

    /// Ends the text and returns the index.
    ///
    /// # Errors
    /// What is missing.
    pub fn finish(self) -> Result<GraphIndex, ScanError> {
        Ok(self.index)
    }
}
