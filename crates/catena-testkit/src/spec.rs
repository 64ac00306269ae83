// SPDX-License-Identifier: MPL-2.0
//! What to build.

use crate::builder::Builder;
use crate::chain::Chain;

/// Product and way of creation of the chain's main parent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Flow {
    /// `adhoc`, GitHub: a push, then an action that adds tasks to the decision's group.
    AdhocAction,
    /// `adhoc`, GitHub: a push, then a promotion action that owns the root.
    AdhocPromotion,
    /// `enterprise`, GitHub: a push whose tasks are from a second repository, `COMM_HEAD_REPOSITORY` (V72).
    EnterpriseComm,
    /// `enterprise`, GitHub: a push.
    EnterprisePush,
    /// `firefox`, hg: a push, then an action that adds tasks to the decision's group.
    FirefoxAction,
    /// `firefox`, hg: a schedule.
    FirefoxCron,
    /// `firefox`, hg push, with one build from the git mirror (V82).
    FirefoxMirror,
    /// `firefox`, hg: a push, then a promotion action that owns the root and half of the builds.
    FirefoxPromotion,
    /// `firefox`, hg: a push.
    FirefoxPush,
    /// `mobile`, GitHub: a push.
    MobilePush,
    /// `mobile`, GitHub: a pull request from a fork of somebody who is not trusted; no restricted scope.
    MobileUntrusted,
    /// `thunderbird`, hg: a push.
    ThunderbirdPush,
    /// `translations`, GitHub: a pull request from a fork, then an action on it; no restricted scope.
    TranslationsPrAction,
    /// `mozillavpn`, GitHub: a release.
    VpnRelease,
    /// `xpi`, GitHub: a schedule.
    XpiCron,
    /// `xpi`, GitHub: a pull request from a fork; no restricted scope.
    XpiPullRequest,
    /// `xpi`, GitHub: a push.
    XpiPush,
}

impl Flow {
    /// All flows.
    pub const ALL: [Self; 17] = [
        Self::AdhocAction,
        Self::AdhocPromotion,
        Self::EnterpriseComm,
        Self::EnterprisePush,
        Self::FirefoxAction,
        Self::FirefoxCron,
        Self::FirefoxMirror,
        Self::FirefoxPromotion,
        Self::FirefoxPush,
        Self::MobilePush,
        Self::MobileUntrusted,
        Self::ThunderbirdPush,
        Self::TranslationsPrAction,
        Self::VpnRelease,
        Self::XpiCron,
        Self::XpiPullRequest,
        Self::XpiPush,
    ];

    pub(crate) const fn product(self) -> &'static Product {
        match self {
            Self::AdhocAction | Self::AdhocPromotion => &ADHOC,
            Self::EnterpriseComm | Self::EnterprisePush => &ENTERPRISE,
            Self::MobilePush | Self::MobileUntrusted => &MOBILE,
            Self::ThunderbirdPush => &THUNDERBIRD,
            Self::TranslationsPrAction => &TRANSLATIONS,
            Self::FirefoxAction
            | Self::FirefoxCron
            | Self::FirefoxMirror
            | Self::FirefoxPromotion
            | Self::FirefoxPush => &FIREFOX,
            Self::VpnRelease => &MOZILLAVPN,
            Self::XpiCron | Self::XpiPullRequest | Self::XpiPush => &XPI,
        }
    }

    /// `tasks_for` of the decision.
    pub(crate) const fn tasks_for(self) -> &'static str {
        match self {
            Self::FirefoxAction
            | Self::FirefoxMirror
            | Self::FirefoxPromotion
            | Self::FirefoxPush
            | Self::ThunderbirdPush => "hg-push",
            Self::FirefoxCron | Self::XpiCron => "cron",
            Self::AdhocAction
            | Self::AdhocPromotion
            | Self::EnterpriseComm
            | Self::EnterprisePush
            | Self::MobilePush
            | Self::XpiPush => "github-push",
            Self::MobileUntrusted => "github-pull-request-untrusted",
            Self::VpnRelease => "github-release",
            Self::TranslationsPrAction | Self::XpiPullRequest => "github-pull-request",
        }
    }

    pub(crate) const fn action(self) -> Option<Action> {
        match self {
            Self::AdhocPromotion | Self::FirefoxPromotion => Some(Action::Promotion),
            Self::AdhocAction | Self::FirefoxAction | Self::TranslationsPrAction => {
                Some(Action::Generic)
            }
            _ => None,
        }
    }

    /// `tasks_for` of the action.
    pub(crate) const fn action_tasks_for(self) -> &'static str {
        match self {
            Self::TranslationsPrAction => "pr-action",
            _ => "action",
        }
    }
}

