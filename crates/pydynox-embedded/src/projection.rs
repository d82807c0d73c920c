//! Which top-level attributes a `ProjectionExpression` asks for: `TransactGetItems` of the engine also returns the keys.

use std::collections::{HashMap, HashSet};

/// The names of the attributes that the expression mentions at the top of its paths.
pub(crate) fn attributes<'a>(
    expression: &'a str,
    names: Option<&'a HashMap<String, String>>,
) -> HashSet<&'a str> {
    expression
        .split(',')
        .map(|path| top(path.trim()))
        .map(|name| resolve(name, names))
        .collect()
}

fn top(path: &str) -> &str {
    // A placeholder contains neither character, so a name with a dot in it is not cut.
    path.split(['.', '[']).next().unwrap_or(path).trim_end()
}

fn resolve<'a>(name: &'a str, names: Option<&'a HashMap<String, String>>) -> &'a str {
    if !name.starts_with('#') {
        return name;
    }
    names
        .and_then(|names| names.get(name))
        .map_or(name, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_of_every_path_counts_and_placeholders_are_resolved() {
        let names = HashMap::from([("#0".to_owned(), "a.b,c".to_owned())]);

        let names_found = attributes(" #0.x[1] , tags[0].y,plain ", Some(&names));

        assert_eq!(names_found, HashSet::from(["a.b,c", "tags", "plain"]));
    }
}
