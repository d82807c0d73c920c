//! ExecuteTransaction: PartiQL statements, all or none. Its answer is framed as that of TransactGetItems is.

use super::statement::Statement;
use crate::wire::Writer;

/// Writes the body, with a token where something is written; gives where that stands, without its quotes. A write that fails its
/// condition gives the stored item back.
pub fn write(writer: &mut Writer, statements: &[Statement], token: Option<&str>) -> Option<usize> {
    writer.raw(br#"{"TransactStatements":["#);
    for (position, statement) in statements.iter().enumerate() {
        writer.raw(if position == 0 { b"{" } else { b",{" });
        statement.write(writer);
        if token.is_some() {
            super::write_return_old(writer);
        }
        writer.byte(b'}');
    }
    writer.byte(b']');
    let at = token.map(|token| {
        writer.raw(br#","ClientRequestToken":"#);
        let at = writer.len() + 1;
        writer.string(token);
        at
    });
    writer.byte(b'}');
    at
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_statements_and_the_token_of_writes() {
        let statements = [Statement::new("DELETE", Vec::new(), 0).unwrap()];
        let mut at = None;
        let body = written(|writer| at = write(writer, &statements, Some("t-1")));

        assert_eq!(
            body,
            r#"{"TransactStatements":[{"Statement":"DELETE","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}],"ClientRequestToken":"t-1"}"#
        );
        let at = at.unwrap();
        assert_eq!(&body[at..at + 3], "t-1");
        assert_eq!(
            written(|writer| assert_eq!(write(writer, &statements, None), None)),
            r#"{"TransactStatements":[{"Statement":"DELETE"}]}"#
        );
    }
}
