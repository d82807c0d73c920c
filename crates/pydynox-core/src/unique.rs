//! Unique values: guard items, one per value, that record which item of the table holds the value.
//!
//! A guard is in the table of the item that holds the value, under a key that depends on the value alone. The transaction that
//! writes the item also writes or deletes the guard, so two items can never hold the same value.
//!
//! The key of a guard, by the type of the table's key, where `hash` is SHA-256 of the claim's scope and the value:
//!
//! | type | partition key | sort key |
//! |---|---|---|
//! | string | `pydynox#unique#` and the hash, 64 hexadecimal digits | `unique` |
//! | binary | the same prefix and the 32 bytes of the hash | `unique` |
//! | number | a number of 126 digits: 1, 37 digits of the hash, zeros | 0 |

use ring::digest::{SHA256, digest};

use crate::error::{CancellationReason, Error, ErrorKind};
use crate::expression::condition::{Comparator, Condition, Operand};
use crate::expression::path::Path;
use crate::operation::transact_write_items::Verb;
use crate::operation::{Guard, delete_item, put_item};
use crate::schema::{Index, ItemSchema, KeyAttribute, KeyType};
use crate::transaction::Transaction;
use crate::wire::{Reader, Value, WireError, Writer};

/// Prefix of the guards' partition keys; user items have no such keys.
pub const PREFIX: &str = "pydynox#unique#";
/// The smallest number that may be the partition key of a guard.
pub const LEAST_NUMBER: f64 = 1e125;
/// The attribute that only guards have.
pub const ATTRIBUTE: &str = "_pydynox_unique";
const SORT: &str = "unique";
const DIGITS: u128 = 10_u128.pow(37);

/// A value that only one item has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    hash: [u8; 32],
    of: Box<str>,
    attributes: Box<[Box<str>]>,
}

