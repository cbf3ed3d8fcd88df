//! Where somebody is: what a message said, and the newest word after it.

use hutong_protocol::{
    TimestampMs,
    chat::{Location, Position},
};

use super::fold;

/// Where somebody is, as a message says and what came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The newest place.
    pub location: Location,
    /// When that was said.
    pub moved_at: TimestampMs,
    /// Its author tells it no longer.
    pub ended: bool,
}

/// The newest place of a message. What is said of one that is not live, or after its time, is not heard.
pub(super) fn place(location: Location, at: TimestampMs, moved: Option<fold::MoveRow>) -> Place {
    let moved = moved.filter(|moved| location.live_until.is_some_and(|until| moved.at <= until));
    match moved {
        None => Place { location, moved_at: at, ended: false },
        Some(fold::MoveRow { at, position: Position { lat_e7, lon_e7, accuracy_m }, ended, .. }) => {
            Place { location: Location { lat_e7, lon_e7, accuracy_m, ..location }, moved_at: at, ended }
        }
    }
}
