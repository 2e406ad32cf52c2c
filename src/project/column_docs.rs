//! Comments in a view that say what it is: the leading one is its description, those after select items are column docs.
//!
//! ```sql
//! -- Every customer who ordered in the last year.
//! SELECT
//!     customer_id,           -- as the shop knows them
//!     sum(amount) AS spent   -- in euros, taxes included
//! FROM ...
//! ```

use datafusion::sql::sqlparser::ast::{Expr, Query, SelectItem, SetExpr};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};
use indexmap::IndexMap;

/// The comment lines before the first word of a query, up to the first blank line, as one text.
pub(super) fn description(sql: &str) -> String {
    let comments = sql.trim_start().lines().map(|line| line.trim().strip_prefix("--"));
    let lines: Vec<&str> = comments.map_while(|line| line.map(str::trim)).collect();
    lines.join(" ").trim().to_string()
}

/// The comment at the end of a select item's line, by the name of the column it makes.
///
/// Of a union, the first part names the columns. An item without a name (an expression without alias) has no doc.
pub(super) fn column_docs(sql: &str, query: &Query) -> IndexMap<String, String> {
    let names = names(&query.body);
    let comments = comments(sql);
    // Every item has an entry in both, or the two were not read alike.
    if names.len() != comments.len() {
        return IndexMap::new();
    }
    let documented = names.into_iter().zip(comments);
    documented.filter_map(|(name, comment)| Some((name?, comment?))).collect()
}

/// The names of a query's columns, where the query says all of them.
pub(super) fn columns(query: &Query) -> Option<Vec<String>> {
    let names = names(&query.body);
    if names.is_empty() { None } else { names.into_iter().collect() }
}

fn names(body: &SetExpr) -> Vec<Option<String>> {
    match body {
        SetExpr::Select(select) => select.projection.iter().map(name).collect(),
        SetExpr::Query(query) => names(&query.body),
        SetExpr::SetOperation { left, .. } => names(left),
        _ => Vec::new(),
    }
}

fn name(item: &SelectItem) -> Option<String> {
    let ident = match item {
        SelectItem::ExprWithAlias { alias, .. } => alias,
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => ident,
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) => idents.last()?,
        _ => return None,
    };
    Some(if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() })
}

/// For each item of the first SELECT outside all parentheses, the comment at the end of its line.
fn comments(sql: &str) -> Vec<Option<String>> {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return Vec::new();
    };
    let mut items = vec![None];
    let mut depth = 0_usize;
    let mut inside = false;
    let mut last: Option<&TokenWithSpan> = None;
    for (position, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) => {
                let Some(last) = last.filter(|_| inside && depth == 0) else { continue };
                let same_line = last.span.start.line == token.span.start.line;
                let after_comma = last.token == Token::Comma;
                if same_line && (after_comma || ends_item(&tokens[position + 1..])) {
                    // After the comma, the next item has begun.
                    let item =
                        if after_comma { items.len().checked_sub(2) } else { items.len().checked_sub(1) };
                    let doc = comment.trim().to_string();
                    if let Some(item) = item.and_then(|item| items.get_mut(item)).filter(|_| !doc.is_empty())
                    {
                        item.get_or_insert(doc);
                    }
                }
                continue;
            }
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Comma if inside && depth == 0 => items.push(None),
            token if depth == 0 && !inside => inside = keyword(token) == Some(Keyword::SELECT),
            token if depth == 0 && ends_projection(token) => break,
            _ => {}
        }
        last = Some(token);
    }
    items
}

fn ends_item(rest: &[TokenWithSpan]) -> bool {
    let next = rest.iter().map(|token| &token.token).find(|token| !matches!(token, Token::Whitespace(_)));
    next.is_none_or(|token| *token == Token::Comma || ends_projection(token))
}

fn ends_projection(token: &Token) -> bool {
    matches!(token, Token::SemiColon | Token::EOF)
        || matches!(
            keyword(token),
            Some(
                Keyword::FROM
                    | Keyword::WHERE
                    | Keyword::GROUP
                    | Keyword::HAVING
                    | Keyword::UNION
                    | Keyword::EXCEPT
                    | Keyword::INTERSECT
                    | Keyword::ORDER
                    | Keyword::LIMIT
            )
        )
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::query::{Use, query};

    fn docs(sql: &str) -> Vec<(String, String)> {
        column_docs(sql, &query(sql, Use::View).unwrap()).into_iter().collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, doc)| (name.to_string(), doc.to_string())).collect()
    }

    #[test]
    fn comments_after_items() {
        let sql = "-- About.\nWITH c AS (\n  SELECT a, -- not this\n b FROM t)\nSELECT DISTINCT\n  c.A, -- the a\n  \
                   CASE -- not this either\n WHEN a > 1 THEN extract(year FROM d) END AS year -- of it\n  , sum(b) -- no \
                   name\n, \"Q\" -- quoted\n FROM c -- nor this";
        assert_eq!(docs(sql), pairs(&[("a", "the a"), ("year", "of it"), ("Q", "quoted")]));
    }

    #[test]
    fn of_a_union_the_first_part() {
        assert_eq!(docs("SELECT 1 AS a -- one\nUNION ALL SELECT 2 -- two"), pairs(&[("a", "one")]));
        assert_eq!(docs("SELECT 1 AS a, 2 AS b -- both"), pairs(&[("b", "both")]));
    }

    #[test]
    fn the_leading_comment() {
        assert_eq!(description("\n-- One.\n--  Two.\n\n-- Other\nSELECT 1"), "One. Two.");
        assert_eq!(description("SELECT 1"), "");
    }
}
