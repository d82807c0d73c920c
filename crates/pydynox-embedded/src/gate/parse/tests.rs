//! What is parsed, and where it is refused.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::gate::token::tokens;

#[test]
fn what_no_grammar_has_is_a_syntax_error_at_its_token() {
    for (text, place) in [
        ("a", 1),
        ("a > 4", 2),
        ("attribute_exists(a..b)", 4),
        ("a in b", 2),
        ("a in (b,c,)", 7),
        ("a > between", 2),
        ("size(a).b > c", 4),
        ("_abc = :v", 0),
        ("a._b = :v", 2),
        ("a = :v AND", 4),
        ("(a = :v", 4),
        ("a BETWEEN :a OR :b", 3),
    ] {
        let tokens = tokens(text);
        assert_eq!(
            Parser::new(&tokens).condition().unwrap_err(),
            Fault::Syntax(place),
            "{text}"
        );
    }
    for (text, place) in [
        ("a = :v", 0),
        ("SET a", 2),
        ("ADD a b", 2),
        ("SET a = :v,", 5),
        ("SET _a = :v", 1),
    ] {
        let tokens = tokens(text);
        assert_eq!(
            Parser::new(&tokens).update().unwrap_err(),
            Fault::Syntax(place),
            "{text}"
        );
    }
}

#[test]
fn a_pair_of_parentheses_around_a_pair_is_redundant() {
    for text in [
        "((a = :b))",
        "a = :b AND ((c = :d) )",
        "a > ((b))",
        "a BETWEEN ((b)) AND c",
        "f(((a)))",
    ] {
        let tokens = tokens(text);
        assert_eq!(
            Parser::new(&tokens).condition().unwrap_err(),
            Fault::Redundant,
            "{text}"
        );
    }
    for (text, groups) in [
        ("(a = :b) AND (c = :d)", false),
        ("((a = :b) AND (c = :d))", false),
        ("(a) > (:b)", true),
        ("size((a)) > :b", true),
        ("a IN ((:b))", true),
        ("(a).b[0] = :b", true),
        ("((a) = :b)", true),
    ] {
        let tokens = tokens(text);
        let mut parser = Parser::new(&tokens);
        assert!(parser.condition().is_ok(), "{text}");
        assert_eq!(parser.groups_operands, groups, "{text}");
    }
}

#[test]
fn updates_and_projections_are_parsed_whole() {
    let update =
        tokens("SET a = if_not_exists(a, :b) + (:c), #d.e[1] = (f) REMOVE g ADD h :i DELETE j :k");
    let Update(sections) = Parser::new(&update).update().unwrap();
    let shape: Vec<_> = sections
        .iter()
        .map(|(word, actions)| (*word, actions.len()))
        .collect();
    assert_eq!(
        shape,
        [("SET", 2), ("REMOVE", 1), ("ADD", 1), ("DELETE", 1)]
    );
    let projection = tokens("a, #b.c[2] , d");
    assert_eq!(Parser::new(&projection).projection().unwrap().len(), 3);
}
