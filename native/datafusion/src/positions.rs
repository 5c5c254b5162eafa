//! `PositionSet`: which positions a filter selects.

use std::fmt;
use std::ops::Range;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList};
use datafusion::logical_expr::{Expr, Operator};
use serde::{Deserialize, Serialize};

/// A set of positions, as ascending ranges that neither overlap nor touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PositionSet {
    ranges: Vec<Range<u64>>,
}

impl PositionSet {
    /// Every position.
    pub(crate) fn all() -> Self {
        Self::of(0..u64::MAX)
    }

    fn of(range: Range<u64>) -> Self {
        Self { ranges: if range.is_empty() { Vec::new() } else { vec![range] } }
    }

    fn from_unordered(mut ranges: Vec<Range<u64>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self { ranges: merged }
    }

    /// Makes a set of single positions, in any order.
    pub(crate) fn from_positions(positions: impl IntoIterator<Item = u64>) -> Self {
        let one = |position: u64| position..position.saturating_add(1);
        Self::from_unordered(positions.into_iter().map(one).collect())
    }

    pub(crate) fn is_all(&self) -> bool {
        *self == Self::all()
    }

    pub(crate) fn union(mut self, other: Self) -> Self {
        self.ranges.extend(other.ranges);
        Self::from_unordered(self.ranges)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let both = one.start.max(two.start)..one.end.min(two.end);
            let is_left_first = one.end <= two.end;
            if !both.is_empty() {
                ranges.push(both);
            }
            if is_left_first {
                left.next();
            } else {
                right.next();
            }
        }
        Self { ranges }
    }

    pub(crate) fn complement(&self) -> Self {
        let starts = std::iter::once(0).chain(self.ranges.iter().map(|range| range.end));
        let ends = self.ranges.iter().map(|range| range.start).chain([u64::MAX]);
        Self::from_unordered(starts.zip(ends).map(|(start, end)| start..end).collect())
    }

    /// Returns the ranges of the set within `0..end`.
    pub(crate) fn below(&self, end: u64) -> Self {
        self.intersection(&Self::of(0..end))
    }

    /// Returns the ranges of the set within `range`.
    pub(crate) fn within(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.intersection(&Self::of(range)).ranges
    }

    /// Returns the number of positions.
    pub(crate) fn len(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Returns the range from the first position to the last.
    pub(crate) fn hull(&self) -> Range<u64> {
        let start = self.ranges.first().map_or(0, |range| range.start);
        start..self.ranges.last().map_or(0, |range| range.end)
    }

    /// Returns the positions that a filter on the column `position` selects; `None` for a
    /// filter that is not of a known form.
    pub(crate) fn of_filter(filter: &Expr) -> Option<Self> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                Some(Self::of_filter(left)?.intersection(&Self::of_filter(right)?))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Some(Self::of_filter(left)?.union(Self::of_filter(right)?))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if is_position(left) {
                    Self::of_comparison(*op, literal(right)?)
                } else if is_position(right) {
                    Self::of_comparison(op.swap()?, literal(left)?)
                } else {
                    None
                }
            }
            Expr::Not(inner) => Some(Self::of_filter(inner)?.complement()),
            Expr::Between(Between { expr, negated, low, high }) if is_position(expr) => {
                let from = Self::of_comparison(Operator::GtEq, literal(low)?)?;
                let to = Self::of_comparison(Operator::LtEq, literal(high)?)?;
                let between = from.intersection(&to);
                Some(if *negated { between.complement() } else { between })
            }
            Expr::InList(InList { expr, list, negated }) if is_position(expr) => {
                let mut positions = Vec::with_capacity(list.len());
                for value in list {
                    positions.extend(u64::try_from(literal(value)?).ok());
                }
                let listed = Self::from_positions(positions);
                Some(if *negated { listed.complement() } else { listed })
            }
            _ => None,
        }
    }

    /// Returns the positions `p` with `p operator value`.
    fn of_comparison(operator: Operator, value: i128) -> Option<Self> {
        // Positions have 32 bits, so the highest of them is no special case here.
        let bound = |value: i128| u64::try_from(value.max(0)).unwrap_or(u64::MAX);
        let equal = || Self::from_positions(u64::try_from(value).ok());
        Some(match operator {
            Operator::Eq => equal(),
            Operator::NotEq => equal().complement(),
            Operator::Lt => Self::of(0..bound(value)),
            Operator::LtEq => Self::of(0..bound(value.saturating_add(1))),
            Operator::Gt => Self::of(bound(value.saturating_add(1))..u64::MAX),
            Operator::GtEq => Self::of(bound(value)..u64::MAX),
            _ => return None,
        })
    }
}

