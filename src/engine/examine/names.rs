//! Names in a query: the relations it reads and the columns it gives, with their places.

use std::ops::{ControlFlow, Range};

use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Query, SelectItem, SetExpr, Spanned, Statement as SqlStatement, visit_relations,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::project::byte_at;

/// A relation as a query names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Its parts: `schema`, `table`, or the table alone. Lowercase unless quoted.
    pub parts: Vec<String>,
    /// Where, in bytes.
    pub range: Range<usize>,
}

/// The relations in a query that are neither CTEs nor table functions.
pub(super) fn mentions(state: &SessionState, sql: &str) -> Result<Vec<Mention>, DataFusionError> {
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect)?;
    let known: Vec<Vec<String>> = state
        .resolve_table_references(&statement)?
        .into_iter()
        .filter(|name| name.schema().is_some() || !state.table_functions().contains_key(name.table()))
        .map(|name| name.to_vec())
        .collect();
    let mut mentions = Vec::new();
    if let Statement::Statement(parsed) = &statement {
        let _ = visit_relations(parsed.as_ref(), |name| {
            let parts = parts(name);
            if known.contains(&parts) {
                mentions.push(Mention { parts, range: bytes(sql, name.span()) });
            }
            ControlFlow::<()>::Continue(())
        });
    }
    mentions.sort_by_key(|mention| mention.range.start);
    Ok(mentions)
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(plain).collect()
}

fn plain(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// A column that a query gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name; None for an expression that is given none.
    pub name: Option<String>,
    /// Where its item stands, in bytes.
    pub range: Range<usize>,
}

/// The columns that a query's first SELECT gives. None where the text does not say.
pub fn output_columns(sql: &str) -> Option<Vec<OutputColumn>> {
    let statements = Parser::parse_sql(&GenericDialect {}, sql).ok()?;
    let [SqlStatement::Query(query)] = statements.as_slice() else { return None };
    items(query)?
        .iter()
        .map(|item| {
            let name = match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(plain(alias)),
                SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(plain(ident)),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) => idents.last().map(plain),
                SelectItem::UnnamedExpr(_) => None,
                _ => return None,
            };
            Some(OutputColumn { name, range: bytes(sql, item.span()) })
        })
        .collect()
}

fn items(query: &Query) -> Option<&[SelectItem]> {
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::Select(select) => return Some(&select.projection),
            SetExpr::Query(query) => body = query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => body = left.as_ref(),
            _ => return None,
        }
    }
}

fn bytes(sql: &str, span: Span) -> Range<usize> {
    byte_at(sql, span.start.line, span.start.column)..byte_at(sql, span.end.line, span.end.column)
}
