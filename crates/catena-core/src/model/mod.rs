// SPDX-License-Identifier: MPL-2.0
//! Newtypes and wire documents of Taskcluster and of the VCS hosts.

pub mod ids;
