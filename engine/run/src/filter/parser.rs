//! Filter expressions, from text.

use super::{Expression, PROTOCOLS, Side};
use std::net::IpAddr;
use std::str::FromStr;
use wormsift::packet::Network;

/// Parentheses and `not`s inside each other: far above use, far below the stack.
const MAX_DEPTH: usize = 100;

/// Reads a whole expression.
///
/// # Errors
///
/// One line with the column, what was expected there, and what is there.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let words = words(text);
    let mut parser = Parser { words: &words, end: text.chars().count() + 1, depth: 0 };
    let expression = parser.any()?;
    match parser.words {
        [] => Ok(expression),
        _ => Err(parser.expected("`and`, `or` or the end")),
    }
}

/// A word, a parenthesis or a symbol, and the column where it begins, from 1.
type Word<'a> = (usize, &'a str);

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut column = 1;
    while let Some(first) = rest.chars().next() {
        let ends = |c: char| c.is_whitespace() || "()!&|".contains(c);
        let len = match first {
            '(' | ')' | '!' => 1,
            '&' | '|' if rest[1..].starts_with(first) => 2,
            _ if ends(first) => first.len_utf8(),
            _ => rest.find(ends).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(len);
        if !first.is_whitespace() {
            words.push((column, word));
        }
        column += word.chars().count();
        rest = after;
    }
    words
}

