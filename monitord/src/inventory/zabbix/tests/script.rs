//! An API that behaves like that of one version of Zabbix, and misbehaves on demand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use pool_core::Secret;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::super::settings::{ApiLogin, ApiSettings, Scope, Tag};

pub(super) const TOKEN: &str = "hunter2-token";
pub(super) const PASSWORD: &str = "hunter2-password";

/// What an API does to a call in place of answering it.
#[derive(Clone, Debug)]
pub(super) enum Misbehaviour {
    /// Answers this, whatever was asked.
    Says(Vec<u8>),
    Status(u16),
    Hangs,
}

/// What an API is and has seen.
#[derive(Debug)]
pub(super) struct Script {
    /// As `apiinfo.version` says it.
    pub(super) version: String,
    pub(super) hosts: Vec<Value>,
    pub(super) templates: Vec<Value>,
    pub(super) globals: Vec<Value>,
    /// The proxies of the group.
    pub(super) members: Vec<Value>,
    /// What items were told, the oldest first.
    pub(super) history: Vec<Value>,
    /// What it does to calls of this method.
    pub(super) misbehaviour: Option<(&'static str, Misbehaviour)>,
    /// The sessions that are valid.
    sessions: Vec<String>,
    logins: usize,
    /// The methods that were called.
    pub(super) calls: Vec<String>,
}

/// It at work.
pub(super) struct Api {
    pub(super) script: Arc<Mutex<Script>>,
    address: SocketAddr,
    _server: AbortOnDropHandle<()>,
}

impl Api {
    pub(super) async fn start(version: &str) -> Self {
        let script = Script {
            version: version.to_owned(),
            hosts: Vec::new(),
            templates: Vec::new(),
            globals: Vec::new(),
            members: Vec::new(),
            history: Vec::new(),
            misbehaviour: None,
            sessions: Vec::new(),
            logins: 0,
            calls: Vec::new(),
        };
        let script = Arc::new(Mutex::new(script));
        let app = Router::new().route("/api_jsonrpc.php", post(answer)).with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { script, address, _server: AbortOnDropHandle::new(server) }
    }

    /// How to ask it, for the hosts of `scope`.
    pub(super) fn settings(&self, login: ApiLogin, scope: Scope) -> ApiSettings {
        ApiSettings {
            urls: vec![format!("http://{}/api_jsonrpc.php", self.address)],
            login,
            tls: None,
            refresh: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
            tag: Tag::default(),
            scope,
        }
    }

    /// Ends all sessions.
    pub(super) fn end_sessions(&self) {
        self.script.lock().sessions.clear();
    }

    pub(super) fn misbehave(&self, method: &'static str, how: Misbehaviour) {
        self.script.lock().misbehaviour = Some((method, how));
    }
}

pub(super) fn token() -> ApiLogin {
    ApiLogin::Token(Secret::new(TOKEN))
}

pub(super) fn password() -> ApiLogin {
    ApiLogin::Password { username: "monitord".to_owned(), password: Secret::new(PASSWORD) }
}

pub(super) fn proxy() -> Scope {
    Scope::Proxy("edge".to_owned())
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let call: Value = serde_json::from_str(&body).unwrap();
    let method = call["method"].as_str().unwrap().to_owned();
    let misbehaviour = {
        let mut script = script.lock();
        script.calls.push(method.clone());
        let wanted = script.misbehaviour.clone().filter(|(which, _)| *which == method);
        wanted.map(|(_, how)| how)
    };
    match misbehaviour {
        Some(Misbehaviour::Says(bytes)) => return Body::from(bytes).into_response(),
        Some(Misbehaviour::Status(code)) => {
            return StatusCode::from_u16(code).unwrap().into_response();
        }
        Some(Misbehaviour::Hangs) => std::future::pending::<()>().await,
        None => {}
    }
    let header = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let result = script.lock().call(&method, &call, header.as_deref());
    let answer = match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": call["id"] }),
        Err((code, data)) => {
            let error = json!({ "code": code, "message": "Invalid params.", "data": data });
            json!({ "jsonrpc": "2.0", "error": error, "id": call["id"] })
        }
    };
    answer.to_string().into_response()
}

type Refused = (i64, String);

