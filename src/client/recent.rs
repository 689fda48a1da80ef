//! What was worked out of late, for calls that need the same again: most calls of a program go to the same few places.

use arc_swap::ArcSwapOption;
use std::fmt;
use std::sync::Arc;

const PLACES: usize = 16;

/// Texts that are longer are not kept.
const LONGEST: usize = 4 << 10;

/// Values under keys, without a lock. A key has one place, and takes it from whoever was there: that is worked out again.
pub struct Recent<K, V>([ArcSwapOption<(K, V)>; PLACES]);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Recent(Default::default())
    }
}

impl<K, V> fmt::Debug for Recent<K, V> {
    /// Says nothing of what is kept: a URL may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl<K, V: Clone> Recent<K, V> {
    /// The value under a key, kept or made. `text`: what tells the key from others best.
    pub fn get<E>(
        &self,
        text: &str,
        is_key: impl FnOnce(&K) -> bool,
        make: impl FnOnce() -> Result<(K, V), E>,
    ) -> Result<V, E> {
        if text.len() > LONGEST {
            return make().map(|(_, value)| value);
        }
        // Ends differ where beginnings do not.
        let end = text.bytes().rev().take(16);
        let place = end.fold(text.len(), |sum, b| sum.wrapping_mul(31) + usize::from(b)) % PLACES;
        if let Some(kept) = &*self.0[place].load() {
            if is_key(&kept.0) {
                return Ok(kept.1.clone());
            }
        }
        let made = Arc::new(make()?);
        let value = made.1.clone();
        self.0[place].store(Some(made));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_and_an_error_is_not_kept() {
        let recent = Recent::<String, usize>::default();
        let get = |key: &str, made: Result<usize, ()>| {
            recent.get(key, |k| k == key, || made.map(|v| (key.to_owned(), v)))
        };
        assert_eq!(get("a", Err(())), Err(()));
        assert_eq!(get("a", Ok(1)), Ok(1));
        assert_eq!(get("a", Err(())), Ok(1));
        // Whoever has the same place as another takes it.
        for i in 0..100 {
            assert_eq!(get(&format!("key {i}"), Ok(i)), Ok(i));
        }
        assert_eq!(get("key 99", Err(())), Ok(99));
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(get(&long, Ok(2)), Ok(2));
        assert_eq!(get(&long, Ok(3)), Ok(3));
    }
}
