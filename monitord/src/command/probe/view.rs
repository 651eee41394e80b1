use std::collections::BTreeMap;

use driver_ssh::PeerFacts;
use pool_core::Protocol;
use scheduler::{Failure, ReadLine};
use serde::Serialize;

use super::page;
use super::trial::Findings;
use crate::report::{InterfaceView, MeasurementView};

/// What came of a trial, as JSON. The names are a promise to programs.
#[derive(Debug, Serialize)]
pub(in crate::command) struct ProbeView<'a> {
    phases: Vec<PhaseView>,
    measurement: Option<MeasurementView>,
    interface: Option<InterfaceView<'a>>,
    error: Option<FailureView<'a>>,
    /// What is only shown when all of it is wanted.
    #[serde(flatten)]
    details: Option<DetailsView<'a>>,
}

#[derive(Debug, Serialize)]
struct PhaseView {
    phase: &'static str,
    at_ms: f64,
    ms: f64,
}

#[derive(Debug, Serialize)]
struct FailureView<'a> {
    kind: &'static str,
    phase: Option<&'static str>,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct DetailsView<'a> {
    peers: Vec<PeerView<'a>>,
    reading: Vec<ReadLineView<'a>>,
    transcript: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PeerView<'a> {
    address: String,
    identification: &'a str,
    banner: Option<&'a str>,
    host_key: Option<HostKeyView<'a>>,
    algorithms: Option<AlgorithmsView<'a>>,
}

#[derive(Debug, Serialize)]
struct HostKeyView<'a> {
    key_type: &'a str,
    fingerprint: &'a str,
    verdict: &'static str,
}

#[derive(Debug, Serialize)]
struct AlgorithmsView<'a> {
    key_exchange: &'a str,
    host_key: &'a str,
    cipher_out: &'a str,
    cipher_in: &'a str,
    mac_out: &'a str,
    mac_in: &'a str,
}

#[derive(Debug, Serialize)]
struct ReadLineView<'a> {
    rule: &'static str,
    found: BTreeMap<&'static str, &'a str>,
    line: &'a str,
}

impl<'a> ProbeView<'a> {
    pub(in crate::command) fn new(findings: &'a Findings, protocol: Protocol, all: bool) -> Self {
        let phases = page::timed(&findings.phases);
        let phases = phases.map(|(phase, at_ms, ms)| PhaseView { phase, at_ms, ms });
        let figures = findings.result.as_ref().ok();
        Self {
            phases: phases.collect(),
            measurement: figures.and_then(|f| f.ping()).map(MeasurementView::from),
            interface: figures.and_then(|f| f.interface()).map(InterfaceView::from),
            error: findings.result.as_ref().err().map(FailureView::from),
            details: all.then(|| DetailsView {
                peers: findings.peers.iter().map(PeerView::from).collect(),
                reading: findings.reading.iter().map(ReadLineView::from).collect(),
                transcript: page::transcript(findings, protocol)
                    .lines()
                    .map(str::to_owned)
                    .collect(),
            }),
        }
    }
}

impl<'a> From<&'a Failure> for FailureView<'a> {
    fn from(failure: &'a Failure) -> Self {
        let phase = failure.phase.map(|phase| phase.as_str());
        Self { kind: failure.kind.as_str(), phase, message: &failure.message }
    }
}

impl<'a> From<&'a PeerFacts> for PeerView<'a> {
    fn from(peer: &'a PeerFacts) -> Self {
        Self {
            address: peer.endpoint.to_string(),
            identification: &peer.server.identification,
            banner: peer.server.banner.as_deref(),
            host_key: peer.host_key.as_ref().map(|key| HostKeyView {
                key_type: &key.key_type,
                fingerprint: &key.fingerprint,
                verdict: key.verdict.as_str(),
            }),
            algorithms: peer.algorithms.as_ref().map(|agreed| AlgorithmsView {
                key_exchange: &agreed.key_exchange,
                host_key: &agreed.host_key,
                cipher_out: &agreed.cipher_out,
                cipher_in: &agreed.cipher_in,
                mac_out: &agreed.mac_out,
                mac_in: &agreed.mac_in,
            }),
        }
    }
}

impl<'a> From<&'a ReadLine> for ReadLineView<'a> {
    fn from(line: &'a ReadLine) -> Self {
        let found = line.found.iter().map(|(name, value)| (*name, value.as_str()));
        Self { rule: line.rule.as_str(), found: found.collect(), line: &line.text }
    }
}
