//! How this node looks and behaves.

use axum::extract::State;
use hutong_node::account;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    error::{ApiResult, Problem},
    extract::Json,
    state::AppState,
};

/// The owner's choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// The language of the screen.
    pub language: Language,
    /// Light or dark.
    pub theme: Theme,
    /// Whether others see that I read their messages.
    pub read_receipts: bool,
    /// Whether this node looks for others on the local network.
    pub mdns: bool,
    /// Whether others see that I am online and that I am writing; without it, I see that of nobody.
    #[serde(default)]
    pub share_presence: bool,
    /// Files of messages up to this size in bytes are fetched by themselves.
    #[serde(default = "auto_fetch_bytes")]
    pub auto_fetch_bytes: u64,
}

fn auto_fetch_bytes() -> u64 {
    account::view::Settings::default().auto_fetch_bytes
}

/// A language of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// The browser's.
    Auto,
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// The system's.
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl From<account::view::Settings> for Settings {
    fn from(settings: account::view::Settings) -> Self {
        let language = match settings.language.as_str() {
            "en" => Language::En,
            "zh" => Language::Zh,
            _ => Language::Auto,
        };
        let theme = match settings.theme.as_str() {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        };
        let account::view::Settings { read_receipts, mdns, share_presence, auto_fetch_bytes, .. } = settings;
        Self { language, theme, read_receipts, mdns, share_presence, auto_fetch_bytes }
    }
}

impl From<Settings> for account::view::Settings {
    fn from(settings: Settings) -> Self {
        let language = match settings.language {
            Language::Auto => "auto",
            Language::En => "en",
            Language::Zh => "zh",
        };
        let theme = match settings.theme {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        let Settings { read_receipts, mdns, share_presence, auto_fetch_bytes, .. } = settings;
        let (language, theme) = (language.to_owned(), theme.to_owned());
        Self { language, theme, read_receipts, mdns, share_presence, auto_fetch_bytes }
    }
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// The owner's choices.
#[utoipa::path(get, path = "/api/settings", tag = "settings", responses((status = 200, body = Settings)))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Settings>> {
    let settings = state.view(|views| account::view::settings(views.read)).await?;
    Ok(Json(settings.into()))
}

/// Changes the owner's choices.
#[utoipa::path(put, path = "/api/settings", tag = "settings", request_body = Settings, responses(
    (status = 200, body = Settings),
    (status = 422, body = Problem),
))]
async fn put(State(state): State<AppState>, auth: Auth, Json(settings): Json<Settings>) -> ApiResult<Json<Settings>> {
    let settings = account::view::Settings::from(settings);
    state.node().call(move |cx| account::set_settings(cx, &settings)).await?;
    get(State(state), auth).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_survives_the_way_to_the_node_and_back() {
        for language in [Language::Auto, Language::En, Language::Zh] {
            for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
                let settings = Settings {
                    language,
                    theme,
                    read_receipts: false,
                    mdns: true,
                    share_presence: true,
                    auto_fetch_bytes: 0,
                };
                assert_eq!(Settings::from(account::view::Settings::from(settings.clone())), settings);
            }
        }
    }
}