impl Script {
    fn number(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap(), parts.next().unwrap())
    }

    fn call(&mut self, method: &str, call: &Value, header: Option<&str>) -> Result<Value, Refused> {
        let version = self.number();
        let params = &call["params"];
        let refused = |data: String| Err((-32602, data));
        if method == "apiinfo.version" {
            return match header {
                Some(_) => refused("The method must be called without authorization.".into()),
                None => Ok(json!(self.version)),
            };
        }
        if method == "user.login" {
            return self.log_in(params, version);
        }
        let in_body = call.get("auth").and_then(Value::as_str);
        if in_body.is_some() && version >= (7, 2) {
            return refused("Invalid parameter \"/\": unexpected parameter \"auth\".".into());
        }
        let in_header = header.and_then(|text| text.strip_prefix("Bearer "));
        let given = if version < (6, 4) { in_body } else { in_header.or(in_body) };
        let is_token = given == Some(TOKEN) && version >= (5, 4);
        if !is_token && !self.sessions.iter().any(|known| Some(known.as_str()) == given) {
            return refused("Session terminated, re-login, please.".into());
        }
        self.get(method, params, version)
    }

    fn log_in(&mut self, params: &Value, version: (u32, u32)) -> Result<Value, Refused> {
        let name = match (params.get("user"), params.get("username")) {
            (Some(name), None) if version < (6, 4) => name,
            (None, Some(name)) if version >= (5, 4) => name,
            _ => return Err((-32602, "Invalid parameter \"/\": unexpected parameter.".into())),
        };
        if name != "monitord" || params["password"] != PASSWORD {
            return Err((-32602, "Incorrect user name or password.".into()));
        }
        self.logins += 1;
        let session = format!("hunter2-session-{}", self.logins);
        self.sessions.push(session.clone());
        Ok(json!(session))
    }

    fn get(&self, method: &str, params: &Value, version: (u32, u32)) -> Result<Value, Refused> {
        let asked = |key: &str| params[key].as_array().cloned().unwrap_or_default();
        let is_asked = |one: &Value, key: &str, id: &str| asked(key).contains(&one[id]);
        match method {
            "proxy.get" => {
                let filter = params["filter"].as_object().unwrap();
                if filter.get("proxy_groupid") == Some(&json!(["12"])) {
                    assert!(version >= (7, 0), "there are no groups");
                    return Ok(json!(self.members));
                }
                let field = if version >= (7, 0) { "name" } else { "host" };
                let Some(names) = filter.get(field) else {
                    return match version >= (7, 0) {
                        true => Err((-32602, "Invalid parameter \"/filter\".".into())),
                        false => Ok(json!([{ "proxyid": "666" }])),
                    };
                };
                let is_there = names.as_array().unwrap().contains(&json!("edge"));
                Ok(if is_there { json!([{ "proxyid": "11" }]) } else { json!([]) })
            }
            "proxygroup.get" if version >= (7, 0) => Ok(json!([{ "proxy_groupid": "12" }])),
            "host.get" if params.get("hostids").is_none() => {
                let ids = params.get("proxyids").or(params.get("proxy_groupids"));
                assert!([json!(["11"]), json!(["12"])].contains(ids.unwrap()), "{params}");
                assert_eq!(params["tags"][0]["operator"], 1);
                Ok(self.hosts.iter().map(|host| json!({ "hostid": host["hostid"] })).collect())
            }
            "host.get" => {
                let hosts = self.hosts.iter();
                let hosts = hosts.filter(|host| is_asked(host, "hostids", "hostid"));
                let has_macros = params.get("selectMacros").is_some();
                let shown = |host: &Value| match has_macros {
                    true => host.clone(),
                    false => json!({ "hostid": host["hostid"], "host": host["host"] }),
                };
                Ok(hosts.map(shown).collect())
            }
            "template.get" => {
                let templates = self.templates.iter();
                let asked = templates.filter(|one| is_asked(one, "templateids", "templateid"));
                Ok(asked.cloned().collect())
            }
            "usermacro.get" => Ok(json!(self.globals)),
            "history.get" => Ok(self.told(params)),
            _ => Err((-32601, format!("Incorrect API \"{method}\"."))),
        }
    }
}

impl Script {
    fn told(&self, params: &Value) -> Value {
        assert_eq!(
            (&params["sortfield"], &params["sortorder"]),
            (&json!(["clock"]), &json!("ASC"))
        );
        let bound = |key: &str| params[key].as_i64().unwrap();
        let time = bound("time_from")..=bound("time_till");
        let clock = |value: &&Value| value["clock"].as_str().unwrap().parse().unwrap();
        let limit = usize::try_from(bound("limit")).unwrap();
        let told = self.history.iter().filter(|value| time.contains(&clock(value)));
        told.take(limit).cloned().collect()
    }
}

/// A macro as the API says it.
pub(super) fn macro_of(name: &str, value: &str) -> Value {
    json!({ "macro": format!("{{$LINE_{name}}}"), "value": value, "type": "0" })
}

/// A host that is a good line, behind one of a hundred routers.
pub(super) fn host(number: usize) -> Value {
    let router = format!("192.0.2.{}", number % 100 + 1);
    json!({
        "hostid": (1000 + number).to_string(),
        "host": format!("line-{number:05}"),
        "macros": [macro_of("ROUTER_IP", &router), macro_of("TARGET", "198.51.100.1")],
        "parentTemplates": [{ "templateid": "7" }],
        "assigned_proxyid": "0",
    })
}

/// The template of those.
pub(super) fn template() -> Value {
    let macros = [
        macro_of("ROUTER_USERNAME", "monitor"),
        macro_of("ROUTER_PASSWORD", "hunter2-router"),
        macro_of("ROUTER_PLATFORM", "cisco_iosxe"),
        macro_of("CHECK_INTERVAL", "1m"),
    ];
    json!({ "templateid": "7", "macros": macros, "parentTemplates": [] })
}
