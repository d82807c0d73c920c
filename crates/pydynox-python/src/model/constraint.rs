//! Attributes whose values together only one item has, as a class declares them.

use pydynox_core::write::unique_change;

/// Attributes whose values together only one item has.
#[derive(Debug)]
pub(crate) struct Constraint {
    /// By stored names, as the core knows it.
    pub(crate) core: unique_change::Constraint,
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
        // Sorted, so that the guard's key stays the same when a class lists its attributes in another order.
        fields.sort_by_key(|index| stored(*index));
        let core = unique_change::Constraint {
            of: of.into(),
            attributes: fields.iter().map(|index| stored(*index)).collect(),
        };
        Some(Self {
            core,
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
