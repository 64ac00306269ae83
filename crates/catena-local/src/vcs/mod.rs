// SPDX-License-Identifier: MPL-2.0
//! A VCS host: real git repositories on disk, read and written in process, served as git over HTTP and as the GitHub
//! and hg endpoints that a verification uses. A push creates a decision task.
