//! What is valid of an account's own records.

use hutong_protocol::{
    Topic, Verified,
    account::{Device, PROFILE_SLOT, Profile, Revocation},
    record::RecordError,
};

use crate::engine::Reject;

/// All three kinds live in the author's own profile topic.
pub(super) fn own_topic(record: &Verified) -> Result<(), Reject> {
    let header = record.header();
    if header.topic == Topic::Profile(header.account) {
        Ok(())
    } else {
        Err(Reject::Rule("not in the author's own topic"))
    }
}

fn slot_is(record: &Verified, want: &str) -> Result<(), Reject> {
    if record.header().slot.as_deref() == Some(want) { Ok(()) } else { Err(Reject::Rule("in the wrong slot")) }
}

pub(super) fn profile(record: &Verified) -> Result<Profile, Reject> {
    slot_is(record, PROFILE_SLOT)?;
    let body: Profile = record.body()?;
    body.validate()?;
    Ok(body)
}

pub(super) fn device(record: &Verified) -> Result<Device, Reject> {
    slot_is(record, &record.header().device.to_string())?;
    let body: Device = record.body()?;
    body.validate()?;
    Ok(body)
}

pub(super) fn revocation(record: &Verified) -> Result<Revocation, Reject> {
    let body: Revocation = record.body()?;
    slot_is(record, &body.statement.device.to_string())?;
    if body.statement.account != record.author() {
        return Err(Reject::Rule("a revocation of another account's device"));
    }
    if body.statement.is_valid() { Ok(body) } else { Err(Reject::Fault(RecordError::BadSignature)) }
}
