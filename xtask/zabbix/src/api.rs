use std::time::Duration;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::Version;

/// An import of a template and the creation of a thousand hosts take seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Held while something is written in one version's Zabbix: the API counts ids in rows of the database
/// that the first writer makes, and fails when two make one at the same time.
static WRITING: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];

/// The API of a lab, as its administrator or as whoever has logged in.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    version: Version,
    session: Option<String>,
    agent: ureq::Agent,
}

impl Api {
    /// Logs in.
    ///
    /// # Errors
    ///
    /// When the API is away, or refuses.
    pub fn log_in(url: &str, version: Version, username: &str, password: &str) -> Result<Self> {
        let mut api = Self::with_token(url, version, None);
        let session =
            api.call("user.login", json!({ "username": username, "password": password }))?;
        api.session = Some(session.as_str().context("a login is answered by a text")?.to_owned());
        Ok(api)
    }

    /// Uses a token, or none.
    pub fn with_token(url: &str, version: Version, token: Option<String>) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build().into();
        Self { url: url.to_owned(), version, session: token, agent }
    }

    /// The result of a method. Of this process, one at a time writes in a version's Zabbix.
    ///
    /// # Errors
    ///
    /// When the API is away, and with what it says when it refuses.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        let _writing = (!method.ends_with(".get")).then(|| WRITING[self.version as usize].lock());
        let mut body = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 });
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json-rpc");
        if let Some(session) = &self.session {
            match self.version {
                Version::V6_0 => body["auth"] = json!(session),
                Version::V7_0 => {
                    request = request.header("Authorization", format!("Bearer {session}"))
                }
            }
        }
        let mut answer =
            request.send(body.to_string()).with_context(|| format!("cannot call {method}"))?;
        let limit = answer.body_mut().with_config().limit(256 << 20);
        let text = limit.read_to_string().with_context(|| format!("{method}: no whole answer"))?;
        let answer: Value = serde_json::from_str(&text)
            .with_context(|| format!("{method}: {text:?} is no JSON"))?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer["result"].clone()),
        }
    }

    /// The id of the object whose `field` is `name`, which `create` makes when there is none.
    pub(crate) fn get_or_create(
        &self,
        object: &str,
        id: &str,
        (field, name): (&str, &str),
        create: Value,
    ) -> Result<String> {
        let query = json!({ "output": [id], "filter": { field: [name] } });
        let found = self.call(&format!("{object}.get"), query)?;
        let made = match found[0].get(id) {
            Some(found) => found.clone(),
            None => self.call(&format!("{object}.create"), create)?[format!("{id}s")][0].clone(),
        };
        made.as_str().map(str::to_owned).with_context(|| format!("no id of {object} {name}"))
    }
}
