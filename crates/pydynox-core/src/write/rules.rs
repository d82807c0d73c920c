//! Rules: what the writes of a model depend on, namely its key, its managed attributes, its entity, and when an item has expired.

use super::entity::Entities;
use super::purposes::Purposes;
use crate::error::Error;
use crate::expression::condition::{Comparator, Condition, Operand};
use crate::expression::path::Path;
use crate::time::{Instant, scaled};
use crate::wire::{Reader, Value, WireError};

/// The rules of one model.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The stored name of the partition key.
    pub partition_key: Box<str>,
    /// The attributes that pydynox writes itself.
    pub purposes: Purposes,
    /// Which items of a shared table belong to the model.
    pub entities: Entities,
    /// Whether an expired item counts as absent.
    pub hides_expired: bool,
    /// Whether some of its values must be unique to one item.
    pub has_unique: bool,
}

impl Rules {
    /// That no item exists.
    pub fn absent(&self) -> Condition {
        Condition::not_exists(Path::new(&self.partition_key))
    }

    /// That there is no item, or one of this model; None for a model that does not share its table.
    ///
    /// # Errors
    ///
    /// None that two conditions cause.
    pub fn absent_or_own(&self) -> Result<Option<Condition>, Error> {
        let own = self.entities.condition();
        own.map(|own| self.absent().or(&own)).transpose()
    }

    /// That an item has expired, where the model's readers see such an item as absent.
    #[inline]
    pub fn expired(&self) -> Option<Condition> {
        self.hides_expired
            .then(|| self.expired_at(Instant::now()))?
    }

    /// That an item is not an expired one of this entity; None for a model without an entity, or one that shows expired items.
    ///
    /// # Errors
    ///
    /// None that two conditions cause.
    pub fn unless_expired(&self) -> Result<Option<Condition>, Error> {
        let (Some(own), Some(expired)) = (self.entities.condition(), self.expired()) else {
            return Ok(None);
        };
        own.and(&expired)?.not().map(Some)
    }

    fn expired_at(&self, now: Instant) -> Option<Condition> {
        let expires_at = self.purposes.expires_at.as_ref()?;
        Some(Condition::compare(
            Comparator::LessOrEqual,
            Operand::Path(Path::new(&expires_at.name)),
            Operand::Value(expires_at.form.json(now).into()),
        ))
    }

    /// Whether a stored item counts as absent because it has expired.
    ///
    /// # Errors
    ///
    /// The item is not a map of attribute values.
    #[inline]
    pub fn is_over(&self, item: &[u8]) -> Result<bool, WireError> {
        if !self.hides_expired {
            return Ok(false);
        }
        self.is_over_at(item, Instant::now())
    }

    fn is_over_at(&self, item: &[u8], now: Instant) -> Result<bool, WireError> {
        let Some(expires_at) = &self.purposes.expires_at else {
            return Ok(false);
        };
        let stored = Value::read_map(&mut Reader::new(item)?)?;
        // DynamoDB's own time to live ignores values that are not numbers too.
        let Some(Value::N(number)) = stored.get(&*expires_at.name) else {
            return Ok(false);
        };
        // Time to live is in seconds; six more digits make microseconds.
        let at = scaled(&number.to_string(), 6).ok();
        Ok(at.is_some_and(|at| at <= now.microseconds()))
    }

    /// The attributes that decide whether the model sees the item under a key. `has_subclasses` means that its subclasses have
    /// their own entities.
    pub fn attributes_of_exists(&self, has_subclasses: bool) -> impl Iterator<Item = &str> {
        let entity = self.entities.own.is_some() || has_subclasses;
        // A projection needs at least one attribute, and only the keys are in every item.
        std::iter::once(&*self.partition_key)
            .chain(self.hides_by())
            .chain(entity.then_some(&*self.entities.attribute))
    }

    /// The attribute by which the model hides expired items.
    pub fn hides_by(&self) -> Option<&str> {
        let expires_at = self.purposes.expires_at.as_ref()?;
        self.hides_expired.then_some(&*expires_at.name)
    }

    /// Whether writing an item without reading the stored one may lose what other writers wrote.
    pub fn needs_guard(&self) -> bool {
        self.purposes.version.is_some() || self.has_unique
    }

