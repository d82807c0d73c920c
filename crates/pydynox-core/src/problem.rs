//! Problems: why a value does not suit an attribute, as text that repeats nothing secret.

pub mod depth;

/// Why a value cannot be stored: the place in it, and the problem. The place is built from the inside out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place within the value, such as `[3]["street"]`; empty for the value itself.
    pub place: String,
    /// What is wrong, as the text after the attribute's name and the place.
    pub what: String,
    /// The place without the keys of maps, which are part of the value.
    pub discreet_place: String,
    /// What is wrong without repeating the value, where `what` repeats some of it.
    pub discreet: Option<String>,
}

/// What a check of a value gives.
pub type Checked<T> = Result<T, Problem>;

impl Problem {
    /// One of the value itself, whose text repeats none of it.
    #[cold]
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            place: String::new(),
            what: what.into(),
            discreet_place: String::new(),
            discreet: None,
        }
    }

    /// One whose text repeats some of the value, and a text that does not.
    #[cold]
    pub fn echoing(what: impl Into<String>, discreet: impl Into<String>) -> Self {
        Self {
            discreet: Some(discreet.into()),
            ..Self::new(what)
        }
    }

    /// The same, seen from what contains the value.
    #[must_use]
    #[cold]
    pub fn within(mut self, step: &str) -> Self {
        self.place.insert_str(0, step);
        self.discreet_place.insert_str(0, step);
        self
    }

    /// The same for the member of a map.
    #[must_use]
    #[cold]
    pub fn within_key(mut self, key: impl std::fmt::Debug) -> Self {
        self.place.insert_str(0, &format!("[{key:?}]"));
        self.discreet_place.insert_str(0, "[...]");
        self
    }

    /// The rules that a value breaks, each as the text after the attribute's name; `discreet` repeats none of the value.
    #[cold]
    pub fn of_rules(broken: &[String], discreet: &[String]) -> Self {
        let sentence = |broken: &[String]| broken.join(";").trim_start().to_owned();
        Self::echoing(sentence(broken), sentence(discreet))
    }

    /// `User.tags[3] must be str, not int`.
    pub fn describe(&self, model: &str, attribute: &str) -> String {
        message(model, attribute, &self.place, &self.what)
    }

    /// The same, repeating nothing of the value.
    pub fn describe_discreetly(&self, model: &str, attribute: &str) -> String {
        let what = self.discreet.as_ref().unwrap_or(&self.what);
        message(model, attribute, &self.discreet_place, what)
    }
}

/// The text of a problem with what it is about. Without a model, the attribute comes first.
fn message(model: &str, name: &str, place: &str, what: &str) -> String {
    let dot = if model.is_empty() { "" } else { "." };
    let blank = if what.starts_with(':') { "" } else { " " };
    format!("{model}{dot}{name}{place}{blank}{what}")
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn a_problem_names_its_place_from_the_outside_in() {
        let problem = Problem::new("must be str, not int")
            .within("[3]")
            .within_key("tags");
        let text = problem.describe("User", "meta");

        assert_eq!(text, r#"User.meta["tags"][3] must be str, not int"#);
        assert_eq!(
            problem.describe("", "attribute"),
            r#"attribute["tags"][3] must be str, not int"#
        );
    }

    #[test]
    fn a_discreet_text_repeats_neither_keys_nor_values() {
        let problem =
            Problem::echoing("cannot be stored: 'secret'", "cannot be stored").within_key("secret");

        assert_eq!(
            problem.describe_discreetly("User", "meta"),
            "User.meta[...] cannot be stored"
        );
    }

    #[test]
    fn broken_rules_read_as_one_sentence() {
        let broken = [": is odd".to_owned(), " must be >= 3".to_owned()];
        let problem = Problem::of_rules(&broken, &broken);

        assert_eq!(
            problem.describe("User", "age"),
            "User.age: is odd; must be >= 3"
        );
    }
}
