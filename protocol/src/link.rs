//! `hutong:` links: what a QR code or a pasted text invites to.
//!
//! ```text
//! hutong:contact/<account>?n=<name>&w=<bits>&a=<multiaddr>&a=…&m=<multiaddr>&m=…
//! hutong:group/<group>?n=<name>&h=<account>&t=<ticket>&a=…
//! hutong:store/<account>?n=<name>&a=…
//! hutong:listing/<account>/<listing>?n=<title>&a=…
//! ```
//! Names are hints for the preview, percent-encoded; what counts is the id. Addresses are libp2p multiaddresses that end
//! in `/p2p/<peer>`; `m` are those of mailboxes, where a request may be left while nobody is there, and `w` is the postage
//! that it costs. A group's link names who lets in (`h`), and may carry the secret of an invitation (`t`, base32): who has
//! the link has the invitation.

use std::{fmt::Write as _, str::FromStr};

use crate::{
    group::TicketSecret,
    ids::{AccountId, GroupId, from_base32, to_base32},
    limits::{LINK_ADDRESSES_MAX, NAME_BYTES_MAX, POSTAGE_BITS_MAX, SLOT_BYTES_MAX, STRANGER_MAILBOXES_MAX},
    text::clean_line,
};

/// What a link is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A person.
    Contact(AccountId),
    /// A group.
    Group(GroupId),
    /// A store.
    Store(AccountId),
    /// A listing of a store.
    Listing(AccountId, String),
}

/// A parsed link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is about.
    pub target: Target,
    /// A name to show until the record is here.
    pub name: Option<String>,
    /// Who lets into the group.
    pub host: Option<AccountId>,
    /// The secret of an invitation to the group.
    pub ticket: Option<TicketSecret>,
    /// Where somebody who has it can be reached.
    pub addresses: Vec<String>,
    /// Where a request may be left for somebody who is away.
    pub mailboxes: Vec<String>,
    /// The postage of a request, in bits.
    pub postage: Option<u8>,
}

impl Link {
    /// A link that names addresses and no more.
    #[must_use]
    pub fn new(target: Target, name: Option<String>, addresses: Vec<String>) -> Self {
        let name = name.filter(|name| !name.is_empty());
        Self { target, name, host: None, ticket: None, addresses, mailboxes: Vec::new(), postage: None }
    }
}

/// A text that is not a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not a Hutong link: it should start with hutong:contact/, hutong:group/, hutong:store/ or hutong:listing/"
)]
pub struct ParseLinkError;

