//! The numbers of a JSON tensor as 32-bit floats, fast: Triton prints half a million of them as eleven megabytes of text.
//!
//! serde_json calls a visitor for each number and reads it as a double, digit by digit. Here eight digits are read at once, and
//! the float is rounded from the double that is nearest but for the last bits; where those bits matter the standard library
//! reads the number.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads lists of numbers, however deep they are nested, in order. `expected`: how many there should be, to make room.
///
/// `None`: there is something else in the text; the caller reads it in another way, or says what is wrong.
pub fn floats(text: &[u8], expected: usize) -> Option<Vec<f32>> {
    // Not more than there are: the shape is the server's word.
    let mut numbers = Vec::with_capacity(expected.min(text.len() / 2 + 1));
    let (mut at, mut depth) = (0, 0usize);
    // A list has just begun, or a number or a list is over.
    let (mut begun, mut over) = (false, false);
    loop {
        match (text.get(at), over) {
            (Some(b' ' | b'\n' | b'\r' | b'\t'), _) => at += 1,
            (Some(b'['), false) => {
                (depth, begun, at) = (depth + 1, true, at + 1);
            }
            (Some(b']'), _) if over || begun => {
                depth = depth.checked_sub(1)?;
                (begun, over, at) = (false, true, at + 1);
            }
            (Some(b','), true) if depth > 0 => (over, at) = (false, at + 1),
            (Some(_), false) => {
                loop {
                    let number = match usual(text, at) {
                        Some((number, end)) => {
                            at = end;
                            number
                        }
                        None => {
                            let rest = &text[at..];
                            let (number, length) = quick(rest).or_else(|| exact(rest))?;
                            at += length;
                            number
                        }
                    };
                    numbers.push(number);
                    // Mostly the next number follows at once.
                    let next = (text.get(at), text.get(at + 1));
                    match next {
                        (Some(b','), Some(b'-' | b'0'..=b'9')) if depth > 0 => at += 1,
                        _ => break,
                    }
                }
                (begun, over) = (false, true);
            }
            (None, true) if depth == 0 => return Some(numbers),
            _ => return None,
        }
    }
}

/// A number between -1 and 1 of sixteen digits or a few more behind its point, as Triton writes most of them, that begins at `at`, and
/// where it ends. `None`: it is another one.
///
/// How many digits there are is computed, and not found by looking at one after the other: a processor that has to guess it is
/// wrong every second time, and loses more than all this takes.
#[inline(always)]
fn usual(text: &[u8], at: usize) -> Option<(f32, usize)> {
    // All of it, and what has to be there before it so that eight bytes before its last sixteen can be read.
    let window = text.get(at.checked_sub(8)?..)?.first_chunk::<40>()?;
    let word = |at: usize| {
        let bytes = window.get(at..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    };
    let is_negative = usize::from(window[8] == b'-');
    let point = 8 + is_negative + 1;
    if window[point - 1] != b'0' || window[point] != b'.' {
        return None;
    }
    // The first byte that is no digit, of the eight after sixteen.
    let others = not_digits(word(24)?);
    let end = 24 + (others.trailing_zeros() / 8) as usize;
    let count = end - point - 1;
    // All eight are digits, or there are fewer than two whole words of them.
    if others == 0 || count < 16 {
        return None;
    }
    let (low, middle) = (word(end - 8)?, word(end - 16)?);
    // Of the word before, what belongs to the number is in its last bytes.
    let foreign = 64 - 8 * (count as u32 - 16);
    let zeros = 0x3030_3030_3030_3030;
    let high = match foreign {
        64 => zeros,
        foreign => ((word(end - 24)? >> foreign) << foreign) | (zeros & ((1 << foreign) - 1)),
    };
    let next = window[end];
    if not_digits(low) | not_digits(middle) | not_digits(high) != 0 || next == b'e' || next == b'E'
    {
        return None;
    }
    let high = eight_digits(high);
    if high >= 900 {
        return None;
    }
    let mantissa =
        high * 10_000_000_000_000_000 + eight_digits(middle) * 100_000_000 + eight_digits(low);
    let float = rounded(mantissa, count)?;
    let sign = (is_negative as u32) << 31;
    Some((f32::from_bits(float.to_bits() | sign), at + end - 8))
}

/// The float that is nearest to a number of so many decimals; `None` where it takes more to know. The number is less than 2^63.
#[inline(always)]
fn rounded(mantissa: u64, decimals: usize) -> Option<f32> {
    // Two roundings: wrong by less than two of its last bits. Away from the middle of two floats that changes nothing.
    let double = mantissa as i64 as f64 / POWERS.get(decimals)?;
    let from_middle = (double.to_bits() & 0x1fff_ffff).wrapping_sub(0x0fff_fffc);
    if from_middle <= 8 || (mantissa != 0 && double < 1e-30) {
        return None;
    }
    Some(double as f32)
}

/// A number at the beginning of `text`, and its length; `None` where it takes more to know.
///
/// Where a number ends is left to the processor to guess: one that waits to know it has nothing else to do meanwhile.
#[inline(always)]
fn quick(text: &[u8]) -> Option<(f32, usize)> {
    let is_negative = *text.first()? == b'-';
    let begin = usize::from(is_negative);
    let (mut mantissa, mut at) = (0u64, begin);
    while let Some(digit) = digit(text, at) {
        mantissa = mantissa * 10 + digit;
        at += 1;
        if at - begin > 9 {
            return None;
        }
    }
    // JSON has no number that begins with its point, and no zero before other digits.
    if at == begin || (text[begin] == b'0' && at > begin + 1) {
        return None;
    }
    let mut decimals = 0;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let point = at;
        while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let chunk = u64::from_le_bytes(*chunk);
            if not_digits(chunk) != 0 {
                break;
            }
            if mantissa >= ROOM_FOR_EIGHT {
                return None;
            }
            mantissa = mantissa * 100_000_000 + eight_digits(chunk);
            at += 8;
        }
        while let Some(digit) = digit(text, at) {
            if mantissa >= ROOM_FOR_ONE {
                return None;
            }
            mantissa = mantissa * 10 + digit;
            at += 1;
        }
        decimals = at - point;
        if decimals == 0 {
            return None;
        }
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let float = rounded(mantissa, decimals)?;
    Some((if is_negative { -float } else { float }, at))
}

