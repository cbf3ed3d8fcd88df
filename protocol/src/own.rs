//! What one device of an account tells the others: the user's own state, and what makes a node a device of the account.

use serde::{Deserialize, Serialize};

use crate::{
    account::SealKeys,
    certificate::Certificate,
    circle::CircleSecret,
    ids::{AccountId, DeviceId, GroupId},
    limits::{LINK_ADDRESSES_MAX, NAME_BYTES_MAX},
    record::RecordError,
    text::check_line,
    time::TimestampMs,
};

/// Longest text form of a conversation in bytes.
const CHAT_BYTES_MAX: usize = 64;

/// Body of [`Kind::Own`](crate::Kind::Own), in the account's topic with itself; replaceable, slot = [`Own::slot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "own", rename_all = "snake_case")]
pub enum Own {
    /// The user's settings, as far as they are not about one device.
    Settings {
        /// `auto`, `en` or `zh`.
        language: String,
        /// `auto`, `light` or `dark`.
        theme: String,
        /// Whether others learn that their messages were read.
        read_receipts: bool,
    },
    /// What the user decided about somebody.
    Contact {
        /// Who.
        account: AccountId,
        /// What the user calls them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
        /// Nothing of theirs is taken in.
        blocked: bool,
    },
    /// The account's circle secret.
    Circle {
        /// It.
        secret: CircleSecret,
        /// When it was made: of two the later counts.
        since: TimestampMs,
    },
    /// Membership of a group.
    Group {
        /// Which.
        group: GroupId,
        /// In, or out.
        joined: bool,
        /// Its name, until its own record is here.
        name: String,
        /// Where members can be reached.
        addresses: Vec<String>,
    },
    /// How a conversation is kept.
    Chat {
        /// Its text form: `direct-<account>` or `group-<group>`.
        chat: String,
        /// Everything up to this time was read.
        read_to: TimestampMs,
        /// No notifications.
        muted: bool,
        /// On top of the list.
        pinned: bool,
    },
}

impl Own {
    /// The slot that this belongs in.
    #[must_use]
    pub fn slot(&self) -> String {
        match self {
            Self::Settings { .. } => "settings".to_owned(),
            Self::Contact { account, .. } => format!("contact/{account}"),
            Self::Circle { .. } => "circle".to_owned(),
            Self::Group { group, .. } => format!("group/{group}"),
            Self::Chat { chat, .. } => format!("chat/{chat}"),
        }
    }

    /// # Errors
    /// [`RecordError::Field`] if a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        let fits = match self {
            Self::Circle { .. } => true,
            Self::Settings { language, theme, .. } => language.len() <= 8 && theme.len() <= 8,
            Self::Contact { alias, .. } => {
                return alias.as_ref().map_or(Ok(()), |alias| check_line(alias, NAME_BYTES_MAX));
            }
            Self::Group { name, addresses, .. } => {
                name.len() <= NAME_BYTES_MAX
                    && addresses.len() <= 16
                    && addresses.iter().all(|address| address.len() <= 256)
            }
            Self::Chat { chat, .. } => chat.len() <= CHAT_BYTES_MAX + 8,
        };
        if fits { Ok(()) } else { Err(RecordError::Field("the user's own state breaks a limit")) }
    }
}

/// Body of [`Kind::Adoption`](crate::Kind::Adoption): makes a node without an account a device of this one. Sealed for
/// that node with the keys it showed; valid only with the secret that it showed beside them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// What the node showed together with its keys.
    #[serde(with = "serde_bytes")]
    pub secret: [u8; 16],
    /// The account's signature over the node's device key.
    pub certificate: Certificate,
}

impl std::fmt::Debug for Adoption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Adoption(..)")
    }
}

/// What a node without an account shows (as a QR code) to be made a device of one:
/// `hutong:device/<device>/<keys and secret, base32>?a=<multiaddr>…`
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceLink {
    /// Its device key.
    pub device: DeviceId,
    /// Its keys to seal with.
    pub keys: SealKeys,
    /// Proves to it that whoever answers has seen the link.
    pub secret: [u8; 16],
    /// Where it can be reached.
    pub addresses: Vec<String>,
}

impl std::fmt::Debug for DeviceLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceLink({})", self.device)
    }
}

/// A text that is not a device link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the code of a new device: on the new device choose \u{201c}This is my second device\u{201d}")]
pub struct ParseDeviceLinkError;

const CODE_BYTES: usize = 96 + 16;

impl std::fmt::Display for DeviceLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = [&self.keys.envelope[..], &self.keys.identity, &self.keys.fallback, &self.secret].concat();
        write!(f, "hutong:device/{}/{}", self.device, crate::ids::to_base32(&code))?;
        for (index, address) in self.addresses.iter().take(LINK_ADDRESSES_MAX).enumerate() {
            write!(f, "{}a={address}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl std::str::FromStr for DeviceLink {
    type Err = ParseDeviceLinkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let rest = text.trim().strip_prefix("hutong:device/").filter(|rest| rest.len() < 4096)?;
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let (device, code) = path.split_once('/')?;
            let code = data_encoding::BASE32_NOPAD.decode(code.to_ascii_uppercase().as_bytes()).ok()?;
            let code = <[u8; CODE_BYTES]>::try_from(code).ok()?;
            let part = |from: usize| code.get(from..from.checked_add(32)?)?.try_into().ok();
            let keys = SealKeys { envelope: part(0)?, identity: part(32)?, fallback: part(64)? };
            let secret = code.get(96..)?.try_into().ok()?;
            let addresses = query.split('&').filter_map(|pair| pair.strip_prefix("a=")).map(str::to_owned);
            let addresses = addresses.filter(|address| address.starts_with('/') && address.len() <= 256);
            let addresses = addresses.take(LINK_ADDRESSES_MAX).collect();
            Some(Self { device: device.parse().ok()?, keys, secret, addresses })
        };
        parse().ok_or(ParseDeviceLinkError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::DeviceKey;

    #[test]
    fn a_device_link_round_trips_and_is_not_shown_in_logs() {
        let link = DeviceLink {
            device: DeviceKey::from_seed(&[1; 32]).id(),
            keys: SealKeys { envelope: [2; 32], identity: [3; 32], fallback: [4; 32] },
            secret: [5; 16],
            addresses: vec!["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW".into()],
        };
        let text = link.to_string();
        assert_eq!(text.parse(), Ok(link.clone()));
        assert!(!format!("{link:?}").contains(&text[80..100]));
        for wrong in
            ["", "hutong:device/x/y", &text[..100], "hutong:contact/abc", &text.replace("hutong:device", "hutong:x")]
        {
            assert_eq!(wrong.parse::<DeviceLink>(), Err(ParseDeviceLinkError), "{wrong}");
        }
    }
}
