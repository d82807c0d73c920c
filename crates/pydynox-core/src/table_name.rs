//! Table names: the rules that DynamoDB has for them, checked before anything is sent, and the prefixes that clients put before them.

/// Characters that the name of a table has.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
const MIN_TABLE_NAME: usize = 3;

const MAX_TABLE_NAME: usize = 255;

/// What is wrong with the length of a table's name; ARNs are not checked.
pub fn wrong_length(name: &str) -> Option<String> {
    if (MIN_TABLE_NAME..=MAX_TABLE_NAME).contains(&name.len()) || is_arn(name) {
        return None;
    }
    Some(format!(
        "the table name {name:?} has {} characters: a name must have {MIN_TABLE_NAME} to {MAX_TABLE_NAME}, table_prefix included",
        name.len()
    ))
}

/// What is wrong with its characters; those of models were checked when the class was created.
pub fn wrong_characters(name: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.bytes().all(is_allowed) || is_arn(name) {
        return None;
    }
    Some(format!(
        "{name:?} cannot be the name of a table: a name consists of letters, digits, _, - and ., table_prefix included, or is an ARN"
    ))
}

/// Whether a table is named as a whole, account and region included: a prefix would turn that into nonsense.
pub fn is_arn(name: &str) -> bool {
    name.starts_with("arn:")
}

/// A table's name behind these prefixes, the outermost first.
pub fn prefixed(prefixes: [&str; 2], name: &str) -> String {
    let [outer, inner] = prefixes;
    if (outer.is_empty() && inner.is_empty()) || is_arn(name) {
        return name.to_owned();
    }
    [outer, inner, name].concat()
}

#[cfg(test)]
mod tests {
    use super::{prefixed, wrong_characters, wrong_length};

    #[test]
    fn a_name_has_as_many_characters_as_dynamodb_takes() {
        assert!(wrong_length("ab").is_some() && wrong_length("abc").is_none());
        assert!(
            wrong_length(&"a".repeat(255)).is_none() && wrong_length(&"a".repeat(256)).is_some()
        );
        assert!(wrong_characters("users-1.b_c").is_none() && wrong_characters("us ers").is_some());
    }

    #[test]
    fn an_arn_is_taken_as_it_is() {
        let arn = format!(
            "arn:aws:dynamodb:eu-west-1:123456789012:table/{}",
            "a".repeat(255)
        );

        assert!(wrong_length(&arn).is_none() && wrong_characters(&arn).is_none());
        assert_eq!(prefixed(["test-", "dev-"], &arn), arn);
        assert_eq!(prefixed(["test-", "dev-"], "users"), "test-dev-users");
    }
}
