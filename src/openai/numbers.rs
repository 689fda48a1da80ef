//! 32-bit floats as JSON text, fast: half a million of them are one answer.
//!
//! Most numbers of an embedding lie where one multiplication of doubles gives their digits, and a comparison tells how many of
//! them it takes. zmij, the fastest crate for any float, guesses wrong at each number how long it will be, which takes as long as
//! all the rest. Numbers elsewhere are zmij's.

/// The most bytes of a number written here: `-0.0000`, nine digits, a comma, and what is written beyond it.
const ROOM: usize = 7 + 9 + 1 + 7;

/// Numbers that are written before they are appended.
const CHUNK: usize = 32;

/// By how many zeros stand behind the point: `0.` and the zeros, where the digits begin, and the power of ten that makes nine
/// digits of the number.
const PREFIXES: [([u8; 8], usize, f64); 5] = [
    (*b"0.      ", 2, 1e9),
    (*b"0.0     ", 3, 1e10),
    (*b"0.00    ", 4, 1e11),
    (*b"0.000   ", 5, 1e12),
    (*b"0.0000  ", 6, 1e13),
];

/// By a float's power of two, from 2^-17 to 2^-1: how many zeros its least has behind the point, and from where on it is one less.
const ZEROS: [(usize, f64); 17] = {
    const TENS: [f64; 5] = [1e0, 1e-1, 1e-2, 1e-3, 1e-4];
    let mut zeros = [(4, TENS[4]); 17];
    let mut i = 0;
    while i < zeros.len() {
        let least = 1.0 / (1u64 << (17 - i)) as f64;
        while zeros[i].0 > 0 && least >= zeros[i].1 {
            zeros[i].0 -= 1;
            zeros[i].1 = TENS[zeros[i].0];
        }
        i += 1;
    }
    zeros
};

/// Appends finite numbers with commas between them. Read as a 32-bit float each is the same again; most are as short as can be.
pub fn write_f32s(out: &mut Vec<u8>, numbers: &[f32]) {
    let begin = out.len();
    let mut buffer = [0; CHUNK * ROOM];
    for chunk in numbers.chunks(CHUNK) {
        let mut at = 0;
        for x in chunk {
            at += match buffer[at..].first_chunk_mut::<ROOM>() {
                Some(room) => write(room, *x),
                None => 0,
            };
        }
        out.extend_from_slice(&buffer[..at]);
    }
    if out.len() > begin {
        out.pop();
    }
}

/// Writes a number and a comma; gives the length.
#[inline(always)]
fn write(room: &mut [u8; ROOM], x: f32) -> usize {
    match digits(x.abs()) {
        Some((zeros, nine)) => {
            let (prefix, begin, _) = &PREFIXES[zeros];
            let sign = usize::from(x.is_sign_negative());
            room[0] = b'-';
            room[sign..sign + 8].copy_from_slice(prefix);
            let begin = sign + begin;
            let (first, rest) = (nine / 100_000_000, nine % 100_000_000);
            room[begin] = first as u8 | b'0';
            let rest = eight_digits(rest);
            room[begin + 1..begin + 9]
                .copy_from_slice(&(rest | 0x3030_3030_3030_3030).to_le_bytes());
            // All zero bits are eight zeros.
            let end = begin + 9 - (rest.leading_zeros() / 8) as usize;
            room[end] = b',';
            end + 1
        }
        None => {
            let mut other = zmij::Buffer::new();
            let text = other.format_finite(x).as_bytes();
            room[..text.len()].copy_from_slice(text);
            room[text.len()] = b',';
            text.len() + 1
        }
    }
}

/// How many zeros stand behind the point, and nine digits after those; `None`: it takes more to tell.
///
/// Without branches but for what is rare.
#[inline(always)]
fn digits(x: f32) -> Option<(usize, u64)> {
    let bits = x.to_bits();
    // One whose lower neighbour is nearer than the other is left out, too.
    if !(1e-5..1.0).contains(&x) || bits & 0x007f_ffff == 0 {
        return None;
    }
    let size = f64::from(x);
    let power = (bits >> 23) as usize;
    let (zeros, next) = ZEROS.get(power.wrapping_sub(110))?;
    let zeros = (zeros - usize::from(size >= *next && *zeros > 0)).min(4);
    let nine = size * PREFIXES[zeros].2;
    // As near as this, in the same unit, another number is still this float: a little less than half of the space between two.
    let near =
        f64::from_bits((power as u64 + 1023 - 127 - 24) << 52) * PREFIXES[zeros].2 * 0.999_999;
    // Nine digits always tell one float from the next; eight and seven, where they do too, are what people write.
    let ((nine, _), (eight, is_eight), (seven, is_seven)) = (
        rounded(nine, near),
        rounded(nine * 0.1, near * 0.1),
        rounded(nine * 0.01, near * 0.01),
    );
    let digits = nine.wrapping_add((eight * 10).wrapping_sub(nine) & is_eight);
    let digits = digits.wrapping_add((seven * 100).wrapping_sub(digits) & is_seven);
    (digits < 1_000_000_000).then_some((zeros, digits))
}

