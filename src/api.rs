//! A client of a node's HTTP API: for commands that find a node running, and for the demonstration.

use std::{net::SocketAddr, time::Duration};

use hutong_web::error::Problem;
use reqwest::{Method, RequestBuilder, StatusCode, header, multipart};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::failure::{Exit, Failure};

/// How long to wait for the node to take a connection. It is on this machine.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Why the API did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The node said no; the message is its own sentence.
    #[error("{message}")]
    Problem {
        status: StatusCode,
        /// Stable, in `snake_case`.
        code: String,
        message: String,
    },
    /// It did not answer, or not in a way that can be understood.
    #[error("the node did not answer as expected: {0}")]
    Transport(#[from] reqwest::Error),
    /// The live events could not be had.
    #[error("the node's live events cannot be had: {0}")]
    Events(#[from] Box<tungstenite::Error>),
    /// The bearer token or address cannot be sent.
    #[error("the node's token or address is damaged: delete api-token and start the node again")]
    Token,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let exit = match &error {
            ApiError::Problem { status: StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE, .. } => {
                Exit::BadInput
            }
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

/// Live events of a node, as text frames.
pub(crate) type EventStream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A node's API, and the right to use it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    address: SocketAddr,
    authorization: HeaderValue,
}

impl Api {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`ApiError::Token`] if the token cannot stand in a header.
    pub(crate) fn new(address: SocketAddr, token: &str) -> Result<Self, ApiError> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ApiError::Token)?;
        authorization.set_sensitive(true);
        // A proxy has no business between a node and its own command.
        let client = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_WITHIN).build()?;
        Ok(Self { client, address, authorization })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}/api/{path}", self.address);
        self.client.request(method, url).header(header::AUTHORIZATION, self.authorization.clone())
    }

    async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
        Ok(checked(request.send().await?).await?.json().await?)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        Self::answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ApiError> {
        let response = checked(self.request(Method::GET, path).send().await?).await?;
        Ok(response.bytes().await?.to_vec())
    }

    /// A `GET` whose answer is read piece by piece.
    pub(crate) async fn stream(&self, path: &str) -> Result<reqwest::Response, ApiError> {
        checked(self.request(Method::GET, path).send().await?).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        Self::answer(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        Self::answer(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        Self::answer(self.request(Method::PATCH, path).json(body)).await
    }

    /// A `POST` whose answer has no body.
    pub(crate) async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), ApiError> {
        checked(self.request(Method::POST, path).json(body).send().await?).await?;
        Ok(())
    }

    /// A `POST` without a body. It carries the JSON content type all the same, which no foreign form can.
    pub(crate) async fn poke<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        Self::answer(self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json")).await
    }

    pub(crate) async fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<T, ApiError> {
        Self::answer(self.request(Method::POST, path).header(header::CONTENT_TYPE, media_type).body(bytes)).await
    }

    pub(crate) async fn post_form<T: DeserializeOwned>(
        &self,
        path: &str,
        form: multipart::Form,
    ) -> Result<T, ApiError> {
        Self::answer(self.request(Method::POST, path).multipart(form)).await
    }

    /// The node's live events.
    ///
    /// # Errors
    /// [`ApiError::Events`].
    pub(crate) async fn events(&self) -> Result<EventStream, ApiError> {
        let mut request = format!("ws://{}/api/events", self.address).into_client_request().map_err(Box::new)?;
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.clone());
        let stream = TcpStream::connect(self.address).await.map_err(|error| Box::new(error.into()))?;
        let (events, _) =
            tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream)).await.map_err(Box::new)?;
        Ok(events)
    }
}

/// The response, or what the node says is wrong.
async fn checked(response: reqwest::Response) -> Result<reqwest::Response, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(match response.json::<Problem>().await {
        Ok(problem) => ApiError::Problem { status, code: problem.code, message: problem.message },
        Err(_) => {
            ApiError::Problem { status, code: "unknown".to_owned(), message: format!("the node answered {status}") }
        }
    })
}
