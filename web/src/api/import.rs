//! Importing a catalogue: a CSV file in Shopify's product format with its pictures, in one multipart request.
//!
//! Pictures are stored as they come and named by the CSV's file names; only if the whole file is right is anything of the
//! catalogue changed, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::Bytes,
    extract::{
        DefaultBodyLimit, Multipart, State,
        multipart::{Field, MultipartError},
    },
};
use hutong_node::market::{
    import::{Catalogue, Format, Import, Issue, Picture, Pictures},
    own, view,
};
use hutong_protocol as protocol;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::events::Event;
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem, sentence},
    extract::{Json, Query},
    fetch, picture,
    security::{IMPORT_BYTES_MAX, PICTURE_BYTES_MAX},
    state::AppState,
};

/// Pictures in one request: a few for each of 5,000 products would not fit its size anyway.
const PICTURES_MAX: usize = 20_000;

/// How to import.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// The files of an import.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes a multipart body that is read as a stream")]
pub struct ImportFiles {
    /// One CSV file in Shopify's product format.
    #[schema(format = Binary, content_media_type = "text/csv")]
    csv: String,
    /// Pictures that the CSV names by file name.
    #[schema(format = Binary)]
    pictures: Vec<String>,
}

/// Which header row a CSV file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// Shopify's current product format.
    ShopifyCurrent,
    /// Shopify's product format until 2024.
    ShopifyLegacy,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Whether this was only a trial.
    pub dry_run: bool,
    /// Which format the file has; `null` if it has none of them.
    #[schema(required)]
    pub format: Option<ImportFormat>,
    /// Whether anything was changed; an error in any row means that nothing is.
    pub applied: bool,
    /// Products read.
    pub products: u32,
    /// Variants read.
    pub variants: u32,
    /// New listings.
    pub created: u32,
    /// Changed listings.
    pub updated: u32,
    /// Listings as they were.
    pub unchanged: u32,
    /// Pictures found.
    pub pictures: u32,
    /// What must be mended first.
    pub errors: Vec<ImportIssue>,
    /// What was left out or guessed.
    pub warnings: Vec<ImportIssue>,
    /// The first 20 products.
    pub preview: Vec<ImportPreview>,
}

/// Something wrong in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportIssue {
    /// The row; 1 is the header.
    pub row: u32,
    /// The column's name.
    #[schema(required)]
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// One product as it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportPreview {
    /// The listing's name.
    pub listing: String,
    /// Its title.
    pub title: String,
    /// Its price or range of prices, as text.
    pub price: String,
    /// How many variants.
    pub variants: u32,
    /// How many there are; `null` if not counted.
    #[schema(required)]
    pub stock: Option<i64>,
    /// How many pictures.
    pub pictures: u32,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    let limit = DefaultBodyLimit::max(usize::try_from(IMPORT_BYTES_MAX).unwrap_or(usize::MAX));
    OpenApiRouter::new().routes(routes!(import)).layer(limit)
}

/// What came in the request.
#[derive(Default)]
struct Files {
    csv: Option<Bytes>,
    /// By file name.
    pictures: BTreeMap<String, Kept>,
}

/// A picture's hash, or why there is none.
type Kept = Result<protocol::BlobHash, String>;

/// Imports a catalogue, or says what an import would do. All or nothing: one wrong row, and nothing is changed.
#[utoipa::path(post, path = "/api/store/import", tag = "store", params(ImportQuery),
    request_body(content = ImportFiles, content_type = "multipart/form-data"), responses(
        (status = 200, body = ImportReport),
        (status = 409, body = Problem, description = "There is no store yet"),
        (status = 413, body = Problem),
        (status = 422, body = Problem),
        (status = 507, body = Problem),
    ))]
async fn import(
    State(state): State<AppState>,
    _: Auth,
    Query(query): Query<ImportQuery>,
    multipart: Multipart,
) -> ApiResult<Json<ImportReport>> {
    let no_store = || {
        let message = "Open your store first: give it a name and a currency.";
        ApiError::new(axum::http::StatusCode::CONFLICT, "no_store", message)
    };
    let store = state.view(|views| views.me.map_or(Ok(None), |me| views.store(&me))).await?;
    let currency = store.ok_or_else(no_store)?.currency;
    let files = receive(&state, multipart, query.dry_run).await?;
    let csv = files.csv.ok_or_else(|| ApiError::invalid("csv", "Choose a CSV file."))?;
    let read = tokio::task::spawn_blocking(move || Catalogue::read(&csv, currency));
    let catalogue = read.await.map_err(ApiError::internal)?;
    let pictures = find(&state, catalogue.pictures(), &files.pictures, query.dry_run).await?;
    let hashes: BTreeSet<_> = pictures.values().flatten().copied().collect();
    let dry_run = query.dry_run;
    let planned = state.view(move |views| {
        let existing = view::all_own(views.read)?.into_iter().map(|(handle, own)| (handle, own.listing)).collect();
        Ok(catalogue.plan(&existing, &pictures, dry_run))
    });
    let Import { report, changes } = planned.await?;
    let applied = !dry_run && report.errors.is_empty();
    if applied {
        state.node().call(move |cx| own::put_all(cx, changes)).await?;
        for hash in hashes {
            state.node().provide_blob(hash).await?;
        }
    }
    Ok(Json(shape(&report, applied)))
}

fn broken(error: &MultipartError) -> ApiError {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::too_large(IMPORT_BYTES_MAX);
    }
    ApiError::new(error.status(), "broken_upload", "The upload broke off. Try again.")
}

