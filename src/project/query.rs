//! What can be said of SQL without knowing any relation: whether it parses, is one query, and is deterministic.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectNamePart, Query, Select, SelectItem, Spanned, Statement, UnaryOperator, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token};

/// Functions whose value depends on when or how often they are called.
const CLOCKS: [&str; 8] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "today",
    "getdate",
];
const DICE: [&str; 4] = ["random", "rand", "uuid", "gen_random_uuid"];

/// Something wrong with a piece of SQL: `range` is in its bytes.
#[derive(Debug)]
pub(super) struct Flaw {
    pub code: &'static str,
    pub range: Range<usize>,
    pub message: String,
    pub hint: String,
}

/// What a query is for, and so what it may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Use {
    /// A view: its columns are a promise, so it names them.
    View,
    /// A model's input.
    Model,
    /// A SELECT of bad rows.
    Check,
}

/// Parses one query, and finds what it must not hold.
pub(super) fn query(sql: &str, used_as: Use) -> Result<Query, Vec<Flaw>> {
    let statements = parser(sql).and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(|error| vec![syntax(sql, error)])?;
    let whole = trimmed(sql);
    let flaw = |message: &str, hint: &str| {
        vec![Flaw { code: "sql-statement", range: whole.clone(), message: message.into(), hint: hint.into() }]
    };
    let query = match (statements.len(), statements.pop()) {
        (0, _) | (_, None) => return Err(flaw("there is no query", "Write one SELECT.")),
        (1, Some(Statement::Query(query))) => query,
        (1, Some(_)) => {
            return Err(flaw(
                "this is not a query",
                "Write one SELECT; Twinlake creates the relation itself.",
            ));
        }
        (count, _) => {
            let message = format!("there are {count} statements, not one query");
            return Err(flaw(&message, "Put each query into a file of its own."));
        }
    };
    let mut lint = Lint { sql, used_as, flaws: Vec::new() };
    let _ = query.visit(&mut lint);
    if lint.flaws.is_empty() { Ok(*query) } else { Err(lint.flaws) }
}

/// Parses one expression over columns.
pub(super) fn expression(sql: &str) -> Result<Expr, Vec<Flaw>> {
    let parsed = parser(sql).and_then(|mut parser| {
        let expression = parser.parse_expr()?;
        let next = parser.peek_token();
        match next.token {
            Token::EOF => Ok(expression),
            token => Err(ParserError::ParserError(format!(
                "Expected: the end of the expression, found: {token}{}",
                next.span.start
            ))),
        }
    });
    let expression = parsed.map_err(|error| vec![syntax(sql, error)])?;
    let mut lint = Lint { sql, used_as: Use::Check, flaws: Vec::new() };
    let _ = expression.visit(&mut lint);
    if lint.flaws.is_empty() { Ok(expression) } else { Err(lint.flaws) }
}

/// Whether an expression is a literal: a number, a text, a truth value, null, or a typed text such as `DATE '2020-01-31'`.
pub(super) fn is_literal(expression: &Expr) -> bool {
    match expression {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => true,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        _ => false,
    }
}

fn parser(sql: &str) -> Result<Parser<'static>, ParserError> {
    Parser::new(&GenericDialect {}).try_with_sql(sql)
}

/// The bytes of `sql` without the space around it.
fn trimmed(sql: &str) -> Range<usize> {
    let start = sql.len() - sql.trim_start().len();
    start..sql.trim_end().len().max(start)
}

fn syntax(sql: &str, error: ParserError) -> Flaw {
    let message = match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
        ParserError::RecursionLimitExceeded => "the query is nested too deeply".into(),
    };
    let (message, range) = match located(&message) {
        Some((message, at)) => {
            let start = offset(sql, at);
            (message, start..word_end(sql, start))
        }
        None => (message.as_str(), trimmed(sql).end..sql.len()),
    };
    let mut message = message.replace("Expected: ", "expected ").replace(", found: ", ", found ");
    message[..1].make_ascii_lowercase();
    Flaw { code: "sql-syntax", range, message: format!("syntax error: {message}"), hint: SYNTAX_HINT.into() }
}

const SYNTAX_HINT: &str = "The SQL is DataFusion's, which is close to PostgreSQL's. Names that are not lowercase need double quotes.";

