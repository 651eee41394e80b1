//! One side of `cargo xtask bench delivery`: outcomes go through spool and sender as fast as they
//! can. In builds with the feature `bench` only.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use pool_core::{Context, Endpoint};
use scheduler::Outcome;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::Exit;
use crate::cli::BenchDeliveryArgs;
use crate::inventory::zabbix::assigned_channel;
use crate::output::{Output, complain};
use crate::report::testing::measured;
use crate::settings::{ItemKeys, ZabbixSettings, trapper_address};
use crate::sink::DurableSink;
use crate::sink::zabbix::{NAME, ZabbixSink};
use crate::spool::{Spool, SpoolSettings};

/// As many as wait at most to be written, so that none is turned away.
const APPENDED_AT_ONCE: u64 = 4096;
/// How often what is left is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often it is said how far it has come.
const SAID_EVERY: Duration = Duration::from_secs(2);
/// How long anything may take.
const TIME_MAX: Duration = Duration::from_secs(1800);
/// So many outcomes have a moment of their own in each second of the past.
const STEP: SignedDuration = SignedDuration::from_micros(500);
/// The unit of processor time in `/proc`: every Linux has this one.
const TICKS_PER_SECOND: f64 = 100.0;

/// What it came to.
#[derive(Debug, Serialize)]
struct Figures {
    steady_per_second: f64,
    steady_cpu_us: f64,
    /// At the beginning, and with each quarter of the outcomes waiting.
    resident_mib: Vec<f64>,
    catch_up_seconds: f64,
    catch_up_resident_mib: f64,
}

pub(super) fn execute(args: &BenchDeliveryArgs) -> Result<Exit> {
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    let figures = runtime.block_on(measure(args))?;
    Output::default().write(&(serde_json::to_string(&figures)? + "\n"))?;
    Ok(Exit::Ok)
}

async fn measure(args: &BenchDeliveryArgs) -> Result<Figures> {
    let address = trapper_address(&args.address).map_err(anyhow::Error::msg)?;
    let nowhere = Endpoint::new("127.0.0.1", 1)?;
    let mut source = Source { args, made: 0, begin: Timestamp::now() - Duration::from_secs(3600) };
    let settings = SpoolSettings {
        directory: Some(args.directory.clone()),
        age_max: Duration::from_secs(86_400),
        bytes_max: 16 << 30,
    };
    let spool = Spool::start(&settings, vec![NAME], Arc::default())?;

    let (began, cpu) = (Instant::now(), cpu_seconds()?);
    let sink = sink(&spool, &address);
    let steady = args.outcomes / 5;
    source.append(&spool, steady).await;
    wait_until_delivered(&spool, "steady").await?;
    let steady_per_second = steady as f64 / began.elapsed().as_secs_f64();
    let steady_cpu_us = (cpu_seconds()? - cpu) * 1e6 / steady as f64;
    finish(sink).await;

    let away = self::sink(&spool, &nowhere);
    let mut resident = vec![resident_mib()?];
    for _ in 0..4 {
        source.append(&spool, args.outcomes / 4).await;
        resident.push(resident_mib()?);
    }
    finish(away).await;

    let began = Instant::now();
    let sink = self::sink(&spool, &address);
    wait_until_delivered(&spool, "catching up").await?;
    let catch_up_seconds = began.elapsed().as_secs_f64();
    let catch_up_resident_mib = resident_mib()?;
    finish(sink).await;
    spool.stop(&Context::detached(TIME_MAX)).await;
    Ok(Figures {
        steady_per_second,
        steady_cpu_us,
        resident_mib: resident,
        catch_up_seconds,
        catch_up_resident_mib,
    })
}

fn sink(spool: &Spool, address: &Endpoint) -> Box<ZabbixSink> {
    let (address, items) = (address.clone(), ItemKeys::default());
    let (heartbeat, reports, not_supported) = (None, true, false);
    let settings = ZabbixSettings { address, tls: None, items, heartbeat, reports, not_supported };
    let assigned = assigned_channel().1;
    Box::new(ZabbixSink::start(&settings, None, assigned, spool.reader(NAME), Arc::default()))
}

/// Ends it, and what it has not delivered stays.
async fn finish(sink: Box<ZabbixSink>) {
    sink.finish(&Context::detached(Duration::from_millis(1)), true).await;
}

async fn wait_until_delivered(spool: &Spool, what: &str) -> Result<()> {
    let (reader, began) = (spool.reader(NAME), Instant::now());
    let mut progress = Progress::of(what);
    loop {
        let left = reader.pending().await.unwrap_or(0);
        if left == 0 {
            return Ok(());
        }
        progress.say(|| format!("{left} outcomes left"));
        ensure!(began.elapsed() < TIME_MAX, "not delivered within {TIME_MAX:?}");
        sleep(LOOK_EVERY).await;
    }
}

/// Says now and then how far something has come.
struct Progress<'a> {
    what: &'a str,
    said: Instant,
}

impl<'a> Progress<'a> {
    fn of(what: &'a str) -> Self {
        Self { what, said: Instant::now() }
    }

    fn say(&mut self, how_far: impl FnOnce() -> String) {
        if self.said.elapsed() >= SAID_EVERY {
            complain(&format!("delivery: {}: {}", self.what, how_far()));
            self.said = Instant::now();
        }
    }
}

/// Outcomes of many lines in turn, each with a moment of its own.
struct Source<'a> {
    args: &'a BenchDeliveryArgs,
    made: u64,
    begin: Timestamp,
}

impl Source<'_> {
    async fn append(&mut self, spool: &Spool, count: u64) {
        let mut progress = Progress::of("outcomes for the spool");
        for number in 0..count {
            spool.append(&self.next());
            if number % APPENDED_AT_ONCE == APPENDED_AT_ONCE - 1 {
                spool.flush(&Context::detached(TIME_MAX)).await;
                progress.say(|| format!("{number} of {count}"));
            }
        }
        spool.flush(&Context::detached(TIME_MAX)).await;
    }

    fn next(&mut self) -> Outcome {
        let number = i32::try_from(self.made).unwrap_or(i32::MAX);
        let line = format!("{}-{}", self.args.prefix, self.made % self.args.lines);
        self.made += 1;
        let at = self.begin + STEP * number;
        Outcome { started_at: Some(at), scheduled_at: at, ..measured(&line) }
    }
}

fn resident_mib() -> Result<f64> {
    let status = fs::read_to_string(Path::new("/proc/self/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program is in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / TICKS_PER_SECOND)
}
