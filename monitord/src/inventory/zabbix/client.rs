//! JSON-RPC with whichever version of the API is there.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use pool_core::Secret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::{Answer, Lenient, Refusal};
use super::dialect::Dialect;
use super::http::{ANSWER_BYTES_MAX, Http, HttpError};
use super::settings::{ApiLogin, ApiSettings};
use crate::tls::TlsClient;

/// How much of what the API says about a refusal is told, in characters.
const REFUSAL_CHARS_MAX: usize = 200;

/// Why a call has no result. Never with a secret in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// There is no answer.
    #[error("{0}")]
    Away(String),
    /// The answer is larger than what is read.
    #[error("{0}: the answer is too large")]
    TooLarge(&'static str),
    /// There is one, and it is not what the API answers. Where it goes wrong, and not what stands
    /// there, which may be a password.
    #[error("{0}")]
    Malformed(String),
    /// The API refuses.
    #[error("{method}: {}", told(.refusal))]
    Refused {
        /// What was called.
        method: &'static str,
        /// What it says.
        refusal: Refusal,
    },
}

fn told(refusal: &Refusal) -> String {
    let Refusal { code, message, data } = refusal;
    let text = format!("{} {} ({code})", message.trim(), data.trim());
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(REFUSAL_CHARS_MAX).collect()
}

impl ApiError {
    /// Whether a session that has expired, or a user who may not, is told.
    fn is_about_the_session(&self) -> bool {
        let Self::Refused { refusal, .. } = self else { return false };
        let text = format!("{} {}", refusal.message, refusal.data).to_lowercase();
        ["re-login", "not authori", "session terminated"].iter().any(|part| text.contains(part))
    }
}

/// What a refresh has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
}

/// The API, as somebody who has logged in.
#[derive(Debug)]
pub(crate) struct Client {
    /// Where it may be. The first is where it is, once it was found.
    https: Vec<Http>,
    login: ApiLogin,
    timeout: Duration,
    dialect: Option<Dialect>,
    /// Of a user with a password.
    session: Option<Secret>,
    cost: Cost,
}

impl Client {
    /// A client that has not connected yet.
    ///
    /// # Errors
    ///
    /// When an URL or the certificates cannot be used.
    pub(crate) fn new(settings: &ApiSettings) -> Result<Self, ApiError> {
        Self::reading_up_to(ANSWER_BYTES_MAX, settings)
    }

    /// The same, with another limit for answers.
    pub(super) fn reading_up_to(
        bytes_max: usize,
        settings: &ApiSettings,
    ) -> Result<Self, ApiError> {
        let tls = settings.tls.as_ref().map(TlsClient::new).transpose();
        let tls = tls.map_err(|(_, fault)| ApiError::Away(format!("TLS: {fault}")))?;
        let http = |url: &String| {
            let uri = url.parse().map_err(|_| ApiError::Away(format!("{url} is no URL")))?;
            Ok(Http::new(uri, tls.clone(), bytes_max))
        };
        Ok(Self {
            https: settings.urls.iter().map(http).collect::<Result<_, ApiError>>()?,
            login: settings.login.clone(),
            timeout: settings.timeout,
            dialect: None,
            session: None,
            cost: Cost::default(),
        })
    }

    /// What its calls have cost so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    /// Which version is there. Asked once, until [`forget`](Self::forget).
    ///
    /// # Errors
    ///
    /// When none is there, or it is too old.
    pub(crate) async fn dialect(&mut self) -> Result<Dialect, ApiError> {
        if let Some(dialect) = self.dialect {
            return Ok(dialect);
        }
        let dialect = self.detect().await?;
        self.dialect = Some(dialect);
        Ok(dialect)
    }

    /// Whether another version is there than the one that was asked so far.
    pub(crate) async fn has_changed(&mut self) -> bool {
        let known = self.dialect;
        match self.detect().await {
            Ok(found) if known != Some(found) => {
                self.forget();
                self.dialect = Some(found);
                true
            }
            _ => false,
        }
    }

    /// Forgets everything that was found out: after a failure, the server may be another.
    pub(crate) fn forget(&mut self) {
        (self.dialect, self.session) = (None, None);
        self.https.iter_mut().for_each(Http::hang_up);
    }

    /// Asks for the version, without a login: newer ones refuse it there.
    async fn detect(&mut self) -> Result<Dialect, ApiError> {
        const METHOD: &str = "apiinfo.version";
        let mut last = None;
        for place in 0..self.https.len() {
            let body = json!({ "jsonrpc": "2.0", "method": METHOD, "params": [], "id": 1 });
            let answer = match self.post(place, METHOD, &body.to_string(), None).await {
                Ok(answer) => answer,
                Err(error) => {
                    last = Some(error);
                    continue;
                }
            };
            let version: String = single(METHOD, &answer)?;
            self.https.swap(0, place);
            return version
                .parse()
                .map_err(|error| ApiError::Malformed(format!("{}: {error}", self.https[0].uri())));
        }
        Err(last.unwrap_or_else(|| ApiError::Away("no URL".to_owned())))
    }

