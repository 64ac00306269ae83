// SPDX-License-Identifier: MPL-2.0
//! A report of the GPG era as text.

use std::fmt::Write as _;

use catena_core::legacy::report::Report;
use catena_report::escape::clean;

/// One line: verdict, worth, headline.
pub(super) fn line(report: &Report) -> String {
    format!(
        "{} {} ({}): {}\n",
        report.task,
        report.verdict,
        worth(report),
        clean(&report.headline, 300)
    )
}

/// Everything.
pub(super) fn page(report: &Report) -> String {
    let mut page = line(report);
    // writing to a string cannot fail
    let mut add = |text: &str| {
        let _ = writeln!(page, "{text}");
    };
    add("");
    let version = report.version.map_or_else(
        || "unknown".to_owned(),
        |version| version.number().to_string(),
    );
    add(&format!(
        "  rules of version {version}; basis: {}: unsigned documents are claims of whoever recorded them",
        report.basis
    ));
    for relaxation in &report.relaxations {
        add(&format!("  relaxed: {}", clean(relaxation, 300)));
    }
    add("");
    for link in &report.links {
        let run = link
            .run
            .map_or_else(|| "no completed run".to_owned(), |run| format!("run {run}"));
        add(&format!(
            "  {} {}, {}, {run}",
            link.task,
            link.role,
            clean(&link.worker, 60)
        ));
        if let Some(signed) = &link.signed {
            let by = signed
                .certifier
                .as_ref()
                .map_or_else(String::new, |certifier| {
                    format!(", certified by {certifier}")
                });
            add(&format!(
                "    signed {} by {}{by}, of {}",
                signed.time,
                signed.key,
                clean(&signed.tag, 80)
            ));
        }
    }
    for finding in &report.findings {
        add("");
        add(&format!(
            "  {} {} {}",
            finding.verdict, finding.id, finding.task
        ));
        add(&format!("    expected {}", clean(&finding.expected, 500)));
        add(&format!("    found    {}", clean(&finding.found, 500)));
    }
    page
}

/// The classes of assurance, as JSON names them.
fn worth(report: &Report) -> String {
    let names = report.assurance.iter().map(|class| class.name());
    names.collect::<Vec<_>>().join(", ")
}