    /// Whether deleting any item with a key may lose what other writers wrote: it may belong to another entity.
    pub fn needs_guard_by_key(&self) -> bool {
        self.needs_guard() || self.entities.own.is_some()
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::entity::Entity;
    use super::super::purposes::Purpose;
    use super::*;
    use crate::time::Form;

    /// An hour after 1970.
    pub(crate) fn now() -> Instant {
        Instant::from_microseconds(3_600_000_000).unwrap()
    }

    /// A model without anything special.
    pub(crate) fn plain() -> Rules {
        Rules {
            partition_key: "id".into(),
            ..Rules::default()
        }
    }

    /// A model that counts versions and records when it was written.
    pub(crate) fn managed() -> Rules {
        let all = [
            (3, Purpose::Version, "version", Form::ISO_Z),
            (4, Purpose::CreatedAt, "created", Form::ISO_Z),
            (5, Purpose::UpdatedAt, "updated", Form::WHOLE_SECONDS),
        ];
        Rules {
            purposes: Purposes::new(all),
            ..plain()
        }
    }

    /// A model that counts versions and nothing else.
    pub(crate) fn versioned() -> Rules {
        Rules {
            purposes: Purposes::new([(3, Purpose::Version, "version", Form::ISO_Z)]),
            ..plain()
        }
    }

    /// A model of a shared table.
    pub(crate) fn shared() -> Rules {
        Rules {
            entities: Entities {
                attribute: "_type".into(),
                own: Some(Entity::new("Order")),
                only_named: false,
            },
            ..plain()
        }
    }

    /// A model that does not see expired items.
    pub(crate) fn mortal() -> Rules {
        Rules {
            purposes: Purposes::new([(6, Purpose::ExpiresAt, "gone", Form::WHOLE_SECONDS)]),
            hides_expired: true,
            ..plain()
        }
    }

    fn attributes_for_exists(rules: &Rules, has_subclasses: bool) -> Vec<&str> {
        rules.attributes_of_exists(has_subclasses).collect()
    }

    #[test]
    fn a_model_that_hides_nothing_has_no_condition_on_time() {
        let rules = Rules {
            hides_expired: false,
            ..mortal()
        };
        assert_eq!(rules.expired(), None);
        assert_eq!(plain().expired(), None);
        assert!(!rules.is_over(br#"{"gone":{"N":"1"}}"#).unwrap());
    }

    #[test]
    fn only_an_entity_that_hides_expired_items_is_left_out_of_what_its_base_reads() {
        assert_eq!(mortal().unless_expired().unwrap(), None);
        assert_eq!(shared().unless_expired().unwrap(), None);

        let both = Rules {
            entities: shared().entities,
            ..mortal()
        };
        let text = both.unless_expired().unwrap().unwrap().explain();
        assert!(
            text.starts_with(r#"NOT (_type = "Order" AND gone <= "#),
            "{text}"
        );
    }

    #[test]
    fn an_item_is_over_from_the_second_at_which_it_expires() {
        let rules = mortal();
        let over = |item: &str| rules.is_over_at(item.as_bytes(), now()).unwrap();

        assert!(over(r#"{"gone":{"N":"3599"}}"#));
        assert!(over(r#"{"gone":{"N":"3600"}}"#));
        assert!(!over(r#"{"gone":{"N":"3600.000001"}}"#));
        assert!(!over(r#"{"gone":{"N":"3601"}}"#));
    }

    #[test]
    fn an_item_without_a_number_of_seconds_never_ends() {
        let rules = mortal();
        for item in [
            r#"{"id":{"S":"a"}}"#,
            r#"{"gone":{"S":"1"}}"#,
            r#"{"gone":{"NULL":true}}"#,
        ] {
            assert!(!rules.is_over_at(item.as_bytes(), now()).unwrap(), "{item}");
        }
        assert!(rules.is_over_at(b"[]", now()).is_err());
    }

    #[test]
    fn the_condition_on_time_compares_with_this_second() {
        let condition = mortal().expired_at(now()).unwrap();
        assert_eq!(condition.explain(), "gone <= 3600");
    }

    #[test]
    fn exists_asks_for_the_key_alone_where_nothing_is_hidden() {
        assert_eq!(attributes_for_exists(&plain(), false), ["id"]);
        assert_eq!(attributes_for_exists(&managed(), false), ["id"]);
    }

    #[test]
    fn exists_asks_for_the_time_that_hides_an_item() {
        assert_eq!(attributes_for_exists(&mortal(), false), ["id", "gone"]);
    }

    #[test]
    fn exists_asks_of_which_entity_an_item_of_a_shared_table_is() {
        assert_eq!(attributes_for_exists(&shared(), false), ["id", "_type"]);
        let base = Rules {
            entities: Entities {
                own: None,
                ..shared().entities
            },
            ..plain()
        };
        assert_eq!(attributes_for_exists(&base, true), ["id", "_type"]);
        assert_eq!(attributes_for_exists(&base, false), ["id"]);
    }

    #[test]
    fn a_batch_writes_a_versioned_or_unique_item_by_itself() {
        let unique = Rules {
            has_unique: true,
            ..plain()
        };
        assert!(versioned().needs_guard() && unique.needs_guard());
        assert!(!plain().needs_guard() && !shared().needs_guard() && !mortal().needs_guard());
    }

    #[test]
    fn a_batch_deletes_a_key_of_a_shared_table_by_itself() {
        assert!(shared().needs_guard_by_key() && versioned().needs_guard_by_key());
        assert!(!plain().needs_guard_by_key());
    }
}
