//! Keys as texts, and the hashes of them: what is kept, compared and told is the hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mishikallm::config::Secret;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;

/// Before every key that is made here.
pub const PREFIX: &str = "sk-";

/// Bytes of chance in a key.
const CHANCE: usize = 24;

/// The SHA-256 of a key. A key has so much chance in it that no salt and no slow hash is of use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token([u8; 32]);

impl Token {
    /// Of a key.
    pub fn of(key: &[u8]) -> Token {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, key).as_ref());
        Token(bytes)
    }

    /// In hexadecimal. In one piece: each request of a key writes it.
    pub fn digits(&self) -> [u8; 64] {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }

    /// Out of what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Token> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Token(bytes))
    }

    /// Of what somebody names a key by: itself, or its hash.
    pub fn named(text: &str) -> Token {
        let parsed = Token::parse(text).filter(|_| !text.starts_with(PREFIX));
        parsed.unwrap_or_else(|| Token::of(text.as_bytes()))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The hash is no secret, but long.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Token({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// A new key.
///
/// Errors: the system has no random numbers.
pub fn generate() -> Result<Secret, ring::error::Unspecified> {
    let mut bytes = [0; CHANCE];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(Secret::new(
        [PREFIX, &URL_SAFE_NO_PAD.encode(bytes)].concat(),
    ))
}

/// What is shown of a key, so that its owner knows it again: `sk-...aB3d`.
pub fn name(key: &str) -> String {
    let tail = key.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    // Of a short one four characters would be too much.
    match key.len() >= 16 {
        true => format!("{PREFIX}...{}", &key[tail..]),
        false => format!("{PREFIX}..."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_sha256_in_hexadecimal() {
        let token = Token::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(token.to_string(), text);
        assert_eq!(Token::parse(text), Some(token));
        assert_eq!(Token::named(text), token);
        assert_eq!(Token::named("abc"), token);
        for wrong in ["", "abc", &text[1..], &text.replace('b', "g")] {
            assert_eq!(Token::parse(wrong), None);
        }
        assert!(!format!("{token:?}").contains(text));
    }

    #[test]
    fn keys_differ_and_their_names_tell_little() {
        let (a, b) = (generate().unwrap(), generate().unwrap());
        assert_ne!(a.reveal(), b.reveal());
        assert_eq!(a.reveal().len(), 35);
        assert_eq!(name("sk-0123456789abcdef"), "sk-...cdef");
        assert_eq!(name("sk-short"), "sk-...");
    }
}