fn is_position(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == crate::schema::POSITION)
}

/// Returns the value of a literal that is a whole number.
fn literal(expr: &Expr) -> Option<i128> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Int8(value) => value.map(i128::from),
        ScalarValue::Int16(value) => value.map(i128::from),
        ScalarValue::Int32(value) => value.map(i128::from),
        ScalarValue::Int64(value) => value.map(i128::from),
        ScalarValue::UInt8(value) => value.map(i128::from),
        ScalarValue::UInt16(value) => value.map(i128::from),
        ScalarValue::UInt32(value) => value.map(i128::from),
        ScalarValue::UInt64(value) => value.map(i128::from),
        _ => None,
    }
}

/// Prints the first ranges: `5, 9..12`.
impl fmt::Display for PositionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        for (number, range) in self.ranges.iter().take(SHOWN).enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            match range.end {
                end if end == range.start.saturating_add(1) => write!(f, "{}", range.start)?,
                u64::MAX => write!(f, "{}..", range.start)?,
                end => write!(f, "{}..{end}", range.start)?,
            }
        }
        match self.ranges.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, ", and {more} more ranges"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn set(filter: &Expr) -> String {
        PositionSet::of_filter(filter).unwrap().to_string()
    }

    #[test]
    fn filters_become_ranges() {
        let position = || col("position");
        assert_eq!(set(&position().eq(lit(5_u64))), "5");
        assert_eq!(set(&lit(5_u64).gt(position())), "0..5");
        assert_eq!(set(&position().gt_eq(lit(7_i32)).and(position().lt(lit(9)))), "7..9");
        assert_eq!(set(&position().in_list(vec![lit(3), lit(9), lit(4)], false)), "3..5, 9");
        assert_eq!(set(&position().in_list(vec![lit(3)], true)), "0..3, 4..");
        assert_eq!(set(&position().between(lit(2), lit(4))), "2..5");
        assert_eq!(set(&position().not_between(lit(2), lit(4))), "0..2, 5..");
        assert_eq!(set(&position().not_eq(lit(0))), "1..");
        assert_eq!(set(&position().gt(lit(-1))), "0..");
        assert_eq!(set(&position().lt(lit(-1))), "");
        assert_eq!(set(&position().eq(lit(1)).or(position().eq(lit(2)))), "1..3");
    }

    #[test]
    fn other_filters_are_not_taken() {
        assert_eq!(PositionSet::of_filter(&col("size").eq(lit(1))), None);
        assert_eq!(PositionSet::of_filter(&col("position").eq(col("size"))), None);
        let nothing = lit(ScalarValue::UInt64(None));
        assert_eq!(PositionSet::of_filter(&col("position").eq(nothing)), None);
        assert_eq!(PositionSet::of_filter(&(col("position") % lit(2)).eq(lit(0))), None);
    }

    #[test]
    fn intersections_are_exact() {
        let evens = PositionSet::from_positions((0..50).map(|n| n * 2));
        let thirds = PositionSet::from_positions((0..50).map(|n| n * 3));
        let both = evens.intersection(&thirds).below(90);
        assert_eq!(both, PositionSet::from_positions((0..15).map(|n| n * 6)));
        assert_eq!(both.len(), 15);
        assert_eq!(both.hull(), 0..85);
        assert_eq!(evens.complement().complement(), evens);
        assert!(PositionSet::from_positions([]).complement().is_all());
    }
}
