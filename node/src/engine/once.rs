//! Commands that are done once, however often they are asked for: whoever lost the answer asks again with the same key,
//! and gets the record that was made the first time.

use hutong_protocol::RecordId;

use super::{CommandError, Cx, get_value, keys};
use crate::store::Key;

/// Longest key that a caller may choose, in bytes. A UUID has 36.
pub const ONCE_KEY_BYTES_MAX: usize = 64;

/// How many of the newest are remembered. A resend comes within seconds, or after a browser was opened again.
const REMEMBERED_MAX: u64 = 4_096;

impl Cx<'_> {
    /// Does something that makes a record, unless it was done with this key already. Both are in one transaction.
    /// Keys of different scopes (what is done, and where) have nothing to do with each other.
    ///
    /// # Errors
    /// Those of `make`; refused if the key is empty or longer than [`ONCE_KEY_BYTES_MAX`].
    pub fn once(
        &mut self,
        scope: &str,
        key: Option<&str>,
        make: impl FnOnce(&mut Self) -> Result<RecordId, CommandError>,
    ) -> Result<RecordId, CommandError> {
        let Some(key) = key else { return make(self) };
        if key.is_empty() || key.len() > ONCE_KEY_BYTES_MAX {
            return Err(CommandError::refused("idempotency_key", "an Idempotency-Key has 1 to 64 characters"));
        }
        let key = format!("{scope} {key}");
        let row = keys::once(&key);
        if let Some(made) = self.read().get(&row)? {
            return RecordId::from_slice(&made).ok_or(CommandError::NotFound("what was made with this key"));
        }
        let made = make(self)?;
        self.put(row, made.0.to_vec());
        self.remember_once(&key)?;
        Ok(made)
    }

    /// A ring: the oldest key makes room for the newest.
    fn remember_once(&mut self, key: &str) -> Result<(), CommandError> {
        let count: u64 = get_value(self.read(), keys::once_count())?.unwrap_or_default();
        let place: Key = keys::once_place(count % REMEMBERED_MAX);
        if let Some(oldest) = get_value::<String>(self.read(), &place)? {
            self.delete(keys::once(&oldest));
        }
        self.put_value(place, &key)?;
        self.put_value(keys::once_count(), &(count + 1))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestNode;

    fn ask(node: &mut TestNode, key: &str) -> Result<RecordId, CommandError> {
        let key = key.to_owned();
        node.call(move |cx| {
            cx.once("test", Some(&key), |cx| {
                let id = cx.random();
                cx.put([b"test".as_slice(), &id].concat(), Vec::new());
                Ok(RecordId(id))
            })
        })
    }

    #[test]
    fn asked_twice_with_one_key_it_is_done_once() {
        let mut node = TestNode::named("Mei", 1);
        let first = ask(&mut node, "a").unwrap();
        assert_eq!(ask(&mut node, "a").unwrap(), first);
        assert_ne!(ask(&mut node, "b").unwrap(), first);
        let elsewhere = node.call(|cx| cx.once("elsewhere", Some("a"), |cx| Ok(RecordId(cx.random()))));
        assert_ne!(elsewhere.unwrap(), first);
        let failed = node.call(|cx| cx.once("test", Some("c"), |_| Err(CommandError::NotFound("it"))));
        assert!(failed.is_err());
        ask(&mut node, "c").expect("what failed was not done");
    }

    #[test]
    fn only_the_newest_keys_are_remembered() {
        let mut node = TestNode::named("Mei", 1);
        let first = ask(&mut node, "0").unwrap();
        for number in 1..REMEMBERED_MAX {
            ask(&mut node, &number.to_string()).unwrap();
        }
        assert_eq!(ask(&mut node, "0").unwrap(), first);
        ask(&mut node, "one more").unwrap();
        assert_ne!(ask(&mut node, "0").unwrap(), first, "its place was needed");
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let mut node = TestNode::named("Mei", 1);
        for key in ["", &"k".repeat(ONCE_KEY_BYTES_MAX + 1)] {
            assert!(matches!(ask(&mut node, key), Err(CommandError::Refused { .. })));
        }
    }
}