/// Reads the request part by part: one picture in memory at a time.
async fn receive(state: &AppState, mut multipart: Multipart, dry_run: bool) -> ApiResult<Files> {
    let mut files = Files::default();
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        match field.name() {
            Some("csv") => files.csv = Some(field.bytes().await.map_err(|error| broken(&error))?),
            Some("pictures") => {
                if files.pictures.len() >= PICTURES_MAX {
                    let message = "At most 20,000 pictures go in one import: import the rest afterwards.";
                    return Err(ApiError::invalid("pictures", message));
                }
                let name = field.file_name().map(normal).unwrap_or_default();
                let kept = keep(state, field, dry_run).await?;
                files.pictures.insert(name, kept);
                let done = u32::try_from(files.pictures.len()).unwrap_or(u32::MAX);
                // How many there will be is not known yet: the total grows along.
                state.events().send(&Event::ImportProgress { done, total: done });
            }
            _ => {}
        }
    }
    Ok(files)
}

/// A file's path as the CSV would name it: `/` between folders, and without regard to case.
fn normal(path: &str) -> String {
    path.replace('\\', "/").trim_start_matches("./").to_lowercase()
}

/// The last part of a path.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Stores a picture (in a trial: only looks at it). A file that is no picture is a warning of its rows, not an error.
async fn keep(state: &AppState, field: Field<'_>, dry_run: bool) -> ApiResult<Kept> {
    let bytes = field.bytes().await.map_err(|error| broken(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > PICTURE_BYTES_MAX {
        return Ok(Err("the picture is larger than 16 MiB: make it smaller".into()));
    }
    if dry_run {
        let looked = picture::look(&bytes).map_err(|error| error.to_string());
        return Ok(looked.map(|_| protocol::BlobHash(*blake3::hash(&bytes).as_bytes())));
    }
    store(state, bytes.to_vec()).await
}

async fn store(state: &AppState, bytes: Vec<u8>) -> ApiResult<Kept> {
    if let Err(error) = picture::look(&bytes) {
        return Ok(Err(error.to_string()));
    }
    let blobs = state.node().blobs().clone();
    let stored = tokio::task::spawn_blocking(move || blobs.import(&bytes)).await.map_err(ApiError::internal)?;
    Ok(Ok(stored?))
}

/// What is there of the pictures that the catalogue names: uploaded, on this node already, or fetched from the web.
async fn find(
    state: &AppState,
    wanted: BTreeSet<Picture>,
    uploaded: &BTreeMap<String, Kept>,
    dry_run: bool,
) -> ApiResult<Pictures> {
    // By the last part of a name, where that is enough to tell: browsers send no folders.
    let mut by_base: BTreeMap<&str, Option<&Kept>> = BTreeMap::new();
    for (name, kept) in uploaded {
        by_base.entry(base(name)).and_modify(|other| *other = None).or_insert(Some(kept));
    }
    let chosen = |path: &str| {
        let path = normal(path);
        uploaded.get(&path).or_else(|| by_base.get(base(&path)).copied().flatten()).cloned()
    };
    let blobs = state.node().blobs().clone();
    let (mut found, mut urls) = (Pictures::new(), BTreeSet::new());
    for picture in wanted {
        let result = match &picture {
            Picture::File(path) => {
                chosen(path).unwrap_or_else(|| Err(format!("{path} was not among the pictures that were chosen")))
            }
            // Whoever saved the pictures beside the file has them under the last part of their address.
            Picture::Url(url) => match chosen(url.split(['?', '#']).next().unwrap_or_default()) {
                Some(kept) => kept,
                None => {
                    urls.insert(url.clone());
                    continue;
                }
            },
            Picture::Blob(hash) if blobs.contains(hash) => Ok(*hash),
            Picture::Blob(_) => Err("this picture is not on this node any more".into()),
        };
        found.insert(picture, result);
    }
    if !dry_run {
        let total = u32::try_from(urls.len()).unwrap_or(u32::MAX);
        let progress = |done: usize| {
            let done = u32::try_from(done).unwrap_or(u32::MAX);
            state.events().send(&Event::ImportProgress { done, total });
        };
        let keep = async |bytes: Vec<u8>| match store(state, bytes).await {
            Ok(kept) => kept,
            Err(_) => Err("it could not be kept: is the disk full?".to_owned()),
        };
        let fetched = fetch::pictures(urls, keep, progress).await;
        let say = |url: &str, why: String| format!("{url} could not be fetched: {why}");
        found.extend(fetched.into_iter().map(|(url, kept)| {
            let kept = kept.map_err(|why| say(&url, why));
            (Picture::Url(url), kept)
        }));
    }
    Ok(found)
}

fn shape(report: &hutong_node::market::import::ImportReport, applied: bool) -> ImportReport {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let issues = |issues: Vec<Issue>| {
        let issue = |issue: Issue| ImportIssue {
            row: count(issue.row),
            column: issue.column,
            message: sentence(&issue.message),
        };
        issues.into_iter().map(issue).collect()
    };
    ImportReport {
        dry_run: report.dry_run,
        format: report.format.map(|format| match format {
            Format::ShopifyCurrent => ImportFormat::ShopifyCurrent,
            Format::ShopifyLegacy => ImportFormat::ShopifyLegacy,
        }),
        applied,
        products: count(report.products),
        variants: count(report.variants),
        created: count(report.created),
        updated: count(report.updated),
        unchanged: count(report.unchanged),
        pictures: count(report.pictures),
        errors: issues(report.errors.list()),
        warnings: issues(report.warnings.list()),
        preview: report
            .preview
            .iter()
            .map(|product| ImportPreview {
                listing: product.listing.clone(),
                title: product.title.clone(),
                price: product.price.clone(),
                variants: count(product.variants),
                stock: product.stock.map(|stock| i64::try_from(stock).unwrap_or(i64::MAX)),
                pictures: count(product.pictures),
            })
            .collect(),
    }
}
