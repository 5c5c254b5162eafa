//! Which filters a table answers itself.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, Volatility};

use crate::positions::PositionSet;
use crate::schema::{ITEM, NAME, PackColumns, TEXT};

/// A filter that a table answers, or helps to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PackFilter {
    /// It concerns only columns that are the same for a whole pack.
    OfPack,
    Positions(PositionSet),
    /// The name is one of these.
    Names(Vec<String>),
    /// The item contains these bytes, and more has to hold.
    Contains(String),
}

/// Returns what a scan does with each of these filters.
pub(crate) fn pushdown(
    filters: &[&Expr],
    columns: &PackColumns,
) -> Vec<TableProviderFilterPushDown> {
    let support = |filter: &&Expr| match classify(filter, columns) {
        Some(PackFilter::Contains(_)) => TableProviderFilterPushDown::Inexact,
        Some(_) => TableProviderFilterPushDown::Exact,
        None => TableProviderFilterPushDown::Unsupported,
    };
    filters.iter().map(support).collect()
}

/// Returns what a filter selects; `None` if rows have to be compared with it.
pub(crate) fn classify(filter: &Expr, columns: &PackColumns) -> Option<PackFilter> {
    if is_of_pack(filter, columns) {
        return Some(PackFilter::OfPack);
    }
    if let Some(positions) = PositionSet::of_filter(filter) {
        return Some(PackFilter::Positions(positions));
    }
    if let Some(names) = names_of(filter).filter(|_| columns.has_names) {
        return Some(PackFilter::Names(names));
    }
    contained_in(filter).map(PackFilter::Contains)
}

/// Returns the longest text without wildcards of `item LIKE '…'` or `text LIKE '…'`.
fn contained_in(filter: &Expr) -> Option<String> {
    let Expr::Like(like) = filter else { return None };
    if like.negated || like.case_insensitive || like.escape_char.is_some() {
        return None;
    }
    let column = match like.expr.as_ref() {
        Expr::Cast(cast) => cast.expr.as_ref(),
        expr => expr,
    };
    let is_item =
        matches!(column, Expr::Column(column) if [ITEM, TEXT].contains(&column.name.as_str()));
    let pattern = text(&like.pattern).filter(|pattern| is_item && !pattern.contains('\\'))?;
    let longest = pattern.split(['%', '_']).max_by_key(|part| part.len())?;
    (!longest.is_empty()).then(|| longest.to_owned())
}

fn is_of_pack(filter: &Expr, columns: &PackColumns) -> bool {
    use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
    let referenced = filter.column_refs();
    let mut is_immutable = true;
    let visited = filter.apply(|expr| {
        is_immutable &= match expr {
            Expr::ScalarFunction(function) => {
                function.func.signature().volatility == Volatility::Immutable
            }
            Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::ScalarSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(_, _)
            | Expr::HigherOrderFunction(_)
            | Expr::Placeholder(_) => false,
            _ => true,
        };
        Ok(if is_immutable { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    let are_of_pack = referenced.iter().all(|column| columns.is_of_pack(&column.name));
    visited.is_ok() && is_immutable && !referenced.is_empty() && are_of_pack
}

/// Returns the names of `name = 'x'` or `name IN ('x', 'y')`. The empty name is none: an
/// item without a name has null.
fn names_of(filter: &Expr) -> Option<Vec<String>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (is_name(left), is_name(right)) {
                (true, false) => Some(vec![text(right)?]),
                (false, true) => Some(vec![text(left)?]),
                _ => None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut names = names_of(left)?;
            names.extend(names_of(right)?);
            Some(names)
        }
        Expr::InList(InList { expr, list, negated: false }) if is_name(expr) => {
            list.iter().map(text).collect()
        }
        _ => None,
    }
}

fn is_name(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == NAME)
}

fn text(expr: &Expr) -> Option<String> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            text.clone()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::prelude::{cast, col, lit};

    use super::*;

    #[test]
    fn the_longest_text_of_a_pattern_is_searched_for() {
        let item = || cast(col("item"), DataType::Utf8View);
        let contained = |pattern: &str| contained_in(&item().like(lit(pattern)));
        assert_eq!(contained("%rare%").as_deref(), Some("rare"));
        assert_eq!(contained("a%longer_b").as_deref(), Some("longer"));
        assert_eq!(contained("%"), None);
        assert_eq!(contained("%a\\%b%"), None);
        assert_eq!(contained_in(&col("text").like(lit("x"))).as_deref(), Some("x"));
        assert_eq!(contained_in(&item().not_like(lit("%x%"))), None);
        assert_eq!(contained_in(&item().ilike(lit("%x%"))), None);
        assert_eq!(contained_in(&col("name").like(lit("%x%"))), None);
    }
}