/// Longest text that is looked at.
const LINK_BYTES_MAX: usize = 4096;

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.target {
            Target::Contact(account) => write!(f, "hutong:contact/{account}")?,
            Target::Group(group) => write!(f, "hutong:group/{group}")?,
            Target::Store(account) => write!(f, "hutong:store/{account}")?,
            Target::Listing(account, listing) => write!(f, "hutong:listing/{account}/{}", escape(listing))?,
        }
        let name = self.name.iter().map(|name| format!("n={}", escape(name)));
        let addresses = self
            .addresses
            .iter()
            .take(LINK_ADDRESSES_MAX)
            .map(|address| format!("a={}", escape(address).replace("%2F", "/")));
        let postage = self.postage.iter().map(|bits| format!("w={bits}"));
        let mailboxes = self
            .mailboxes
            .iter()
            .take(STRANGER_MAILBOXES_MAX)
            .map(|address| format!("m={}", escape(address).replace("%2F", "/")));
        let host = self.host.iter().map(|host| format!("h={host}"));
        let ticket = self.ticket.iter().map(|ticket| format!("t={}", to_base32(&ticket.0)));
        let pairs = name.chain(postage).chain(host).chain(ticket).chain(addresses).chain(mailboxes);
        for (index, pair) in pairs.enumerate() {
            write!(f, "{}{pair}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = ParseLinkError;

    fn from_str(text: &str) -> Result<Self, ParseLinkError> {
        let text = text.trim();
        let rest = text.strip_prefix("hutong:").filter(|_| text.len() <= LINK_BYTES_MAX).ok_or(ParseLinkError)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parts = path.split('/');
        let target = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("contact"), Some(id), None, None) => Target::Contact(id.parse().map_err(|_| ParseLinkError)?),
            (Some("group"), Some(id), None, None) => Target::Group(id.parse().map_err(|_| ParseLinkError)?),
            (Some("store"), Some(id), None, None) => Target::Store(id.parse().map_err(|_| ParseLinkError)?),
            (Some("listing"), Some(id), Some(listing), None) => {
                let listing = unescape(listing).filter(|name| !name.is_empty() && name.len() <= SLOT_BYTES_MAX);
                Target::Listing(id.parse().map_err(|_| ParseLinkError)?, listing.ok_or(ParseLinkError)?)
            }
            _ => return Err(ParseLinkError),
        };
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        let values = |key: &'static str| pairs().filter(move |(k, _)| *k == key).filter_map(|(_, v)| unescape(v));
        let name = values("n").next().map(|name| clean_line(&name, NAME_BYTES_MAX)).filter(|name| !name.is_empty());
        let addresses = |key, most| values(key).filter(|a| a.starts_with('/') && a.len() <= 256).take(most).collect();
        let postage = values("w").find_map(|bits| bits.parse().ok()).filter(|bits| *bits <= POSTAGE_BITS_MAX);
        let (mailboxes, addresses) = (addresses("m", STRANGER_MAILBOXES_MAX), addresses("a", LINK_ADDRESSES_MAX));
        let of_group = |key| values(key).next().filter(|_| matches!(target, Target::Group(_)));
        let host = of_group("h").map(|host| host.parse().map_err(|_| ParseLinkError)).transpose()?;
        let ticket = of_group("t").map(|ticket| from_base32(&ticket).map_err(|_| ParseLinkError)).transpose()?;
        Ok(Self { target, name, host, ticket: ticket.map(TicketSecret), addresses, mailboxes, postage })
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
        out
    })
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let (hex, after) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_round_trip() {
        let account = AccountId([7; 32]);
        let addresses = vec!["/ip4/127.0.0.1/tcp/4001/p2p/12D3KooW".to_owned(), "/ip6/::1/udp/1/quic-v1".to_owned()];
        for target in [
            Target::Contact(account),
            Target::Store(account),
            Target::Group(GroupId([9; 32])),
            Target::Listing(account, "草莓/500g & more".into()),
        ] {
            for name in [None, Some("王小美 & Co / 100%".to_owned())] {
                let (addresses, mailboxes) = (addresses.clone(), addresses[..1].to_vec());
                let postage = name.as_ref().map(|_| 22);
                let link = Link { mailboxes, postage, ..Link::new(target.clone(), name, addresses) };
                assert_eq!(link.to_string().parse(), Ok(link.clone()), "{link}");
            }
        }
    }

    #[test]
    fn an_invitation_names_who_lets_in_and_its_secret_is_in_no_log() {
        let target = Target::Group(GroupId([9; 32]));
        let (host, ticket) = (Some(AccountId([7; 32])), Some(TicketSecret([8; 32])));
        let link = Link { host, ticket, ..Link::new(target, Some("Family".into()), vec![]) };
        assert_eq!(link.to_string().parse(), Ok(link.clone()));
        let secret = to_base32(&[8; 32]);
        assert!(link.to_string().contains(&secret));
        assert!(!format!("{link:?}").contains(&secret) && !format!("{link:?}").contains("8, 8"));
        // Half an invitation is none; and a person's link has none.
        let wrong = link.to_string().replace(&secret, "short");
        assert_eq!(wrong.parse::<Link>(), Err(ParseLinkError));
        let contact: Link = format!("hutong:contact/{}?t={secret}", AccountId([7; 32])).parse().unwrap();
        assert_eq!((contact.host, contact.ticket), (None, None));
    }

    #[test]
    fn anything_else_is_refused() {
        let account = AccountId([7; 32]);
        for wrong in [
            "",
            "hutong:",
            "https://example.org",
            "hutong:contact/short",
            &format!("hutong:contact/{account}/x"),
            &format!("hutong:listing/{account}/"),
            &format!("hutong:listing/{account}/%zz"),
            &format!("hutong:contact/{account}?n={}", "x".repeat(5000)),
        ] {
            assert_eq!(wrong.parse::<Link>(), Err(ParseLinkError), "{wrong}");
        }
        // A hostile name or address is cleaned, not refused.
        let link: Link = format!("hutong:contact/{account}?n=a%0Ab&a=javascript:1&x=y").parse().unwrap();
        assert_eq!((link.name.as_deref(), link.addresses.len()), (Some("a b"), 0));
        for (postage, want) in [("w=28", Some(28)), ("w=29", None), ("w=-1", None), ("w=x", None)] {
            let link: Link = format!("hutong:contact/{account}?{postage}").parse().unwrap();
            assert_eq!(link.postage, want, "{postage}");
        }
    }
}
