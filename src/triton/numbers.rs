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

/// The most digits that fit a `u64`, whatever they are.
const DIGITS: usize = 19;

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
                let rest = &text[at..];
                let (number, length) = quick(rest).or_else(|| exact(rest))?;
                numbers.push(number);
                (begun, over, at) = (false, true, at + length);
                // Mostly the next number follows at once.
                if depth > 0 && text.get(at) == Some(&b',') {
                    (over, at) = (false, at + 1);
                }
            }
            (None, true) if depth == 0 => return Some(numbers),
            _ => return None,
        }
    }
}

/// A number at the beginning of `text`, and its length; `None` where it takes more to know.
#[inline(always)]
fn quick(text: &[u8]) -> Option<(f32, usize)> {
    let is_negative = *text.first()? == b'-';
    let begin = usize::from(is_negative);
    let mut at = begin;
    let mut mantissa = 0u64;
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
    let mut digits = if mantissa == 0 { 0 } else { at - begin };
    let mut decimals = 0;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let point = at;
        while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let chunk = u64::from_le_bytes(*chunk);
            if !are_digits(chunk) || digits + 8 > DIGITS {
                break;
            }
            mantissa = mantissa * 100_000_000 + eight_digits(chunk);
            (at, digits) = (at + 8, digits + 8);
        }
        while let Some(digit) = digit(text, at) {
            if digits >= DIGITS {
                return None;
            }
            mantissa = mantissa * 10 + digit;
            (at, digits) = (at + 1, digits + 1);
        }
        decimals = at - point;
        if decimals == 0 || decimals >= POWERS.len() {
            return None;
        }
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        return None;
    }
    // Two roundings: wrong by less than two of its last bits. Away from the middle of two floats that changes nothing.
    let double = mantissa as f64 / POWERS[decimals];
    let from_middle = (double.to_bits() & 0x1fff_ffff).wrapping_sub(0x0fff_fffc);
    if from_middle <= 8 || (mantissa != 0 && double < 1e-30) {
        return None;
    }
    let float = double as f32;
    Some((if is_negative { -float } else { float }, at))
}

fn digit(text: &[u8], at: usize) -> Option<u64> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit <= 9).then_some(digit.into())
}

/// Whether eight bytes are digits.
fn are_digits(chunk: u64) -> bool {
    let above = chunk.wrapping_add(0x4646_4646_4646_4646);
    let below = chunk.wrapping_sub(0x3030_3030_3030_3030);
    (above | below) & 0x8080_8080_8080_8080 == 0
}

/// The number that eight digits are; the first is in the lowest byte.
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
