//! ExecuteTransaction: PartiQL statements, all or nothing. Its answer is framed like that of TransactGetItems.

use super::statement::Statement;
use crate::wire::Writer;

/// Writes the body, with a token for writes; returns the position of the token, after its opening quote. A write whose condition
/// fails returns the stored item.
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
