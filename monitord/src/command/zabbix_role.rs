//! The rights in Zabbix that reading the inventory takes, and no others.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Exit;
use crate::cli::{Format, RoleArgs};
use crate::inventory::zabbix::{Dialect, History};
use crate::output::Output;

/// What the role is called.
const NAME: &str = "monitord";
/// A role of the type User.
const TYPE_USER: &str = "1";
/// The methods of the role are those that are allowed.
const ALLOW_LIST: &str = "1";

/// Writes the role: for people with what to click, or as the parameters of `role.create`.
pub(super) fn execute(args: &RoleArgs) -> Result<Exit> {
    let mut methods = args.version.methods();
    if args.history {
        methods.extend(History::METHODS);
    }
    let role = role(&methods);
    let role = serde_json::to_string_pretty(&role).context("cannot write the role")?;
    let text = match args.output {
        Format::Json => role + "\n",
        Format::Table => instructions(args.version, &methods, &role),
    };
    Output::default().write(&text)?;
    Ok(Exit::Ok)
}

/// The parameters of `role.create`.
fn role(methods: &[&str]) -> Value {
    json!({
        "name": NAME,
        "type": TYPE_USER,
        "rules": {
            // A role must have one page of the frontend at least.
            "ui": [{ "name": "monitoring.hosts", "status": "1" }],
            "ui.default_access": "0",
            "modules.default_access": "0",
            "actions.default_access": "0",
            "services.read.mode": "0",
            "services.write.mode": "0",
            "api.access": "1",
            "api.mode": ALLOW_LIST,
            "api": methods,
        },
    })
}

fn instructions(version: Dialect, methods: &[&str], role: &str) -> String {
    let methods = methods.join(", ");
    format!(
        "What monitord needs to read its lines from Zabbix {version}, and no more.

In the frontend:
 1. Users, User roles, Create user role. Name: {NAME}. User type: User.
    Access to UI elements: only Monitoring, Hosts. Access to actions: none.
    Access to API: enabled, allow list: {methods}
 2. Users, User groups, Create user group. Permissions: Read on the groups of the hosts that are
    lines, and on the groups of the templates that are linked to them: macros of templates that the
    user may not read would be missing without a word.
 3. Users, Users, Create user, in that group, with that role.
 4. API tokens, Create API token, for that user. It is zabbix.api.token of the configuration. (Before
    5.4 there are no tokens: zabbix.api.username and password.)

Or through the API, step 1 is role.create with these parameters (-o json prints them alone):

{role}
"
    )
}
