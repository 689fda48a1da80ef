//! 32-bit floats, computed here or still in the bytes that they arrived in.

use std::fmt;
use std::ops::{Deref, Range};

/// A list of 32-bit floats. Those of a binary tensor stay where the network put them: 2 MB are not copied to be handed out.
pub struct Floats(Store);

enum Store {
    Own(Vec<f32>),
    /// Native floats at an address that is a multiple of theirs; the vector is not touched any more.
    Arrived(Vec<u8>, Range<usize>),
}

impl Floats {
    /// Takes little-endian floats that stand in `bytes` at `range`. They are copied only where they stand at an address that
    /// is no float's, or where the machine's floats are others.
    ///
    /// `range` lies in `bytes`, and its length is a multiple of 4.
    pub fn arrived(bytes: Vec<u8>, range: Range<usize>) -> Floats {
        let raw = bytes.get(range.clone()).unwrap_or_default();
        let in_place =
            cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(raw).is_ok();
        if in_place && !raw.is_empty() {
            return Floats(Store::Arrived(bytes, range));
        }
        let float = |e: &[u8]| f32::from_le_bytes([e[0], e[1], e[2], e[3]]);
        Floats(Store::Own(raw.chunks_exact(4).map(float).collect()))
    }

    /// The bytes that they arrived in, and are still in.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self.0 {
            Store::Own(_) => None,
            Store::Arrived(bytes, _) => Some(bytes),
        }
    }

    /// The floats as a vector of their own.
    pub fn into_vec(self) -> Vec<f32> {
        match self.0 {
            Store::Own(own) => own,
            Store::Arrived(..) => self.to_vec(),
        }
    }

    /// Appends others; `more`: how many are to follow after those, so that what is there is moved once.
    pub fn append(&mut self, other: &[f32], more: usize) {
        let mut own = std::mem::take(self).into_vec();
        own.reserve(other.len() + more);
        own.extend_from_slice(other);
        self.0 = Store::Own(own);
    }
}

impl Deref for Floats {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match &self.0 {
            Store::Own(own) => own,
            Store::Arrived(bytes, range) => bytemuck::cast_slice(&bytes[range.clone()]),
        }
    }
}

impl Default for Floats {
    fn default() -> Floats {
        Vec::new().into()
    }
}

impl From<Vec<f32>> for Floats {
    fn from(own: Vec<f32>) -> Floats {
        Floats(Store::Own(own))
    }
}

impl Clone for Floats {
    /// The bytes of a copy may stand at another kind of address: it has floats.
    fn clone(&self) -> Floats {
        self.to_vec().into()
    }
}

impl PartialEq for Floats {
    fn eq(&self, other: &Floats) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Floats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_bytes_are_handed_out_where_they_are_and_others_are_copied() {
        let numbers = [1.5f32, -2.0, 0.25];
        let raw = numbers.map(f32::to_le_bytes).concat();
        for skip in 0..4 {
            let mut bytes = vec![7; skip];
            bytes.extend_from_slice(&raw);
            let at = bytes[skip..].as_ptr();
            let is_aligned = at.cast::<f32>().is_aligned();
            let floats = Floats::arrived(bytes, skip..skip + raw.len());
            assert_eq!(*floats, numbers);
            assert_eq!(floats.as_ptr().cast::<u8>() == at, is_aligned, "{skip}");
        }
        assert!(Floats::arrived(Vec::new(), 0..0).is_empty());
    }

    #[test]
    fn what_is_appended_follows() {
        let mut floats = Floats::arrived(1.0f32.to_le_bytes().to_vec(), 0..4);
        floats.append(&[2.0], 7);
        assert_eq!(floats, vec![1.0, 2.0].into());
        assert_eq!(floats.clone().into_vec(), [1.0, 2.0]);
    }
}