/// Which action created the root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Adds tasks to the decision's group.
    Generic,
    /// Has a task group of its own.
    Promotion,
}

impl Action {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Generic => "add-tasks",
            Self::Promotion => "release-promotion",
        }
    }

    pub(crate) const fn permission(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Promotion => "release-promotion",
        }
    }
}

/// How the root's last run stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RootRun {
    /// It is completed: its own chain-of-trust document exists and is checked (P12).
    Completed,
    /// It is being worked on, as when a worker verifies what it has claimed.
    Running,
}

/// Which worker ran the decision tasks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DecisionWorker {
    /// generic-worker with a translated payload (generation.md 4).
    D2g,
    /// docker-worker (generation.md 5).
    DockerWorker,
}

/// A chain to build. [`new`](Self::new) gives a small one; every field may be changed.
#[derive(Clone, Debug)]
pub struct ChainSpec {
    /// Where all ids, revisions, keys and bytes come from.
    pub seed: u64,
    /// Product and way of creation.
    pub flow: Flow,
    /// Builds that the root takes artifacts of, at least 1.
    pub builds: usize,
    /// Artifacts that the root takes of each build, at least 1.
    pub artifacts: usize,
    /// Size of each artifact in bytes.
    pub artifact_size: usize,
    /// Docker images, each with a decision of its own in another group.
    pub images: usize,
    /// Tasks in each task graph that are no part of the chain.
    pub graph_filler: usize,
    /// Adds an upstream that is itself a scriptworker task.
    pub upstream_signing: Presence,
    /// Adds an optional upstream artifact that does not exist and an optional glob (V41, V42).
    pub optional: Presence,
    /// Makes the first build succeed in run 1, after run 0 failed (P10).
    pub rerun: Presence,
    /// Makes a release's tag an object of its own, with a message (V94).
    pub annotated_tag: Presence,
    /// How the root's last run stands.
    pub root_run: RootRun,
    /// Which worker ran the decision tasks.
    pub decision_worker: DecisionWorker,
    /// The deployment, without a trailing `/`.
    pub root_url: String,
}

/// Whether a chain has a thing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It has not.
    Absent,
    /// It has.
    Present,
}

impl ChainSpec {
    /// Returns a small chain; which optional parts it has depends on the flow, so that all flows together
    /// have every part.
    #[must_use]
    pub fn new(seed: u64, flow: Flow) -> Self {
        let when = |flows: &[Flow]| {
            if flows.contains(&flow) {
                Presence::Present
            } else {
                Presence::Absent
            }
        };
        let github = flow.product().repo.starts_with("https://github.com/");
        Self {
            seed,
            flow,
            builds: if flow == Flow::XpiPush { 1 } else { 2 },
            artifacts: 1,
            artifact_size: 64,
            images: usize::from(!matches!(
                flow,
                Flow::AdhocAction
                    | Flow::MobileUntrusted
                    | Flow::TranslationsPrAction
                    | Flow::XpiCron
                    | Flow::XpiPullRequest
                    | Flow::XpiPush
            )),
            graph_filler: 1,
            upstream_signing: when(&[Flow::FirefoxPush, Flow::XpiCron, Flow::FirefoxMirror]),
            optional: when(&[Flow::FirefoxPush, Flow::VpnRelease]),
            rerun: when(&[Flow::FirefoxCron, Flow::AdhocPromotion]),
            annotated_tag: Presence::Absent,
            root_run: if matches!(flow, Flow::FirefoxPromotion | Flow::XpiPush | Flow::XpiCron) {
                RootRun::Running
            } else {
                RootRun::Completed
            },
            decision_worker: if github {
                DecisionWorker::D2g
            } else {
                DecisionWorker::DockerWorker
            },
            root_url: "https://taskcluster.example.org".to_owned(),
        }
    }