/// Splits sqlparser's message from the place at its end.
fn located(message: &str) -> Option<(&str, Location)> {
    let (message, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some((message, Location::new(line.parse().ok()?, column.trim().parse().ok()?)))
}

/// The byte at a line and column, both from 1, the column counting characters.
pub(super) fn offset(sql: &str, at: Location) -> usize {
    let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = sql.split_inclusive('\n').take(line).map(str::len).sum();
    sql[start..].char_indices().nth(column).map_or(sql.len(), |(byte, _)| start + byte)
}

fn word_end(sql: &str, start: usize) -> usize {
    let rest = &sql[start..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    start + if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word }
}

struct Lint<'a> {
    sql: &'a str,
    used_as: Use,
    flaws: Vec<Flaw>,
}

impl Lint<'_> {
    fn found(&mut self, code: &'static str, span: Span, message: String, hint: &str) {
        let start = offset(self.sql, span.start);
        let end = offset(self.sql, span.end).max(word_end(self.sql, start));
        self.flaws.push(Flaw { code, range: start..end, message, hint: hint.into() });
    }
}

impl Visitor for Lint<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if self.used_as == Use::View {
            for item in &select.projection {
                if let SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) = item {
                    let message = "a view must not SELECT *".to_string();
                    let hint = "Name the columns: a column added upstream must not change this view unseen.";
                    self.found("select-star", item.span(), message, hint);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        let Some(ObjectNamePart::Identifier(ident)) = function.name.0.last() else {
            return ControlFlow::Continue(());
        };
        let name = ident.value.to_lowercase();
        let message = format!("{name} gives another value each time it is asked");
        if CLOCKS.contains(&name.as_str()) {
            let hint = "Use as_of(): the instant of the run, which a replay sees again.";
            self.found("not-deterministic", ident.span, message, hint);
        } else if DICE.contains(&name.as_str()) {
            let hint = "A relation must come out the same from the same input: derive the value from a key.";
            self.found("not-deterministic", ident.span, message, hint);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(sql: &str) -> Vec<(&'static str, &str)> {
        query(sql, Use::View).unwrap_err().into_iter().map(|flaw| (flaw.code, &sql[flaw.range])).collect()
    }

    #[test]
    fn a_query_without_flaws() {
        for sql in [
            "SELECT a, count(*) AS n FROM s.t GROUP BY a;",
            "WITH x AS (SELECT a FROM s.t) SELECT a FROM x UNION ALL SELECT b FROM s.u -- end",
            "SELECT as_of() AS at",
            "(SELECT 1 AS one)",
        ] {
            assert!(query(sql, Use::View).is_ok(), "{sql}");
        }
        assert!(query("SELECT * FROM this WHERE a < 0", Use::Check).is_ok());
    }

    #[test]
    fn flaws_are_pointed_at() {
        assert_eq!(flaws("SELECT żółw\n x wrong FROM t"), [("sql-syntax", "wrong")]);
        assert_eq!(flaws("SELECT x.*, now() FROM x"), [("select-star", "x.*"), ("not-deterministic", "now")]);
        assert_eq!(flaws("SELECT a FROM t WHERE d < CURRENT_DATE"), [("not-deterministic", "CURRENT_DATE")]);
        assert_eq!(flaws("SELECT 'open"), [("sql-syntax", "'")]);
        assert_eq!(flaws(" -- nothing"), [("sql-statement", "-- nothing")]);
        assert_eq!(flaws("SELECT 1; SELECT 2").len(), 1);
        assert_eq!(flaws("DROP TABLE t"), [("sql-statement", "DROP TABLE t")]);
        assert_eq!(flaws("SELECT (1").len(), 1);
        assert_eq!(flaws(&format!("SELECT {}", "(".repeat(5000)))[0].0, "sql-syntax");
    }

    #[test]
    fn expressions_and_literals() {
        for (sql, literal) in [("-1.5", true), ("'x'", true), ("DATE '2020-01-01'", true), ("a + 1", false)] {
            assert_eq!(is_literal(&expression(sql).unwrap()), literal, "{sql}");
        }
        assert!(expression("a b").unwrap_err()[0].message.contains("the end of the expression"));
        assert!(expression("random()").is_err());
        assert!(expression("").is_err());
    }
}
