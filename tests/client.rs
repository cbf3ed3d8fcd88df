//! The API of one node, as a script uses it: bearer token, JSON in, JSON out.

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
    multipart::{Form, Part},
};
use serde_json::Value;

use crate::PATIENCE;

/// An error that the API answered.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// The sentence for people.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

/// A client of one node's API.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    /// `127.0.0.1:port`.
    authority: String,
    token: String,
}

impl Client {
    pub(crate) fn new(authority: String, token: String) -> Result<Self> {
        // No redirects, no proxy: this is about this machine.
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { http, authority, token })
    }

    /// Where the API listens: `127.0.0.1:port`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The plain HTTP client, for requests that are wrong on purpose.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The full address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority)
    }

    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::PUT, path, Some(body)).await
    }

    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.ask(Method::DELETE, path, None).await
    }

    /// What the API refuses with.
    ///
    /// # Errors
    /// If it did not refuse, or nobody answered.
    pub async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> Result<Refusal> {
        match self.ask(method.clone(), path, body).await {
            Ok(answer) => bail!("{method} {path} was not refused: {answer:#}"),
            Err(error) => error.downcast::<Refusal>(),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), self.url(path)).header(AUTHORIZATION, self.bearer());
        if let Some(body) = &body {
            request = request.json(body);
        } else if method != Method::GET {
            // Unsafe methods speak JSON, with or without a body.
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        answer(response).await.with_context(|| format!("{method} {path}"))
    }

    /// Uploads a picture; its hash.
    ///
    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn upload(&self, bytes: Vec<u8>, media_type: &str) -> Result<String> {
        let request = self.http.post(self.url("/api/blobs")).header(AUTHORIZATION, self.bearer());
        let answered = answer(request.header(CONTENT_TYPE, media_type).body(bytes).send().await?).await?;
        Ok(text(&answered, "hash"))
    }

    /// The bytes of a file, fetched from others if need be.
    ///
    /// # Errors
    /// If the node does not have it and cannot get it.
    pub async fn blob(&self, hash: &str) -> Result<Vec<u8>> {
        let url = self.url(&format!("/api/blobs/{hash}"));
        let response = self.http.get(url).header(AUTHORIZATION, self.bearer()).send().await?;
        if response.status() != StatusCode::OK {
            answer(response).await?;
            bail!("the blob {hash} came with an unexpected status");
        }
        Ok(response.bytes().await?.to_vec())
    }

    /// Imports a catalogue with pictures (file name, JPEG bytes); the report.
    ///
    /// # Errors
    /// [`Refusal`], or that nobody answered.
    pub async fn import(&self, csv: Vec<u8>, pictures: Vec<(String, Vec<u8>)>, dry_run: bool) -> Result<Value> {
        let mut form = Form::new().part("csv", Part::bytes(csv).file_name("goods.csv").mime_str("text/csv")?);
        for (name, bytes) in pictures {
            form = form.part("pictures", Part::bytes(bytes).file_name(name).mime_str("image/jpeg")?);
        }
        let url = self.url(&format!("/api/store/import?dry_run={dry_run}"));
        answer(self.http.post(url).header(AUTHORIZATION, self.bearer()).multipart(form).send().await?).await
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

async fn answer(response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let bytes = response.bytes().await?;
    if status.is_success() {
        return if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) };
    }
    let problem: Value = serde_json::from_slice(&bytes)
        .map_err(|_| anyhow!("{status} without a problem: {}", String::from_utf8_lossy(&bytes)))?;
    let refusal = Refusal { status: status.as_u16(), code: text(&problem, "code"), message: text(&problem, "message") };
    Err(refusal.into())
}

/// A member that must be a string.
pub(crate) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no text \"{member}\" in {value:#}")).to_owned()
}
