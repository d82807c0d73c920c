//! Entities: several models in one table, which model an item belongs to, and what keeps a write off other models' items.

use std::borrow::Cow;

use super::conditions::holds;
use crate::error::Error;
use crate::expression::condition::{Condition, MAX_IN_VALUES, Operand};
use crate::expression::path::Path;
use crate::retry::proof::Proof;
use crate::wire::{Reader, WireError, Writer, text_of};

/// The name of a model's items where several models share a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// The name.
    pub name: Box<str>,
    /// JSON text of the attribute's value.
    pub json: Box<[u8]>,
}

impl Entity {
    /// An entity of this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            json: json(name),
        }
    }
}

/// Which items of a table belong to a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entities {
    /// The stored name of the attribute that holds an entity's name.
    pub attribute: Box<str>,
    /// The entity of the model's own items; None for a model that does not share its table.
    pub own: Option<Entity>,
    /// Whether items without an entity, or with one that is not a subclass's, do not belong to this model.
    pub only_named: bool,
}

/// Which model an item belongs to, from the view of the model that reads it.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// The reader's own.
    Own,
    /// One whose entity may be a subclass of the reader; see [`Entities::reads_all`].
    Named(Cow<'a, str>),
    /// One that the reader ignores.
    Foreign,
}

impl Entities {
    /// The owner of the item at a cursor. `has_subclasses` returns whether subclasses have entities of their own.
    ///
    /// # Errors
    ///
    /// The item is not a map of attribute values.
    #[inline]
    pub fn owner<'a>(
        &self,
        item: &Reader<'a>,
        has_subclasses: impl FnOnce() -> bool,
    ) -> Result<Owner<'a>, WireError> {
        // There is nothing to distinguish, so the item is not searched for its entity.
        if self.own.is_none() && !has_subclasses() {
            return Ok(Owner::Own);
        }
        self.named_owner(item.clone())
    }

    fn named_owner<'a>(&self, item: Reader<'a>) -> Result<Owner<'a>, WireError> {
        let name = text_of(item, &self.attribute)?;
        Ok(match (name, &self.own) {
            (Some(name), Some(own)) if *name == *own.name => Owner::Own,
            (Some(name), _) => Owner::Named(name),
            // An item without an entity belongs to a model without one.
            (None, None) if !self.only_named => Owner::Own,
            (None, _) => Owner::Foreign,
        })
    }

    /// The entity of an item, if it is neither the model's own nor a subclass's.
    pub fn other_name(
        &self,
        item: &[u8],
        is_subclass: impl FnOnce(&str) -> bool,
    ) -> Option<String> {
        let own = self.own.as_ref()?;
        let name = text_of(Reader::new(item).ok()?, &self.attribute).ok()??;
        (*own.name != *name && !is_subclass(&name)).then(|| name.into_owned())
    }

    /// The condition that a stored item belongs to this model.
    #[inline]
    pub fn condition(&self) -> Option<Condition> {
        let own = self.own.as_ref()?;
        Some(holds(&self.attribute, Some(&own.json)))
    }

    /// Whether the model reads all items in the table: an entity that none of its subclasses has is then an error. Other models
    /// ignore such an item.
    #[inline]
    pub fn reads_all(&self) -> bool {
        self.own.is_none() && !self.only_named
    }

    /// The condition that the model reads an item: its own, or a subclass's. None if it reads all items.
    ///
    /// # Errors
    ///
    /// Never fails: no list is longer than `DynamoDB` accepts.
    pub fn readable<'n>(
        &self,
        subclasses: impl IntoIterator<Item = &'n str>,
    ) -> Result<Option<Condition>, Error> {
        if self.reads_all() {
            return Ok(None);
        }
        let own = self.own.iter().map(|own| own.json.clone());
        let all = own.chain(subclasses.into_iter().map(json));
        let mut names: Vec<Operand> = all.map(Operand::Value).collect();
        match names.len() {
            0 => Ok(None),
            1 => Ok(match names.pop() {
                Some(Operand::Value(only)) => Some(holds(&self.attribute, Some(&only))),
                _ => None,
            }),
            // More entities than a condition accepts: readers separate items after reading them.
            count if count > MAX_IN_VALUES => Ok(None),
            _ => {
                let path = Operand::Path(Path::new(&self.attribute));
                Condition::is_in(path, names).map(Some)
            }
        }
    }

    /// What distinguishes an item of another model from one whose condition is false.
    #[inline]
    pub fn proof(&self) -> Option<Box<Proof>> {
        let own = self.own.as_ref()?;
        Some(Box::new(Proof {
            entity: Some((self.attribute.clone(), own.json.clone())),
            ..Proof::default()
        }))
    }
}

