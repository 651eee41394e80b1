use anyhow::{Context as _, Result};

use super::Exit;
use crate::app::Parts;
use crate::cli::TemplateArgs;
use crate::output::Output;
use crate::settings::{self, Environment};
use crate::template::{self, HEARTBEAT_KEY};

/// Writes the templates that go with a configuration, or all there can be.
pub(super) fn execute(args: &TemplateArgs, parts: &Parts) -> Result<Exit> {
    let (items, heartbeat) = match &args.config {
        None => (template::all_items(), Some(HEARTBEAT_KEY.to_owned())),
        Some(path) => {
            let environment = Environment::of_process();
            let settings = settings::load(path, &environment, &args.overrides, &parts.catalog())?;
            let zabbix = settings.zabbix.with_context(|| {
                format!(
                    "{}: nothing is reported to Zabbix: zabbix.sender is missing",
                    path.display()
                )
            })?;
            (zabbix.items, zabbix.heartbeat.map(|heartbeat| heartbeat.key))
        }
    };
    let export = template::export(args.format, &items, heartbeat.as_deref());
    let text = serde_json::to_string_pretty(&export).context("cannot write the template")?;
    Output::default().write(&(text + "\n"))?;
    Ok(Exit::Ok)
}
