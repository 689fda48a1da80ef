//! Vectors of tokens → one vector for each input; vectors of length 1; vectors cut short.

use crate::config::Pooling;
use crate::openai::response::{Matrix, Values};

/// A number of one of two precisions. Sums are made in the higher one.
trait Number: Copy {
    fn wide(self) -> f64;
    fn narrow(x: f64) -> Self;
}

impl Number for f32 {
    fn wide(self) -> f64 {
        self.into()
    }
    fn narrow(x: f64) -> f32 {
        x as f32
    }
}

impl Number for f64 {
    fn wide(self) -> f64 {
        self
    }
    fn narrow(x: f64) -> f64 {
        x
    }
}

/// Makes one vector of each input's `tokens` vectors of `columns` numbers. `real`: how many of an input's tokens are no padding;
/// they come first.
pub(super) fn pool(
    values: &Values,
    tokens: usize,
    columns: usize,
    how: Pooling,
    real: impl Fn(usize) -> usize,
) -> Values {
    fn each<T: Number>(
        values: &[T],
        tokens: usize,
        columns: usize,
        how: Pooling,
        real: impl Fn(usize) -> usize,
    ) -> Vec<T> {
        let mut pooled = Vec::with_capacity(values.len() / tokens.max(1));
        for (i, input) in values.chunks_exact(tokens * columns).enumerate() {
            let real = real(i).clamp(1, tokens);
            let token = |at: usize| &input[at * columns..(at + 1) * columns];
            match how {
                Pooling::Cls => pooled.extend_from_slice(token(0)),
                Pooling::Last => pooled.extend_from_slice(token(real - 1)),
                Pooling::Mean => {
                    let mut sums = vec![0.0; columns];
                    for at in 0..real {
                        for (sum, x) in sums.iter_mut().zip(token(at)) {
                            *sum += x.wide();
                        }
                    }
                    pooled.extend(sums.iter().map(|sum| T::narrow(sum / real as f64)));
                }
            }
        }
        pooled
    }
    match values {
        Values::F32(v) => each(v, tokens, columns, how, real).into(),
        Values::F64(v) => Values::F64(each(v, tokens, columns, how, real)),
    }
}

/// Gives each row the length 1. A row of zeros stays one.
pub(super) fn normalize(matrix: Matrix) -> Matrix {
    fn each<T: Number>(mut values: Vec<T>, columns: usize) -> Vec<T> {
        for row in values.chunks_exact_mut(columns.max(1)) {
            let length = row.iter().map(|x| x.wide() * x.wide()).sum::<f64>().sqrt();
            if length > 0.0 && length.is_finite() {
                row.iter_mut()
                    .for_each(|x| *x = T::narrow(x.wide() / length));
            }
        }
        values
    }
    let columns = matrix.columns;
    Matrix {
        values: match matrix.values {
            Values::F32(v) => each(v.into_vec(), columns).into(),
            Values::F64(v) => Values::F64(each(v, columns)),
        },
        columns,
    }
}

/// Keeps the first `kept` numbers of each row.
pub(super) fn cut(matrix: &Matrix, kept: usize) -> Matrix {
    fn each<T: Copy>(values: &[T], columns: usize, kept: usize) -> Vec<T> {
        let rows = values.chunks_exact(columns.max(1));
        rows.flat_map(|row| &row[..kept.min(columns)])
            .copied()
            .collect()
    }
    Matrix {
        values: match &matrix.values {
            Values::F32(v) => each(v, matrix.columns, kept).into(),
            Values::F64(v) => Values::F64(each(v, matrix.columns, kept)),
        },
        columns: kept.min(matrix.columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_does_not_count() {
        // Two inputs of three tokens; the last token of the first pads.
        let values: Values = vec![
            1.0f32, 2.0, 3.0, 4.0, 90.0, 90.0, 1.0, 1.0, 2.0, 2.0, 6.0, 0.0,
        ]
        .into();
        let pooled = |how| pool(&values, 3, 2, how, |i| 2 + i);
        assert_eq!(pooled(Pooling::Mean), vec![2.0f32, 3.0, 3.0, 1.0].into());
        assert_eq!(pooled(Pooling::Cls), vec![1.0f32, 2.0, 1.0, 1.0].into());
        assert_eq!(pooled(Pooling::Last), vec![3.0f32, 4.0, 6.0, 0.0].into());
        // A model that read less than it was sent, or nothing.
        assert_eq!(
            pool(&values, 3, 2, Pooling::Last, |_| 9),
            vec![90.0f32, 90.0, 6.0, 0.0].into()
        );
        assert_eq!(
            pool(&values, 3, 2, Pooling::Last, |_| 0),
            vec![1.0f32, 2.0, 1.0, 1.0].into()
        );
    }

    #[test]
    fn rows_are_cut_and_given_the_length_one() {
        let matrix = Matrix {
            values: Values::F64(vec![3.0, 4.0, 9.0, 0.0, 0.0, 9.0]),
            columns: 3,
        };
        let short = cut(&matrix, 2);
        assert_eq!(short.columns, 2);
        assert_eq!(
            normalize(short).values,
            Values::F64(vec![0.6, 0.8, 0.0, 0.0])
        );
        assert_eq!(cut(&matrix, 7), matrix);
    }
}