struct Parser<'a> {
    words: &'a [Word<'a>],
    /// The column after the last.
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.take(&["or", "||"]) {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.take(&["and", "&&"]) {
            parts.push(self.one()?);
        }
        Ok(joined(parts, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.depth == MAX_DEPTH {
            return Err(self.expected("less than 100 nested parentheses and `not`s"));
        }
        self.depth += 1;
        let expression = if self.take(&["not", "!"]) {
            Expression::Not(Box::new(self.one()?))
        } else if self.take(&["("]) {
            let inner = self.any()?;
            if !self.take(&[")"]) {
                return Err(self.expected("`and`, `or` or `)`"));
            }
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn test(&mut self) -> Result<Expression, String> {
        let side = if self.take(&["src"]) {
            Side::Source
        } else if self.take(&["dst"]) {
            Side::Destination
        } else {
            Side::Either
        };
        if self.take(&["host"]) {
            let address: IpAddr = self.value("an IP address")?;
            return Ok(Expression::Net(side, Network::around(address, 128)));
        }
        if self.take(&["net"]) {
            return self.network().map(|network| Expression::Net(side, network));
        }
        if self.take(&["port"]) {
            return self.ports(side);
        }
        if side != Side::Either {
            return Err(self.expected("`host`, `net` or `port`"));
        }
        if self.take(&["proto"]) {
            return self.protocol(true, "a protocol's name, or its number to 255");
        }
        if self.take(&["vlan"]) {
            return self.vlan();
        }
        self.protocol(false, "a test such as `host 192.0.2.1`, `port 80` or `tcp`")
    }

    fn network(&mut self) -> Result<Network, String> {
        let (column, word) = self.next().ok_or_else(|| self.expected("a network"))?;
        word.parse().map_err(|reason: String| format!("column {column}: {reason}"))
    }

    fn ports(&mut self, side: Side) -> Result<Expression, String> {
        const EXPECTED: &str = "a port, or two such as 8000-8999";
        let range = self.peek().and_then(|(_, word)| match word.split_once('-') {
            Some((first, last)) => Some((number(first)?, number(last)?)),
            None => number(word).map(|port| (port, port)),
        });
        match range.filter(|(first, last)| first <= last) {
            Some((first, last)) => {
                self.next();
                Ok(Expression::Port(side, first, last))
            }
            None => Err(self.expected(EXPECTED)),
        }
    }

    fn vlan(&mut self) -> Result<Expression, String> {
        let is_number =
            |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
        match self.peek() {
            Some((_, word)) if is_number(word) => match number(word) {
                Some(id) if id < 4_096 => {
                    self.next();
                    Ok(Expression::Vlan(Some(id)))
                }
                _ => Err(self.expected("a VLAN id to 4095")),
            },
            _ => Ok(Expression::Vlan(None)),
        }
    }

    /// A protocol's name; after `proto` also its number.
    fn protocol(
        &mut self,
        by_number: bool,
        expected: &str,
    ) -> Result<Expression, String> {
        let found = self.peek().and_then(|(_, word)| {
            let named =
                PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            named.map(|(_, number)| *number).or_else(|| {
                number(word).filter(|_| by_number).and_then(|n| u8::try_from(n).ok())
            })
        });
        match found {
            Some(number) => {
                self.next();
                Ok(Expression::Protocol(number))
            }
            None => Err(self.expected(expected)),
        }
    }

    fn value<T: FromStr>(&mut self, expected: &str) -> Result<T, String> {
        match self.peek().and_then(|(_, word)| word.parse().ok()) {
            Some(value) => {
                self.next();
                Ok(value)
            }
            None => Err(self.expected(expected)),
        }
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Word<'a>> {
        self.words.first().copied()
    }

    fn next(&mut self) -> Option<Word<'a>> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    /// Takes the next word if it is one of these.
    fn take(&mut self, any_of: &[&str]) -> bool {
        let is_one = self.peek().is_some_and(|(_, word)| any_of.contains(&word));
        if is_one {
            self.next();
        }
        is_one
    }

    fn expected(&self, what: &str) -> String {
        match self.peek() {
            Some((column, word)) => {
                format!("column {column}: expected {what}, found `{word}`")
            }
            None => format!("column {}: expected {what}, found the end", self.end),
        }
    }
}

/// Digits and nothing else: no sign.
fn number(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().ok())?
}

fn joined(
    mut parts: Vec<Expression>,
    join: impl Fn(Vec<Expression>) -> Expression,
) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_name_the_column_and_what_is_there() {
        for (text, error) in [
            ("", "column 1: expected a test such as"),
            ("tcp and", "column 8: expected a test such as"),
            ("tcp udp", "column 5: expected `and`, `or` or the end, found `udp`"),
            ("(tcp", "column 5: expected `and`, `or` or `)`, found the end"),
            ("tcp)", "column 4: expected `and`, `or` or the end, found `)`"),
            ("host example", "column 6: expected an IP address, found `example`"),
            ("src tcp", "column 5: expected `host`, `net` or `port`, found `tcp`"),
            ("net 10.0.0.1/8", "column 5: `10.0.0.1/8` has bits after its prefix"),
            ("net", "column 4: expected a network, found the end"),
            ("port 65536", "column 6: expected a port"),
            ("port 9-8", "column 6: expected a port"),
            ("port +9", "column 6: expected a port"),
            ("vlan 4096", "column 6: expected a VLAN id to 4095, found `4096`"),
            ("proto 256", "column 7: expected a protocol's name"),
            ("tcp & udp", "column 5: expected `and`, `or` or the end, found `&`"),
            ("höst 1 or", "column 1: expected a test such as"),
            ("tcp or é", "column 8: expected a test such as"),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.starts_with(error), "{text}: {found}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_before_the_stack_ends() {
        let deep = "(".repeat(1_000_000);
        assert!(parse(&deep).unwrap_err().contains("less than 100 nested"));
        let many = ["not "; 1_000_000].concat();
        assert!(parse(&many).unwrap_err().contains("less than 100 nested"));
        let fine = format!("{}tcp{}", "(".repeat(50), ")".repeat(50));
        assert_eq!(parse(&fine), Ok(Expression::Protocol(6)));
    }

    #[test]
    fn symbols_need_no_spaces() {
        assert_eq!(parse("!tcp&&(udp||icmp)"), parse("not tcp and ( udp or icmp )"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(src|dst|host|net|port|vlan|proto|tcp|and|or|not|[ ()!&|é0-9./:-]){0,30}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.starts_with("column "), "{}", error);
            }
        }
    }
}
