// SPDX-License-Identifier: MPL-2.0
//! Workers for the demo: they claim through HTTP like any worker, run shell scripts, upload what those leave, and write and
//! sign the Chain of Trust documents of the docker-worker, generic-worker and scriptworker families (generation.md).
