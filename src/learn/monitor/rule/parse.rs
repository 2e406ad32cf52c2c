//! From text to expression.

use std::ops::Range;

use super::{Comparison, Expression, Operand, RuleError, Sign};

/// Parentheses and negations may be nested this deep.
const DEPTH: usize = 64;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Number(f64),
    Sign(Sign),
    And,
    Or,
    Not,
    Open,
    Close,
}

/// Understands a text; names must be among the known ones, where those are given.
pub(super) fn parse(text: &str, known: Option<&[&str]>) -> Result<Expression, RuleError> {
    let mut parser = Parser { tokens: tokens(text)?, place: 0, end: text.len(), depth: 0, known };
    let expression = parser.any()?;
    match parser.peek() {
        None => Ok(expression),
        Some(Token::Close) => Err(parser.error("closing parenthesis without an opening one", "Remove it.")),
        Some(Token::Sign(_)) => Err(parser
            .error("a comparison has two sides", "Join comparisons with `and`: `0.1 < psi and psi < 0.2`.")),
        Some(_) => Err(parser.error("expected `and` or `or`", "Join comparisons with `and` or `or`.")),
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, RuleError> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '>' | '<' | '=' | '!' => sign(rest, start)?,
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
                let name = &rest[..length.unwrap_or(rest.len())];
                (word(name), name.len())
            }
            _ if first.is_ascii_digit() || matches!(first, '-' | '+' | '.') => number(rest, start)?,
            _ => {
                let hint = match first {
                    '&' => "Write `and`.",
                    '|' => "Write `or`.",
                    _ => "A rule has names, numbers, comparisons, `and`, `or`, `not` and parentheses.",
                };
                return Err(error(start..start + first.len_utf8(), "unexpected character", hint));
            }
        };
        tokens.push((token, start..start + length));
        start += length;
    }
    Ok(tokens)
}

fn word(name: &str) -> Token {
    match name.to_ascii_lowercase().as_str() {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        _ => Token::Name(name.to_owned()),
    }
}

fn sign(rest: &str, start: usize) -> Result<(Token, usize), RuleError> {
    let length = rest.find(|c| !matches!(c, '>' | '<' | '=' | '!')).unwrap_or(rest.len());
    let sign = match &rest[..length] {
        ">" => Sign::Above,
        ">=" => Sign::AtLeast,
        "<" => Sign::Below,
        "<=" => Sign::AtMost,
        "=" => Sign::Equal,
        "!=" => Sign::Unequal,
        _ => {
            let hint = "The comparisons are >, >=, <, <=, = and !=.";
            return Err(error(start..start + length, "unknown comparison", hint));
        }
    };
    Ok((Token::Sign(sign), length))
}

fn number(rest: &str, start: usize) -> Result<(Token, usize), RuleError> {
    let bytes = rest.as_bytes();
    let belongs = |place: usize| match bytes[place] {
        b'+' | b'-' => place == 0 || matches!(bytes[place - 1], b'e' | b'E'),
        byte => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%'),
    };
    let length = (0..bytes.len()).find(|&place| !belongs(place)).unwrap_or(bytes.len());
    match rest[..length].parse::<f64>() {
        Ok(value) if value.is_finite() && rest[..length].contains(|c: char| c.is_ascii_digit()) => {
            Ok((Token::Number(value), length))
        }
        _ => {
            let hint = "Numbers are written like 30, 0.2, -1 or 1e6, shares as fractions and not in percent.";
            Err(error(start..start + length, "not a number", hint))
        }
    }
}

fn error(span: Range<usize>, message: &str, hint: &str) -> RuleError {
    RuleError { span, message: message.to_owned(), hint: hint.to_owned() }
}