    /// The result of `method`.
    ///
    /// # Errors
    ///
    /// When there is none. A session that has expired is made again first.
    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        method: &'static str,
        params: Value,
    ) -> Result<T, ApiError> {
        let answer = self.answer(method, params).await?;
        single(method, &answer)
    }

    /// The items of the list that `method` results in, each as `read` reads it, and whatever `read`
    /// makes of those that it cannot read.
    ///
    /// # Errors
    ///
    /// When there is no list.
    pub(crate) async fn list<T>(
        &mut self,
        method: &'static str,
        params: Value,
        read: impl Fn(&str) -> T,
    ) -> Result<Vec<T>, ApiError> {
        let answer = self.answer(method, params).await?;
        let result = result(method, &answer)?;
        let items: Lenient<'_> =
            serde_json::from_str(result).map_err(|error| malformed(method, &error))?;
        Ok(items.into_iter().map(|item| read(item.get())).collect())
    }

    async fn answer(&mut self, method: &'static str, params: Value) -> Result<Bytes, ApiError> {
        let had_session = self.session.is_some();
        match self.try_answer(method, &params).await {
            Err(error) if had_session && error.is_about_the_session() => {
                self.session = None;
                self.try_answer(method, &params).await
            }
            answer => answer,
        }
    }

    async fn try_answer(
        &mut self,
        method: &'static str,
        params: &Value,
    ) -> Result<Bytes, ApiError> {
        let dialect = self.dialect().await?;
        let secret = self.secret(dialect).await?;
        let mut body = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 });
        if dialect.auth_in_body() {
            body["auth"] = json!(secret.expose());
        }
        let header = (!dialect.auth_in_body()).then_some(&secret);
        let answer = self.post(0, method, &body.to_string(), header).await?;
        // Refusals are seen here, so that a session can be made again.
        result(method, &answer)?;
        Ok(answer)
    }

    /// The token, or the session, which is made if there is none.
    async fn secret(&mut self, dialect: Dialect) -> Result<Secret, ApiError> {
        const METHOD: &str = "user.login";
        let (username, password) = match (&self.login, &self.session) {
            (ApiLogin::Token(_), _) if !dialect.has_tokens() => {
                let text =
                    format!("Zabbix {dialect} has no tokens: needed is username and password");
                return Err(ApiError::Away(text));
            }
            (ApiLogin::Token(token), _) => return Ok(token.clone()),
            (_, Some(session)) => return Ok(session.clone()),
            (ApiLogin::Password { username, password }, None) => (username, password),
        };
        let params = json!({ dialect.login_user(): username, "password": password.expose() });
        let body = json!({ "jsonrpc": "2.0", "method": METHOD, "params": params, "id": 1 });
        let answer = self.post(0, METHOD, &body.to_string(), None).await?;
        let session = Secret::new(single::<String>(METHOD, &answer)?);
        self.session = Some(session.clone());
        Ok(session)
    }

    async fn post(
        &mut self,
        place: usize,
        method: &'static str,
        body: &str,
        token: Option<&Secret>,
    ) -> Result<Bytes, ApiError> {
        let within = self.timeout;
        let http = &mut self.https[place];
        let uri = http.uri().clone();
        let away = |text: String| ApiError::Away(format!("{uri}: {method}: {text}"));
        self.cost.calls += 1;
        let answer = match timeout(within, http.post(body, token)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(HttpError::TooLarge)) => return Err(ApiError::TooLarge(method)),
            Ok(Err(error)) => return Err(away(error.to_string())),
            Err(_) => return Err(away(format!("no answer within {within:?}"))),
        };
        let (status, bytes) = answer;
        self.cost.bytes += bytes.len() as u64;
        match status {
            StatusCode::OK => Ok(bytes),
            other => Err(away(format!("it answers {other}"))),
        }
    }
}

/// The result in `answer`, as it stands there.
fn result<'a>(method: &'static str, answer: &'a Bytes) -> Result<&'a str, ApiError> {
    let answer: Answer<'a> =
        serde_json::from_slice(answer).map_err(|error| malformed(method, &error))?;
    if let Some(refusal) = answer.error {
        return Err(ApiError::Refused { method, refusal });
    }
    let result = answer.result.map(serde_json::value::RawValue::get);
    result.ok_or_else(|| ApiError::Malformed(format!("{method}: the answer has no result")))
}

fn single<T: DeserializeOwned>(method: &'static str, answer: &Bytes) -> Result<T, ApiError> {
    serde_json::from_str(result(method, answer)?).map_err(|error| malformed(method, &error))
}

/// Where an answer goes wrong. The library's own words repeat what stands there.
fn malformed(method: &'static str, error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::Malformed(format!(
        "{method}: the answer is not what the API answers, at line {line} column {column}"
    ))
}