/// The nearest whole number, for one below 2^51, and all bits set where it is nearer than `near`.
#[inline(always)]
fn rounded(x: f64, near: f64) -> (u64, u64) {
    // A double this large has no room for a fraction, and the whole number in its last bits.
    const WHOLE: f64 = (1u64 << 52) as f64;
    let shifted = x + WHOLE;
    let is_near = (shifted - WHOLE - x).abs() < near;
    (
        shifted.to_bits() & ((1 << 52) - 1),
        u64::from(is_near).wrapping_neg(),
    )
}

/// The digits of a number below 1e8, the first in the lowest byte, as numbers.
#[inline(always)]
fn eight_digits(n: u64) -> u64 {
    let fours = (n / 10_000) | ((n % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(x: f32) -> String {
        let mut out = Vec::new();
        write_f32s(&mut out, &[x]);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_people_write_comes_back_as_they_wrote_it() {
        for written in [
            "0.0",
            "-0.0",
            "1.0",
            "-1.0",
            "0.1",
            "0.3",
            "-0.7",
            "12.5",
            "-127.0",
            "0.01",
            "0.001",
            "0.0001",
            "0.00001",
            "999999.0",
            "10.0",
            "9.0",
            "100.25",
            "0.99999994",
            "0.0625",
            "123456.7",
            "1e-7",
            "3.4028235e38",
            "0.09999999",
            "0.1234567",
        ] {
            let x: f32 = written.parse().unwrap();
            let wrote = text(x);
            assert_eq!(
                wrote.parse::<f32>().unwrap().to_bits(),
                x.to_bits(),
                "{written} {wrote}"
            );
            let shorter = zmij::Buffer::new().format_finite(x).len();
            assert!(wrote.len() <= shorter.max(7), "{written} {wrote}");
            serde_json::from_str::<f64>(&wrote).unwrap();
        }
        assert_eq!(text(0.1), "0.1");
        assert_eq!(text(-5.0), "-5.0");
        assert_eq!(text(1234.5), "1234.5");
        let mut out = b"[".to_vec();
        write_f32s(&mut out, &[-0.123_456_79; CHUNK + 1]);
        assert_eq!(out.len(), 1 + (CHUNK + 1) * "-0.12345679,".len() - 1);
        write_f32s(&mut out, &[]);
        assert_eq!(out.last(), Some(&b'9'));
    }

    /// A walk over all floats in steps that hit every exponent and every kind of fraction.
    #[test]
    fn every_float_reads_as_itself() {
        let mut longer = 0;
        for step in 0..400_000u32 {
            let x = f32::from_bits(step.wrapping_mul(0x9e37_79b1));
            // Where embeddings are, three of four.
            let x = match step % 4 {
                _ if !x.is_finite() => continue,
                0 => x,
                1 => (x.to_bits() as f32 / u32::MAX as f32) * 2.0 - 1.0,
                2 => ((x.to_bits() >> 9) as f32 - 4e6) * 1e-8,
                _ => (x.to_bits() >> 12) as f32 / 64.0 - 7000.0,
            };
            let wrote = text(x);
            assert_eq!(
                wrote.parse::<f32>().unwrap().to_bits(),
                x.to_bits(),
                "{x:e} {wrote}"
            );
            let shortest = zmij::Buffer::new().format_finite(x).len();
            longer += usize::from((1e-4..1e6).contains(&x.abs()) && wrote.len() > shortest);
        }
        assert!(longer < 40, "{longer} numbers are longer than they need be");
    }

    /// Powers of ten and of two, and their neighbours, where digits and exponents change.
    #[test]
    fn borders_are_no_exception() {
        let tens = (-5..=6).map(|e| 10f32.powi(e));
        let twos = (-20..=20).map(|e| 2f32.powi(e));
        for x in tens.chain(twos) {
            for near in -20i32..=20 {
                for sign in [1.0, -1.0] {
                    let x = f32::from_bits(x.to_bits().wrapping_add_signed(near)) * sign;
                    assert_eq!(
                        text(x).parse::<f32>().unwrap().to_bits(),
                        x.to_bits(),
                        "{x:e} {}",
                        text(x)
                    );
                }
            }
        }
    }
}
