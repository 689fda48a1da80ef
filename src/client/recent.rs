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
    /// The value under a key, kept or made. `texts`: what tells the key from others.
    pub fn get<E, const N: usize>(
        &self,
        texts: [&str; N],
        is_key: impl FnOnce(&K) -> bool,
        make: impl FnOnce() -> Result<(K, V), E>,
    ) -> Result<V, E> {
        if texts.iter().any(|text| text.len() > LONGEST) {
            return make().map(|(_, value)| value);
        }
        let place = &self.0[place_of(texts)];
        if let Some(kept) = &*place.load() {
            if is_key(&kept.0) {
                return Ok(kept.1.clone());
            }
        }
        let made = Arc::new(make()?);
        let value = made.1.clone();
        place.store(Some(made));
        Ok(value)
    }
}

/// By the lengths of texts, and by their ends: these differ where beginnings do not.
fn place_of<const N: usize>(texts: [&str; N]) -> usize {
    let mut hash = 0u64;
    let mut take = |n: u64| hash = (hash.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    for text in texts {
        take(text.len() as u64);
        text.bytes()
            .rev()
            .take(16)
            .for_each(|byte| take(byte.into()));
    }
    // The highest bits depend on all others.
    (hash >> (u64::BITS - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_value_is_made_once_and_an_error_is_not_kept() {
        let recent = Recent::<String, usize>::default();
        let get = |key: &str, made: Result<usize, ()>| {
            recent.get([key], |k| k == key, || made.map(|v| (key.to_owned(), v)))
        };
        assert_eq!(get("a", Err(())), Err(()));
        assert_eq!(get("a", Ok(1)), Ok(1));
        assert_eq!(get("a", Err(())), Ok(1));
        // Whoever has the same place as another takes it.
        for i in 0..100 {
            assert_eq!(get(&format!("key {i}"), Ok(i)), Ok(i));
        }
        assert_eq!(get("key 99", Err(())), Ok(99));
        let places: HashSet<usize> = (0..100)
            .map(|i| place_of(["url", &i.to_string()]))
            .collect();
        assert!(places.len() == PLACES, "{places:?}");
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(get(&long, Ok(2)), Ok(2));
        assert_eq!(get(&long, Ok(3)), Ok(3));
    }
}
