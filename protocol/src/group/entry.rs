//! The entries of a group's log: who is in it, what they may do, and what holds for all.
//!
//! Every entry names the entries that its author had seen last (`refs`); [`Log`](super::Log) puts them together. The log
//! of a private group travels sealed among its members; that of a public one is gossiped.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    ids::{AccountId, BlobHash, GroupId, RecordId},
    limits::{
        ABOUT_BYTES_MAX, GROUP_DEVICES_MAX, GROUP_NEWCOMERS_MAX, GROUP_QUESTIONS_MAX, MUTE_MS_MAX, NAME_BYTES_MAX,
        REQUEST_TEXT_BYTES_MAX, SIGNED_BYTES_MAX, SLOW_MS_MAX,
    },
    record::RecordError,
    signature::{AccountKey, Claim, Purpose, Signature, verify},
    text::{check_line, check_text},
    time::TimestampMs,
};

/// Body of [`Kind::GroupEntry`](crate::Kind::GroupEntry).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// What is to hold from now on.
    pub op: Op,
    /// Signed device records of those whom the entry lets in, or of its author: what private groups seal with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<ByteBuf>,
}

/// What somebody may do in a group. Greater may do more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Speaks.
    #[default]
    Member,
    /// Also lets in, puts out, pins, mutes, changes what the group says of itself.
    Admin,
    /// Also makes admins. There is one.
    Owner,
}

/// Who may come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Whoever has a link. In a private group: a link with a ticket.
    #[default]
    Open,
    /// Whoever an admin lets in.
    Ask,
}

/// What a group says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The name.
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

/// What holds in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Who may come in.
    pub door: Door,
    /// Whether members, too, may let others in; otherwise only admins.
    #[serde(default)]
    pub members_invite: bool,
    /// Whether newcomers get what was said before.
    #[serde(default)]
    pub history: bool,
    /// A member says one thing in so many milliseconds; 0: as much as they like.
    #[serde(default)]
    pub slow_ms: u64,
    /// What is asked of those who want to come in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<String>,
}

/// Somebody who comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// Who.
    pub account: AccountId,
    /// Their name, so that a group reads well before every profile is fetched.
    pub name: String,
    /// Their picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

/// What is to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Founds the group: its first entry, and the only one without `refs`.
    Found {
        /// The nonce of [`GroupId::derive`].
        #[serde(with = "serde_bytes")]
        nonce: [u8; 16],
        /// What it says of itself.
        details: Details,
        /// What holds in it.
        settings: Settings,
        /// Its founder, who owns it.
        founder: Newcomer,
    },
    /// The group says something else of itself.
    Describe(Details),
    /// Something else holds.
    Set(Settings),
    /// Makes a ticket: who has its secret may be let in by any member.
    Ticket {
        /// The ticket's public key.
        ticket: AccountId,
        /// For this account alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        /// Until then.
        until: TimestampMs,
    },
    /// A ticket is worth nothing any more, and nobody came in with it whose coming was not known to the author.
    Revoke {
        /// The ticket's public key.
        ticket: AccountId,
    },
    /// Lets somebody in who showed a ticket.
    Admit {
        /// Who.
        newcomer: Newcomer,
        /// The ticket's public key.
        ticket: AccountId,
        /// By the ticket's secret key: [`ticket_proof`].
        proof: Signature,
    },
    /// Lets people in.
    Add {
        /// Whom.
        newcomers: Vec<Newcomer>,
    },
    /// Puts somebody out, with all they have said since.
    Remove {
        /// Whom.
        account: AccountId,
        /// Whether they may not come back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ban: bool,
        /// What they said from then on goes, too; otherwise from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<TimestampMs>,
    },
    /// A banned account may come back.
    Pardon {
        /// Whom.
        account: AccountId,
    },
    /// Gives somebody another role. A new owner takes the place of the old one, who becomes an admin.
    Role {
        /// Whom.
        account: AccountId,
        /// What they are from now on.
        role: Role,
    },
    /// The author leaves.
    Leave {},
    /// The author's devices are now those of the records beside the entry.
    Devices {},
    /// What somebody says until then is not shown.
    Mute {
        /// Whom.
        account: AccountId,
        /// Until then; a time gone by: they may speak again.
        until: TimestampMs,
    },
    /// Puts a message on top, or takes it down.
    Pin {
        /// Which.
        message: RecordId,
        /// The message's time.
        at: TimestampMs,
        /// Whether it is to be on top.
        pinned: bool,
    },
    /// Takes a message of another away.
    Delete {
        /// Which.
        message: RecordId,
        /// The message's time.
        at: TimestampMs,
    },
}

/// The secret of a ticket: what an invitation carries. Never shown in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketSecret(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl TicketSecret {
    /// The key pair that it is the seed of; its public key names the ticket.
    #[must_use]
    pub fn key(&self) -> AccountKey {
        AccountKey::from_seed(&self.0)
    }
}

impl std::fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

/// What somebody who holds a ticket's secret signs with it to be let in.
#[must_use]
pub fn ticket_proof(secret: &AccountKey, group: &GroupId, account: &AccountId) -> Signature {
    secret.sign(Purpose::GroupTicket, &[group.0, account.0].concat())
}

/// Whether a proof is that of the ticket, for this group and account.
#[must_use]
pub fn is_ticket_proof(ticket: &AccountId, proof: &Signature, group: &GroupId, account: &AccountId) -> bool {
    let message = [group.0, account.0].concat();
    verify(&Claim { key: &ticket.0, purpose: Purpose::GroupTicket, message: &message, signature: proof }).is_ok()
}

impl Details {
    /// # Errors
    /// [`RecordError::Field`] if a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_text(&self.about, ABOUT_BYTES_MAX)
    }
}

impl Settings {
    /// # Errors
    /// [`RecordError::Field`] if a number or text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.questions.len() > GROUP_QUESTIONS_MAX {
            return Err(RecordError::Field("a group asks at most five questions"));
        }
        if self.slow_ms > SLOW_MS_MAX {
            return Err(RecordError::Field("slow mode: a message a day at least"));
        }
        self.questions.iter().try_for_each(|question| check_line(question, REQUEST_TEXT_BYTES_MAX))
    }
}

impl Newcomer {
    /// # Errors
    /// [`RecordError::Field`] if the name breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)
    }
}

impl GroupEntry {
    /// # Errors
    /// [`RecordError::Field`] if something breaks a limit. Whether the author may do it, the log says.
    pub fn validate(&self, at: TimestampMs) -> Result<(), RecordError> {
        let devices = GROUP_DEVICES_MAX;
        if self.devices.len() > devices || self.devices.iter().any(|device| device.len() > SIGNED_BYTES_MAX) {
            return Err(RecordError::Field("an entry carries too many devices"));
        }
        match &self.op {
            Op::Found { details, settings, founder, .. } => {
                details.validate()?;
                settings.validate()?;
                founder.validate()
            }
            Op::Describe(details) => details.validate(),
            Op::Set(settings) => settings.validate(),
            Op::Admit { newcomer, .. } => newcomer.validate(),
            Op::Add { newcomers } if newcomers.is_empty() || newcomers.len() > GROUP_NEWCOMERS_MAX => {
                Err(RecordError::Field("an entry lets in 1 to 48 people"))
            }
            Op::Add { newcomers } => newcomers.iter().try_for_each(Newcomer::validate),
            Op::Mute { until, .. } if until.since_ms(at) > MUTE_MS_MAX => {
                Err(RecordError::Field("somebody is muted for a year at most"))
            }
            _ => Ok(()),
        }
    }
}