/// What eight or one more digits make no more than 2^63.
const ROOM_FOR_EIGHT: u64 = i64::MAX as u64 / 100_000_000;
const ROOM_FOR_ONE: u64 = i64::MAX as u64 / 10;

fn digit(text: &[u8], at: usize) -> Option<u64> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit <= 9).then_some(digit.into())
}

/// The highest bit of each of eight bytes that is no digit; those after the first of them may be misjudged.
#[inline(always)]
fn not_digits(chunk: u64) -> u64 {
    let above = chunk.wrapping_add(0x4646_4646_4646_4646);
    let below = chunk.wrapping_sub(0x3030_3030_3030_3030);
    (above | below) & 0x8080_8080_8080_8080
}

/// The number that eight digits are; the first is in the lowest byte.
#[inline(always)]
fn eight_digits(chunk: u64) -> u64 {
    let ones = chunk.wrapping_sub(0x3030_3030_3030_3030);
    let twos = ones.wrapping_mul(10).wrapping_add(ones >> 8);
    let (first, third) = (
        twos & 0x0000_00ff_0000_00ff,
        (twos >> 16) & 0x0000_00ff_0000_00ff,
    );
    let sum = first
        .wrapping_mul(0x000f_4240_0000_0064)
        .wrapping_add(third.wrapping_mul(0x0000_2710_0000_0001));
    sum >> 32
}

/// The same for any number, as the standard library reads it.
#[cold]
fn exact(text: &[u8]) -> Option<(f32, usize)> {
    let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
    let length = text.iter().position(|b| !is_part(b)).unwrap_or(text.len());
    let number = std::str::from_utf8(&text[..length]).ok()?;
    // What JSON takes for a number is less than what Rust does.
    serde_json::from_str::<serde_json::Number>(number).ok()?;
    Some((number.parse().ok()?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<f32>> {
        floats(text.as_bytes(), 4)
    }

    #[test]
    fn nested_lists_are_read_in_order() {
        assert_eq!(
            read("[[1,2.5] , [[-3e2]],[]]"),
            Some(vec![1.0, 2.5, -300.0])
        );
        assert_eq!(read(" 7 "), Some(vec![7.0]));
        assert_eq!(read("[]"), Some(vec![]));
    }

    #[test]
    fn anything_else_is_left_to_others() {
        for other in [
            "", "[", "[1", "[1,]", "[,1]", "[1 2]", "[1][2]", "]", "1,2", "[01]", "[.5]", "[1.]",
            "[+1]", "[nan]", "[1e]", "[\"1\"]", "[true]", "[null]", "{}", "[--1]", "[1,[2]", "[-]",
            "[1-2]", "[00]", "[-01.5]", "[1[2]]", "[[1][2]]",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_float_is_the_nearest_to_what_is_written() {
        let mut texts: Vec<String> = [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "16777217",
            "16777217.0",
            "16777216.999999999",
            "0.1",
            "1e-45",
            "3.4028235e38",
            "1e39",
            "0.000000000000000000001",
            "123456789",
            "1234567890123",
            "9007199791611905.0",
            "8388608.5",
            "8388609.5",
            "0.30000001192092896",
            "0.1000000014901161193847656250001",
            "0.00000000000000000000000000000000000001",
        ]
        .map(str::to_owned)
        .into();
        for step in 0..100_000u32 {
            let bits = step.wrapping_mul(0x9e37_79b1);
            let x = bits as f32 / u32::MAX as f32 * 2.0 - 1.0;
            texts.push(f64::from(x).to_string());
            texts.push(x.to_string());
            // The middle of two floats, and its neighbours among the doubles.
            let (low, high) = (f64::from(x), f64::from(f32::from_bits(x.to_bits() + 1)));
            let middle = (low + high) / 2.0;
            let near = f64::from_bits(
                middle
                    .to_bits()
                    .wrapping_add_signed(i64::from(step % 7) - 3),
            );
            texts.push(near.to_string());
        }
        for text in texts {
            let expected: f32 = text.parse().unwrap();
            let got = read(&format!("[{text}]")).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(got[0].to_bits(), expected.to_bits(), "{text}");
        }
    }
}
