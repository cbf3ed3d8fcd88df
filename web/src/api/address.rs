//! The owner's postal addresses, kept on this node.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(Address)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

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
