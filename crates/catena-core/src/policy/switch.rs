// SPDX-License-Identifier: MPL-2.0
//! Profiles, and the switches that relax single checks (P1, P2, P5).
//!
//! Nothing is ever relaxed silently: each switch carries a reason, and every report shows both.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::report::Relaxation;

/// How closely the reference is followed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Profile {
    /// Decides like the reference where no rule forbids it (P2).
    Compat,
    /// The default, and the only profile of worker, attester and receipts (P1).
    #[default]
    Strict,
}

impl Profile {
    /// Returns the name that reports and the command line use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compat => "compat",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "compat" => Ok(Self::Compat),
            "strict" => Ok(Self::Strict),
            _ => Err(UnknownName::new("compat or strict", name)),
        }
    }
}

/// A name that is not in its list.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct UnknownName {
    /// What was due.
    pub expected: &'static str,
    /// The text that was given, cut to 60 characters.
    pub found: String,
}

impl UnknownName {
    fn new(expected: &'static str, found: &str) -> Self {
        Self {
            expected,
            found: found.chars().take(60).collect(),
        }
    }
}

macro_rules! switches {
    ($($variant:ident $name:literal $rule:literal $text:literal;)*) => {
        /// A switch that relaxes one check under `x_cot.relax` (P5).
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Switch {
            $(#[doc = $text] $variant,)*
        }

        impl Switch {
            /// All switches, in the order of the rules.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name under `x_cot.relax`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the rule that it relaxes.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)* }
            }

            /// Returns in one line what is tolerated when it is set.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

switches! {
    OptionalHashMismatchWarn "optional_hash_mismatch_warn" "S2" "An optional artifact with a wrong digest is left out with a warning instead of rejecting the chain.";
    GraphRuntimeOnlyKeys "graph_runtime_only_keys" "S6" "Keys that only the runtime definition has are not compared with the queue's defaults.";
    StarScopesUnrestricted "star_scopes_unrestricted" "S8" "A root scope that ends with `*` and satisfies a restricted scope counts as unrestricted.";
    RunPinning "run_pinning" "S10/R-14" "The signed `runId` need not equal the run that was chosen.";
    HttpRedirects "http_redirects" "S14" "Redirects may lead to other hosts and to plain HTTP; credentials never follow.";
    Limits "limits" "S17" "Names may hold `:`, and ceilings may be raised to configured values.";
    UnsignedUpstream "unsigned_upstream" "S18" "The worker may verify chains without checking signatures.";
    RegexCompat "regex_compat" "S22" "Repository patterns mean what Python makes of them: `.git` with any character, `$` before a final newline, Unicode digits.";
    RepoRenames "repo_renames" "S27" "A repository that its host answers for under another name is accepted.";
    LandedByPage "landed_by_page" "S27" "Whether a commit landed is read from the undocumented `branch_commits` page.";
    MovableRefs "movable_refs" "S30" "A head revision may be a branch or tag that can move.";
    CronLevelByName "cron_level_by_name" "S32" "The level of a GitHub cron task is looked up by repository name alone.";
    NoUpstreamScreen "no_upstream_screen" "S34" "Paths of upstream artifacts are not screened before verification.";
    ForeignGroupDecision "foreign_group_decision" "S40" "A decision task may be rebuilt from another task's repository and revision.";
    ManyPushes "many_pushes" "S43" "Of several pushes that name a revision, the first is used.";
    DatestampSign "datestamp_sign" "S44" "A sign before a relative datestamp is ignored.";
    RecordedTask "recorded_task" "R-04" "The task recorded in a chain-of-trust document need not equal the queue's definition.";
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Switch {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .iter()
            .copied()
            .find(|switch| switch.name() == name)
            .ok_or_else(|| UnknownName::new("the name of a switch", name))
    }
}

/// Which checks are relaxed, and why.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Relaxations {
    profile: Profile,
    reasons: BTreeMap<Switch, String>,
}

impl Relaxations {
    /// Returns what `profile` relaxes: nothing, or everything but `unsigned_upstream` (P2).
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        Self::default().with_profile(profile)
    }

    /// Returns the same switches under another profile.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets a switch.
    ///
    /// # Errors
    /// [`NoReason`] when `reason` is blank.
    pub fn relax(&mut self, switch: Switch, reason: &str) -> Result<(), NoReason> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(NoReason { switch });
        }
        self.reasons.insert(switch, reason.to_owned());
        Ok(())
    }

    /// Returns the profile.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Returns whether `switch` is set.
    #[must_use]
    pub fn allows(&self, switch: Switch) -> bool {
        self.by_profile(switch) || self.reasons.contains_key(&switch)
    }

    /// Returns every switch that is set, with its reason, for the report.
    #[must_use]
    pub fn list(&self) -> Vec<Relaxation> {
        let reason = |switch| match self.reasons.get(&switch) {
            Some(reason) => Some(reason.clone()),
            None => self.by_profile(switch).then(|| "profile compat".to_owned()),
        };
        let all = Switch::ALL.iter().copied();
        all.filter_map(|switch| {
            Some(Relaxation {
                switch: switch.name(),
                reason: reason(switch)?,
            })
        })
        .collect()
    }

    fn by_profile(&self, switch: Switch) -> bool {
        self.profile == Profile::Compat && switch != Switch::UnsignedUpstream
    }
}

/// A switch without a reason (P5).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a reason for relaxing {switch}, found none")]
pub struct NoReason {
    /// The switch.
    pub switch: Switch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back_p5() {
        assert_eq!(Switch::ALL.len(), 17);
        for &switch in Switch::ALL {
            assert_eq!(switch.name().parse::<Switch>().unwrap(), switch);
        }
        assert!("all".parse::<Switch>().is_err());
    }

    #[test]
    fn strict_is_the_default_and_relaxes_nothing_p1() {
        assert_eq!(Profile::default(), Profile::Strict);
        assert_eq!(Relaxations::default().profile(), Profile::Strict);
        assert!(Relaxations::of(Profile::Strict).list().is_empty());
    }

    #[test]
    fn compat_relaxes_all_but_unsigned_upstream_p2() {
        let compat = Relaxations::of(Profile::Compat);
        for &switch in Switch::ALL {
            assert_eq!(
                compat.allows(switch),
                switch != Switch::UnsignedUpstream,
                "{switch}"
            );
            assert!(!Relaxations::default().allows(switch), "{switch}");
        }
        assert_eq!(compat.list().len(), 16);
        assert!(compat.list().iter().all(|r| r.reason == "profile compat"));
        assert!(Relaxations::default().list().is_empty());
    }

    #[test]
    fn a_reason_is_mandatory_and_wins_p5() {
        let mut relaxations = Relaxations::of(Profile::Compat);
        assert!(relaxations.relax(Switch::Limits, " ").is_err());
        relaxations.relax(Switch::Limits, "old names").unwrap();
        let limits = relaxations
            .list()
            .into_iter()
            .find(|r| r.switch == "limits")
            .unwrap();
        assert_eq!(limits.reason, "old names");
        let strict = relaxations.with_profile(Profile::Strict);
        assert!(strict.allows(Switch::Limits) && !strict.allows(Switch::ManyPushes));
        assert_eq!(strict.list().len(), 1);
    }
}
