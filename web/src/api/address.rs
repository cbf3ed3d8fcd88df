//! The owner's postal addresses, kept on this node.

use axum::extract::State;
use hutong_node::account;
use hutong_protocol::order;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    error::{ApiResult, Problem},
    extract::Json,
    state::AppState,
};

/// A postal address. Leaves this node only inside an order to its store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Address {
    /// Who receives.
    pub name: String,
    /// Their telephone number.
    pub phone: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// State or province.
    pub region: String,
    /// City.
    pub city: String,
    /// Street, house, flat.
    pub street: String,
    /// Postal code.
    pub postal_code: String,
}

impl From<order::Address> for Address {
    fn from(address: order::Address) -> Self {
        let order::Address { name, phone, country, region, city, street, postal_code } = address;
        Self { name, phone, country, region, city, street, postal_code }
    }
}

impl From<Address> for order::Address {
    fn from(address: Address) -> Self {
        let Address { name, phone, country, region, city, street, postal_code } = address;
        Self { name, phone, country, region, city, street, postal_code }
    }
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// The owner's addresses, the usual one first.
#[utoipa::path(get, path = "/api/addresses", tag = "settings", responses((status = 200, body = Vec<Address>)))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Address>>> {
    let addresses = state.view(|views| account::view::addresses(views.read)).await?;
    Ok(Json(addresses.into_iter().map(Into::into).collect()))
}

/// Replaces the owner's addresses.
#[utoipa::path(put, path = "/api/addresses", tag = "settings", request_body = Vec<Address>, responses(
    (status = 200, body = Vec<Address>),
    (status = 422, body = Problem),
))]
async fn put(
    State(state): State<AppState>,
    auth: Auth,
    Json(addresses): Json<Vec<Address>>,
) -> ApiResult<Json<Vec<Address>>> {
    let addresses: Vec<order::Address> = addresses.into_iter().map(Into::into).collect();
    state.node().call(move |cx| account::set_addresses(cx, &addresses)).await?;
    get(State(state), auth).await
}
