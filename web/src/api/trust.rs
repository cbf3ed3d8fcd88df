//! Reviews and recommendations.

use hutong_node::{engine::EngineError, search::SocialContext};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{BlobHash, Id, Ms, Party};
use crate::{state::AppState, views::Views};

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(Rating, Reviews, Review, ReviewWrite, Recommend)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// What buyers gave, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rating {
    /// The mean in tenths: 47 is 4.7; `null` without reviews.
    #[schema(required)]
    pub average_tenths: Option<u8>,
    /// Reviews.
    pub count: u32,
    /// Distinct buyers.
    pub buyers: u32,
    /// Of these, my contacts.
    pub contacts: u32,
}

/// The reviews of a listing, those of my contacts first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reviews {
    /// In short.
    pub rating: Rating,
    /// In full.
    pub reviews: Vec<Review>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// The record.
    pub id: Id,
    /// Who wrote it.
    pub author: Party,
    /// Whether the author is my contact.
    pub from_contact: bool,
    /// 1 to 5.
    pub overall: u8,
    /// The text.
    pub text: String,
    /// Pictures.
    pub photos: Vec<BlobHash>,
    /// The author's claim of when.
    pub at: Ms,
    /// Whether the seller countersigned it for a real order.
    pub verified: bool,
    /// Whether I wrote it.
    pub mine: bool,
}

/// A review to write.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReviewWrite {
    /// Which listing of the order.
    pub listing: String,
    /// 1 to 5.
    pub overall: u8,
    /// The text.
    pub text: String,
    /// Pictures that were uploaded before.
    #[serde(default)]
    pub photos: Vec<BlobHash>,
}

/// "I recommend this", to my contacts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Recommend {
    /// Why; may be empty.
    pub text: String,
}

/// What my contacts bought and recommend, for the order of search results.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn social_context(_: &Views<'_>) -> Result<SocialContext, EngineError> {
    Ok(SocialContext::default())
}
