// SPDX-License-Identifier: MPL-2.0
//! Newtypes and wire documents of Taskcluster and of the VCS hosts.

pub mod cot;
pub mod datestamp;
pub mod definition;
pub mod fnmatch;
pub mod ids;
pub mod instant;
pub mod link;
pub mod shape;
pub mod status;
pub mod task_type;
pub mod url;