    /// Returns a small chain of every flow.
    #[must_use]
    pub fn all(seed: u64) -> Vec<Self> {
        Flow::ALL
            .into_iter()
            .map(|flow| Self::new(seed, flow))
            .collect()
    }

    /// Builds the chain.
    #[must_use]
    pub fn build(&self) -> Chain {
        Builder::new(self).build()
    }
}

/// What the built-in policy of a product expects of its tasks.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: &'static str,
    /// `source_env_prefix`.
    pub(crate) prefix: &'static str,
    /// First part of its worker pools and schedulers.
    pub(crate) domain: &'static str,
    pub(crate) repo: &'static str,
    /// Worker type of its decision tasks.
    pub(crate) decision: &'static str,
    /// A restricted scope that `repo` may use.
    pub(crate) scope: &'static str,
}

const ADHOC: Product = Product {
    name: "adhoc",
    prefix: "ADHOC",
    domain: "adhoc",
    repo: "https://github.com/mozilla-releng/adhoc-signing",
    decision: "decision-gcp",
    scope: "project:adhoc:signing:cert:release-signing",
};
const ENTERPRISE: Product = Product {
    name: "enterprise",
    prefix: "GECKO",
    domain: "enterprise",
    repo: "https://github.com/mozilla/enterprise-firefox",
    decision: "decision",
    scope: "project:enterprise:releng:signing:cert:release-signing",
};
const FIREFOX: Product = Product {
    name: "firefox",
    prefix: "GECKO",
    domain: "gecko",
    repo: "https://hg.mozilla.org/releases/mozilla-beta",
    decision: "decision-gcp",
    scope: "project:releng:signing:cert:release-signing",
};
const MOBILE: Product = Product {
    name: "mobile",
    prefix: "MOBILE",
    domain: "mobile",
    repo: "https://github.com/mozilla-mobile/reference-browser",
    decision: "decision-gcp",
    scope: "project:mobile:reference-browser:releng:signing:cert:release-signing",
};
const MOZILLAVPN: Product = Product {
    name: "mozillavpn",
    prefix: "MOZILLAVPN",
    domain: "mozillavpn",
    repo: "https://github.com/mozilla-mobile/mozilla-vpn-client",
    decision: "decision-gcp",
    scope: "project:mozillavpn:releng:signing:cert:release-signing",
};
const THUNDERBIRD: Product = Product {
    name: "thunderbird",
    prefix: "COMM",
    domain: "comm",
    repo: "https://hg.mozilla.org/releases/comm-beta",
    decision: "decision-gcp",
    scope: "project:comm:thunderbird:releng:signing:cert:release-signing",
};
const TRANSLATIONS: Product = Product {
    name: "translations",
    prefix: "TRANSLATIONS",
    domain: "translations",
    repo: "https://github.com/mozilla/translations",
    decision: "decision-gcp",
    scope: "project:translations:releng:beetmover:bucket:release",
};
const XPI: Product = Product {
    name: "xpi",
    prefix: "XPI",
    domain: "xpi",
    repo: "https://github.com/mozilla-extensions/xpi-manifest",
    decision: "decision-gcp",
    scope: "project:xpi:signing:cert:release-signing",
};
