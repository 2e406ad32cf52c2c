//! Finding the place of an error that the planner does not tell: the smallest piece without which everything plans.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    Expr, Spanned, Value, Visit, VisitMut, visit_expressions, visit_expressions_mut,
};

use crate::project::byte_at;

/// Pieces that are tried, at most: each costs a planning.
const MOST: usize = 400;

/// A part of a query or expression.
pub(super) struct Piece {
    pub expression: Expr,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

impl Piece {
    /// Whether it combines others: a type error is about how things are combined.
    fn is_compound(&self) -> bool {
        !matches!(self.expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_))
    }
}

/// All expressions in it, as far as it is known where they stand; of equal ones the first.
pub(super) fn pieces<T: Visit>(parsed: &T, sql: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let _ = visit_expressions(parsed, |expression| {
        let span = expression.span();
        let known = span.start.line > 0 && pieces.iter().all(|piece| piece.expression != *expression);
        if known {
            let range = byte_at(sql, span.start.line, span.start.column)
                ..byte_at(sql, span.end.line, span.end.column);
            pieces.push(Piece { expression: expression.clone(), range });
        }
        match pieces.len() < MOST {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    pieces
}

/// The same with NULL in all places of an expression.
pub(super) fn without<T: VisitMut + Clone>(parsed: &T, expression: &Expr) -> T {
    let mut parsed = parsed.clone();
    let _ = visit_expressions_mut(&mut parsed, |found| {
        if found == expression {
            *found = Expr::value(Value::Null);
        }
        ControlFlow::<()>::Continue(())
    });
    parsed
}

/// Where the error is, given all pieces without any of which everything plans: the smallest that combines others and holds
/// the least of them all. In `a = (b > 1)` it does without `a` or without `b > 1`: the error is in how they are compared.
pub(super) fn place(guilty: &[Piece]) -> Option<Range<usize>> {
    let within =
        |inner: &Range<usize>, outer: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
    let least = guilty.iter().filter(|piece| {
        !guilty.iter().any(|other| other.range != piece.range && within(&other.range, &piece.range))
    });
    let least: Vec<&Range<usize>> = least.map(|piece| &piece.range).collect();
    let all = least.iter().map(|range| range.start).min()?..least.iter().map(|range| range.end).max()?;
    let holding = guilty.iter().filter(|piece| piece.is_compound() && within(&all, &piece.range));
    let smallest = holding.map(|piece| &piece.range).min_by_key(|range| range.len());
    smallest.or(least.first().copied()).cloned()
}