impl Claim {
    /// `of` is the scope of uniqueness; `values` are the attributes by stored name, in order, with JSON text of each value.
    ///
    /// # Errors
    ///
    /// A value cannot be read.
    pub fn new(of: &str, values: &[(&str, &[u8])]) -> Result<Self, WireError> {
        // The text that is hashed is JSON: quoted and separated, so other names and values never give the same text.
        let mut w = Writer::with_capacity(128);
        w.byte(b'[');
        w.string(of);
        for (attribute, value) in values {
            w.byte(b',');
            w.string(attribute);
            w.byte(b',');
            // Equal numbers are one value, no matter how they are written.
            Value::parse(value)?.write(&mut w);
        }
        w.byte(b']');
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, w.as_bytes()).as_ref());
        Ok(Self {
            hash,
            of: of.into(),
            attributes: values.iter().map(|(name, _)| (*name).into()).collect(),
        })
    }

    /// The key of the guard, JSON text of a map.
    pub fn key(&self, schema: &ItemSchema) -> Vec<u8> {
        let mut w = Writer::with_capacity(160);
        w.byte(b'{');
        self.write_key(&mut w, schema);
        w.byte(b'}');
        w.into_bytes()
    }

    fn write_key(&self, w: &mut Writer, schema: &ItemSchema) {
        let partition = &schema.partition_key;
        label(w, partition);
        match partition.key_type {
            KeyType::S => {
                let mut text = PREFIX.to_owned();
                for byte in self.hash {
                    text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
                    text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
                }
                w.string_value(&text);
            }
            KeyType::B => w.binary_value(&[PREFIX.as_bytes(), &self.hash].concat()),
            KeyType::N => {
                let mut first = [0; 16];
                first.copy_from_slice(&self.hash[..16]);
                // 38 significant digits, the most that DynamoDB keeps; its magnitude sets it apart from a program's own keys.
                let number = DIGITS + u128::from_be_bytes(first) % DIGITS;
                w.raw(format!(r#"{{"N":"{number}E88"}}"#).as_bytes());
            }
        }
        if let Some(sort) = &schema.sort_key {
            w.byte(b',');
            label(w, sort);
            match sort.key_type {
                KeyType::S => w.string_value(SORT),
                KeyType::B => w.binary_value(SORT.as_bytes()),
                KeyType::N => w.integer_value(0),
            }
        }
    }

    /// The body of a put of the guard, up to its condition; `owner` is the key of the item, JSON text of a map.
    fn begin_take(&self, schema: &ItemSchema, table: &str, owner: &[u8]) -> Writer {
        let mut w = Writer::with_capacity(512);
        put_item::begin(&mut w, table);
        w.byte(b'{');
        self.write_key(&mut w, schema);
        w.byte(b',');
        w.string(ATTRIBUTE);
        w.raw(br#":{"M":{"of":"#);
        w.string_value(&self.of);
        w.raw(br#","attributes":{"L":["#);
        for (position, attribute) in self.attributes.iter().enumerate() {
            if position > 0 {
                w.byte(b',');
            }
            w.string_value(attribute);
        }
        w.raw(br#"]},"owner":"#);
        w.raw(&map_value(owner));
        w.raw(b"}}}");
        w
    }

    /// Puts the guard for an item. The guard must be free or the item's own; with `from`, it must belong to that item.
    ///
    /// # Errors
    ///
    /// A key cannot be read.
    pub fn take(
        &self,
        schema: &ItemSchema,
        table: &str,
        owner: &[u8],
        from: Option<&[u8]>,
    ) -> Result<Vec<u8>, Error> {
        let mut w = self.begin_take(schema, table, owner);
        let condition = match from {
            None => unowned_or(schema, owner)?,
            Some(from) => owned_by(from)?,
        };
        put_item::finish_if(&mut w, Guard::None, Some(&condition))?;
        Ok(w.into_bytes())
    }

    /// Deletes the guard, which must belong to this item if it exists.
    ///
    /// # Errors
    ///
    /// A key cannot be read.
    pub fn release(
        &self,
        schema: &ItemSchema,
        table: &str,
        owner: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let mut w = Writer::with_capacity(512);
        delete_item::begin(&mut w, table);
        w.raw(&self.key(schema));
        // It may be missing: an item that was stored before its class declared the constraint has no guard.
        delete_item::finish_if(&mut w, Guard::None, Some(&unowned_or(schema, owner)?))?;
        Ok(w.into_bytes())
    }
}

fn label(w: &mut Writer, key: &KeyAttribute) {
    w.string(&key.attribute_name);
    w.byte(b':');
}

/// A key as the value of an attribute, in canonical form: equal keys have equal bytes.
fn map_value(key: &[u8]) -> Vec<u8> {
    let mut w = Writer::with_capacity(key.len() + 8);
    w.raw(br#"{"M":"#);
    match Reader::new(key).and_then(|mut r| Value::read_map(&mut r)) {
        Ok(map) => Value::write_map(&map, &mut w),
        Err(_) => w.raw(key),
    }
    w.byte(b'}');
    w.into_bytes()
}

fn owned_by(owner: &[u8]) -> Result<Condition, Error> {
    Ok(Condition::compare(
        Comparator::Equal,
        Operand::Path(Path::new(ATTRIBUTE).name("owner")?),
        Operand::Value(map_value(owner).into()),
    ))
}

fn unowned_or(schema: &ItemSchema, owner: &[u8]) -> Result<Condition, Error> {
    let partition = &schema.partition_key.attribute_name;
    Condition::not_exists(Path::new(partition)).or(&owned_by(owner)?)
}

/// Whether an index has guards in it that [`no_guard`] recognizes: if its key has only attributes of the table's key, and it holds the
/// attribute that marks guards.
pub fn are_in(index: &Index, schema: &ItemSchema) -> bool {
    let is_of_table = |key: &KeyAttribute| schema.key_attributes().any(|own| own == key);
    index.key_attributes().all(is_of_table) && schema.holds(index, ATTRIBUTE)
}

/// The condition that an item is not a guard: for reads of a whole table or index.
pub fn no_guard() -> Condition {
    Condition::not_exists(Path::new(ATTRIBUTE))
}

/// Whether an item, JSON text of a map, is a guard; also checks its key, which may be all that an index holds of it.
///
/// # Errors
///
/// The item cannot be read.
pub fn is_guard(mut r: Reader<'_>, schema: &ItemSchema) -> Result<bool, WireError> {
    r.begin_object()?;
    while let Some(key) = r.next_key()? {
        if key.equals(ATTRIBUTE) {
            return Ok(true);
        }
        if key.equals(&schema.partition_key.attribute_name) {
            let value = Value::read(&mut r)?;
            if is_reserved(&value) {
                return Ok(true);
            }
        } else {
            r.skip()?;
        }
    }
    Ok(false)
}

/// Whether a partition key may belong to a guard.
pub fn is_reserved(value: &Value) -> bool {
    match value {
        Value::S(text) => text.starts_with(PREFIX),
        Value::B(bytes) => bytes.starts_with(PREFIX.as_bytes()),
        Value::N(number) => number
            .to_string()
            // Exact enough for a bound of this magnitude.
            .parse::<f64>()
            .is_ok_and(|number| number >= LEAST_NUMBER),
        _ => false,
    }
}

/// The guard's owner: the key of the item that holds the value, JSON text of a map.
pub fn owner(guard: &[u8]) -> Option<Vec<u8>> {
    let item = Value::read_map(&mut Reader::new(guard).ok()?).ok()?;
    let Value::M(entry) = item.get(ATTRIBUTE)? else {
        return None;
    };
    let Value::M(owner) = entry.get("owner")? else {
        return None;
    };
    let mut w = Writer::with_capacity(64);
    Value::write_map(owner, &mut w);
    Some(w.into_bytes())
}

/// A guard that a transaction takes, and how to detect that its current owner no longer holds the value.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Position of its operation.
    pub position: usize,
    /// The value.
    pub claim: Claim,
    /// The table of the guard and of the item.
    pub table: Box<str>,
    /// The key of the new owner, JSON text of a map.
    pub owner: Vec<u8>,
    /// The schema of their table.
    pub schema: ItemSchema,
    /// The condition that an item is absent or does not hold the value.
    pub is_free: Condition,
}

/// The transaction again, now taking the guards that blocked it away from owners that no longer hold the values; None if
/// anything else blocked it.
pub fn take_over(transaction: &Transaction, taken: &[Taken], error: &Error) -> Option<Transaction> {
    let ErrorKind::TransactionCanceled { reasons } = error.kind() else {
        return None;
    };
    let mut again = transaction.clone();
    let mut holders: Vec<(&str, Vec<u8>)> = Vec::new();
    for (position, reason) in reasons.iter().enumerate().filter(|(_, one)| is_fault(one)) {
        // If anything other than a guard failed, the transaction would be refused again.
        let one = taken.iter().find(|one| one.position == position)?;
        if reason.code != "ConditionalCheckFailed" {
            return None;
        }
        let holder = owner(reason.item.as_ref()?)?;
        let body = one
            .claim
            .take(&one.schema, &one.table, &one.owner, Some(&holder));
        again.replace(position, body.ok()?);
        let mut w = Writer::with_capacity(512);
        // A ConditionCheck has the members of a DeleteItem. It is in the same transaction, so a holder that still has the value
        // keeps it.
        delete_item::begin(&mut w, &one.table);
        w.raw(&holder);
        delete_item::finish_if(&mut w, Guard::None, Some(&one.is_free)).ok()?;
        // A transaction has one operation per item, so an owner that takes part itself cannot be checked as well.
        let key = (&*one.table, holder);
        if holders.contains(&key) {
            return None;
        }
        again
            .add(Verb::ConditionCheck, &one.table, &key.1, w.into_bytes())
            .ok()?;
        holders.push(key);
    }
    Some(again)
}

fn is_fault(reason: &CancellationReason) -> bool {
    !matches!(reason.code.as_str(), "" | "None")
}

#[cfg(test)]
mod tests;
