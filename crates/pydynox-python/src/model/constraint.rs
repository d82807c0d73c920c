//! Attributes whose values together only one item has, as a class declares them.

/// Attributes whose values together only one item has.
#[derive(Debug)]
pub(crate) struct Constraint {
    /// Among which items.
    pub(crate) of: Box<str>,
    /// In the order of their stored names.
    pub(crate) fields: Box<[usize]>,
    /// As the class names them.
    pub(crate) names: Box<[Box<str>]>,
}

impl Constraint {
    /// None where the model has no such attribute.
    pub(crate) fn new(
        of: &str,
        names: Vec<String>,
        position: impl Fn(&str) -> Option<usize>,
        stored: impl Fn(usize) -> Box<str>,
    ) -> Option<Self> {
        let mut fields: Vec<usize> = names
            .iter()
            .map(|name| position(name))
            .collect::<Option<_>>()?;
        fields.sort_by_key(|index| stored(*index));
        Some(Self {
            of: of.into(),
            fields: fields.into(),
            names: names.into_iter().map(Into::into).collect(),
        })
    }

    /// `User.email`, or `User.tenant and User.email`.
    pub(crate) fn describe(&self, model: &str) -> String {
        let names: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("{model}.{name}"))
            .collect();
        names.join(" and ")
    }
}
