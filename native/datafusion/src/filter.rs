//! Which filters a table answers itself.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Expr, Operator, Volatility};

use crate::positions::PositionSet;
use crate::schema::{NAME, PackColumns};

/// A filter that a table answers exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PackFilter {
    /// It concerns only columns that are the same for a whole pack.
    OfPack,
    Positions(PositionSet),
    /// The name is one of these.
    Names(Vec<String>),
}

/// Returns what a filter selects; `None` if rows have to be compared with it.
pub(crate) fn classify(filter: &Expr, columns: &PackColumns) -> Option<PackFilter> {
    if is_of_pack(filter, columns) {
        return Some(PackFilter::OfPack);
    }
    if let Some(positions) = PositionSet::of_filter(filter) {
        return Some(PackFilter::Positions(positions));
    }
    names_of(filter).filter(|_| columns.has_names).map(PackFilter::Names)
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