struct Parser<'a> {
    tokens: Vec<(Token, Range<usize>)>,
    place: usize,
    end: usize,
    depth: usize,
    known: Option<&'a [&'a str]>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place).map(|(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.place).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn takes(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.place += usize::from(found);
        found
    }

    fn error(&self, message: &str, hint: &str) -> RuleError {
        error(self.span(), message, hint)
    }

    fn any(&mut self) -> Result<Expression, RuleError> {
        let mut parts = vec![self.all()?];
        while self.takes(&Token::Or) {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, RuleError> {
        let mut parts = vec![self.part()?];
        while self.takes(&Token::And) {
            parts.push(self.part()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn part(&mut self) -> Result<Expression, RuleError> {
        if self.depth == DEPTH {
            return Err(self.error("nested too deeply", "Write the rule with fewer parentheses."));
        }
        self.depth += 1;
        let part = if self.takes(&Token::Not) {
            Expression::Not(Box::new(self.part()?))
        } else if self.takes(&Token::Open) {
            let inner = self.any()?;
            if !self.takes(&Token::Close) {
                return Err(self.error("expected a closing parenthesis", "Close what was opened."));
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(part)
    }

    fn comparison(&mut self) -> Result<Expression, RuleError> {
        let left = self.operand()?;
        let Some(&Token::Sign(sign)) = self.peek() else {
            return Err(self.error("expected a comparison", "Compare the metric with a number: `psi > 0.2`."));
        };
        self.place += 1;
        Ok(Expression::Compare(Comparison { left, sign, right: self.operand()? }))
    }

    fn operand(&mut self) -> Result<Operand, RuleError> {
        let operand = match self.peek() {
            Some(Token::Number(value)) => Operand::Number(*value),
            Some(Token::Name(name)) => {
                if let Some(known) = self.known
                    && !known.contains(&name.as_str())
                {
                    let hint = format!("The metrics are {}.", known.join(", "));
                    return Err(self.error(&format!("unknown metric {name:?}"), &hint));
                }
                Operand::Metric(name.clone())
            }
            _ => return Err(self.error("expected a metric or a number", "For example: `psi > 0.2`.")),
        };
        self.place += 1;
        Ok(operand)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_say_where() {
        for (text, span, message) in [
            ("", 0..0, "expected a metric or a number"),
            ("psi", 3..3, "expected a comparison"),
            ("psi > ", 6..6, "expected a metric or a number"),
            ("psi == 1", 4..6, "unknown comparison"),
            ("psi > 20%", 6..9, "not a number"),
            ("psi > 1 && n > 2", 8..9, "unexpected character"),
            ("(psi > 1", 8..8, "expected a closing parenthesis"),
            ("psi > 1)", 7..8, "closing parenthesis without an opening one"),
            ("psi > 1 n > 2", 8..9, "expected `and` or `or`"),
            ("1 < psi < 2", 8..9, "a comparison has two sides"),
            ("psi > 1 and é", 12..14, "unexpected character"),
            ("psi > - 1", 6..7, "not a number"),
            ("psi > 1e999", 6..11, "not a number"),
            ("psi > 1-2", 7..9, "expected `and` or `or`"),
        ] {
            let found = parse(text, None).unwrap_err();
            assert_eq!((found.span, found.message.as_str()), (span, message), "{text}");
        }
    }

    #[test]
    fn unknown_metrics_come_with_the_known_ones() {
        let found = parse("psy > 1", Some(&["psi", "ks"])).unwrap_err();
        assert_eq!((found.span, found.message.as_str()), (0..3, "unknown metric \"psy\""));
        assert_eq!(found.hint, "The metrics are psi, ks.");
        assert!(parse("psi > 1 AND ks < 2", Some(&["psi", "ks"])).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| format!("{}a > 1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(63), None).is_ok());
        assert_eq!(parse(&nested(100_000), None).unwrap_err().message, "nested too deeply");
        assert!(parse(&"not ".repeat(100_000), None).is_err());
        assert!(parse(&vec!["a > 1"; 10_000].join(" or "), None).is_ok());
    }

    /// A rule as text, beside what it means where `a` is 1 and `b` is unknown.
    fn rules() -> impl Strategy<Value = (String, Option<bool>)> {
        let leaf = prop_oneof![
            Just(("a > 0".to_owned(), Some(true))),
            Just(("a<=0.5".to_owned(), Some(false))),
            Just(("2 != b".to_owned(), None)),
        ];
        leaf.prop_recursive(5, 40, 3, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                inner.prop_map(|(text, truth)| (format!("not ({text})"), truth.map(|truth| !truth))),
                pair.clone().prop_map(|((a, x), (b, y))| {
                    let both = if x == Some(false) || y == Some(false) { Some(false) } else { x.and(y) };
                    (format!("({a}) and ({b})"), both)
                }),
                pair.prop_map(|((a, x), (b, y))| {
                    let either = if x == Some(true) || y == Some(true) { Some(true) } else { x.and(y) };
                    (format!("({a}) OR ({b})"), either)
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error_within_it(text in "\\PC*|[a-c0-9<>=!.()\\- ]{0,40}|(not |a|>|<|1|and |or |\\(|\\)| ){0,30}") {
            if let Err(error) = parse(&text, None) {
                prop_assert!(text.get(error.span.clone()).is_some());
                prop_assert!(error.hint.ends_with('.'));
            }
        }

        #[test]
        fn rules_mean_what_three_valued_logic_says((text, truth) in rules()) {
            let metrics = [("a".to_owned(), Some(1.0)), ("b".to_owned(), None)].into();
            let verdict = super::super::Rule::parse(&text, None).unwrap().judge(&metrics);
            prop_assert_eq!(verdict.truth, truth);
            prop_assert_eq!(verdict.because.is_empty(), truth.is_none());
            prop_assert!(truth.is_some() || verdict.unknown == ["b"]);
        }
    }
}
