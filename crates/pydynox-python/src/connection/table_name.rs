//! Table names: the rules that DynamoDB has for them, checked before anything is sent.

/// Characters that the name of a table has.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
pub(super) const MIN_TABLE_NAME: usize = 3;

pub(super) const MAX_TABLE_NAME: usize = 255;

/// What is wrong with the length of a table's name; ARNs are not checked.
pub(super) fn wrong_length(name: &str) -> Option<String> {
    if (MIN_TABLE_NAME..=MAX_TABLE_NAME).contains(&name.len()) || name.starts_with("arn:") {
        return None;
    }
    Some(format!(
        "the table name {name:?} has {} characters: a name must have {MIN_TABLE_NAME} to {MAX_TABLE_NAME}, table_prefix included",
        name.len()
    ))
}

/// What is wrong with its characters; those of models were checked when the class was created.
pub(super) fn wrong_characters(name: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.bytes().all(is_allowed) || name.starts_with("arn:") {
        return None;
    }
    Some(format!(
        "{name:?} cannot be the name of a table: a name consists of letters, digits, _, - and ., table_prefix included, or is an ARN"
    ))
}
