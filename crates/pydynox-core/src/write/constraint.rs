//! Attributes whose values together only one item has, as a class declares them.

use super::unique_change;

/// Attributes whose values together only one item has.
#[derive(Debug)]
pub struct Constraint {
    /// By stored names, as the core knows it.
    pub stored: unique_change::Constraint,
    /// In the order of their stored names.
    pub fields: Box<[usize]>,
    /// As the class names them.
    pub names: Box<[Box<str>]>,
}

impl Constraint {
    /// None where the model has no such attribute.
    pub fn new(
        of: &str,
        names: Vec<String>,
        position: impl Fn(&str) -> Option<usize>,
        stored: impl Fn(usize) -> Box<str>,
        is_varied: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let mut fields: Vec<usize> = names
            .iter()
            .map(|name| position(name))
            .collect::<Option<_>>()?;
        // Sorted, so that the guard's key stays the same when a class lists its attributes in another order.
        fields.sort_by_key(|index| stored(*index));
        let stored_constraint = unique_change::Constraint {
            of: of.into(),
            attributes: fields.iter().map(|index| stored(*index)).collect(),
            varied: fields.iter().map(|index| is_varied(*index)).collect(),
        };
        Some(Self {
            stored: stored_constraint,
            fields: fields.into(),
            names: names.into_iter().map(Into::into).collect(),
        })
    }

    /// `User.email`, or `User.tenant and User.email`.
    pub fn describe(&self, model: &str) -> String {
        let names: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("{model}.{name}"))
            .collect();
        names.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::Constraint;

    /// The attributes of a class, each with its stored name.
    const DECLARED: [(&str, &str); 3] = [("id", "id"), ("tenant", "t"), ("email", "e")];

    fn constraint(names: &[&str]) -> Option<Constraint> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let position = |name: &str| DECLARED.iter().position(|(one, _)| *one == name);
        let stored = |index: usize| DECLARED[index].1.into();
        Constraint::new("User", names, position, stored, |_| false)
    }

    #[test]
    fn the_order_of_declaration_does_not_change_the_guard() {
        let (one, two) = (
            constraint(&["tenant", "email"]),
            constraint(&["email", "tenant"]),
        );

        assert!(one.is_some());
        assert_eq!(one.map(|one| one.stored), two.map(|two| two.stored));
    }

    #[test]
    fn a_constraint_is_described_as_the_class_names_it() {
        let described = constraint(&["tenant", "email"]).map(|one| one.describe("User"));

        assert_eq!(described.as_deref(), Some("User.tenant and User.email"));
        assert!(constraint(&["name"]).is_none());
    }
}
