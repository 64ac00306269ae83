// SPDX-License-Identifier: MPL-2.0
//! The services over HTTP, one file each: queue, artifacts, bucket, object, index, secrets, auth, ping. Status codes and
//! error bodies are those of the real service (worker.md §12).