/// A name as an attribute value.
fn json(name: &str) -> Box<[u8]> {
    let mut w = Writer::with_capacity(name.len() + 8);
    w.string_value(name);
    w.into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::rules::tests::{plain, shared};
    use super::*;

    const ORDER: &str = r#"{"id":{"S":"a"},"_type":{"S":"Order"}}"#;
    const USER: &str = r#"{"_type":{"S":"User"},"id":{"S":"a"}}"#;
    const NAMELESS: &str = r#"{"id":{"S":"a"}}"#;

    fn base(only_named: bool) -> Entities {
        Entities {
            attribute: "_type".into(),
            own: None,
            only_named,
        }
    }

    fn owner<'a>(entities: &Entities, item: &'a str, has_subclasses: bool) -> Owner<'a> {
        let item = Reader::new(item.as_bytes()).unwrap();
        entities.owner(&item, || has_subclasses).unwrap()
    }

    #[test]
    fn every_item_is_that_of_a_model_which_shares_its_table_with_none() {
        for item in [ORDER, USER, NAMELESS] {
            assert_eq!(owner(&base(false), item, false), Owner::Own);
        }
    }

    #[test]
    fn an_item_of_the_models_own_name_is_its_own() {
        assert_eq!(owner(&shared().entities, ORDER, false), Owner::Own);
    }

    #[test]
    fn an_item_of_another_name_may_be_of_a_subclass() {
        assert_eq!(
            owner(&shared().entities, USER, true),
            Owner::Named("User".into())
        );
        assert_eq!(owner(&base(false), USER, true), Owner::Named("User".into()));
    }

    #[test]
    fn an_item_without_a_name_is_of_a_model_without_one() {
        assert_eq!(owner(&base(false), NAMELESS, true), Owner::Own);
        assert_eq!(owner(&base(true), NAMELESS, true), Owner::Foreign);
        assert_eq!(owner(&shared().entities, NAMELESS, false), Owner::Foreign);
    }

    #[test]
    fn a_name_that_is_no_string_is_none() {
        let item = r#"{"_type":{"N":"7"},"id":{"S":"a"}}"#;
        assert_eq!(owner(&shared().entities, item, false), Owner::Foreign);
        let empty = r#"{"_type":{}}"#;
        assert_eq!(owner(&base(false), empty, true), Owner::Own);
    }

    #[test]
    fn only_a_base_class_of_all_items_is_asked_about_an_unknown_name() {
        assert!(base(false).reads_all());
        assert!(!base(true).reads_all());
        assert!(!shared().entities.reads_all());
    }

    #[test]
    fn an_item_that_is_no_map_has_no_owner() {
        let item = Reader::new(b"[]").unwrap();
        assert!(shared().entities.owner(&item, || false).is_err());
    }

    #[test]
    fn another_entity_is_named_unless_it_is_the_own_or_a_subclass() {
        let of = |item: &str, is_subclass: bool| {
            let entities = shared().entities;
            entities.other_name(item.as_bytes(), |_| is_subclass)
        };
        assert_eq!(of(USER, false).as_deref(), Some("User"));
        assert_eq!(of(USER, true), None);
        assert_eq!(of(ORDER, false), None);
        assert_eq!(of(NAMELESS, false), None);
        assert_eq!(base(false).other_name(USER.as_bytes(), |_| false), None);
    }

    #[test]
    fn a_shared_table_is_read_for_the_models_own_items() {
        let condition = shared().entities.readable([]).unwrap().unwrap();
        assert_eq!(condition.explain(), r#"_type = "Order""#);
    }

    #[test]
    fn subclasses_are_read_along() {
        let condition = shared().entities.readable(["Gift", "Return"]).unwrap();
        assert_eq!(
            condition.unwrap().explain(),
            r#"_type IN ("Order", "Gift", "Return")"#
        );
        let only = base(true).readable(["Gift"]).unwrap().unwrap();
        assert_eq!(only.explain(), r#"_type = "Gift""#);
    }

    #[test]
    fn a_base_class_reads_all_there_are() {
        assert_eq!(base(false).readable(["Gift"]).unwrap(), None);
        assert_eq!(base(true).readable([]).unwrap(), None);
    }

    #[test]
    fn more_kinds_of_items_than_a_condition_takes_are_told_apart_when_they_are_read() {
        let names: Vec<String> = (0..MAX_IN_VALUES)
            .map(|number| number.to_string())
            .collect();
        let names = || names.iter().map(String::as_str);

        assert!(
            shared()
                .entities
                .readable(names().skip(1))
                .unwrap()
                .is_some()
        );
        assert_eq!(shared().entities.readable(names()).unwrap(), None);
    }

    #[test]
    fn a_write_by_key_keeps_off_the_items_of_others() {
        let condition = shared().absent_or_own().unwrap().unwrap();
        assert_eq!(
            condition.explain(),
            r#"attribute_not_exists(id) OR _type = "Order""#
        );
        assert_eq!(plain().absent_or_own().unwrap(), None);
    }

    #[test]
    fn the_proof_names_the_entity_of_a_shared_table() {
        let proof = shared().entities.proof().unwrap();
        let (attribute, json) = proof.entity.unwrap();
        assert_eq!((&*attribute, &*json), ("_type", &br#"{"S":"Order"}"#[..]));
        assert_eq!(plain().entities.proof(), None);
    }
}
