//! Index keys: values that are too large for the key of a secondary index, on each road on which they can be written.

use std::cell::OnceCell;
use std::collections::HashMap;

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::transact_write_items::TransactWriteItem;
use dynoxide::actions::update_item::UpdateItemRequest;
use dynoxide::types::{AttributeValue, Item};

use crate::gate::{self, Context, Operand, Path, Step, Update, Value};
use crate::session::Session;
use crate::tables::Table;

/// Values of one size fit into every key; together two may not.
const FITS: usize = 1024 / 2;

type Verdict = Result<(), &'static str>;
type Names = Option<HashMap<String, String>>;
type Values = Option<HashMap<String, AttributeValue>>;

/// Of an item that is written as a whole.
pub(super) fn of_item(session: Session<'_>, table: &str, item: &Item) -> Verdict {
    match session.memory.tables.get(session.database, table) {
        Some(table) => table.check_index_keys(|name| item.get(name)),
        None => Ok(()),
    }
}

/// Of what `UpdateItem` sets.
pub(super) fn of_update(session: Session<'_>, request: &UpdateItemRequest) -> Verdict {
    if let Some(text) = &request.update_expression {
        let change = Change {
            table: &request.table_name,
            key: &request.key,
            text,
            names: &request.expression_attribute_names,
            values: &request.expression_attribute_values,
        };
        return change.check(session);
    }
    let (Some(updates), Some(table)) = (
        &request.attribute_updates,
        session
            .memory
            .tables
            .get(session.database, &request.table_name),
    ) else {
        return Ok(());
    };
    table.check_index_keys(|name| {
        updates
            .get(name)
            .filter(|update| update.action == "PUT")?
            .value
            .as_ref()
    })
}

/// Of an operation of a transaction.
pub(super) fn of_entry(session: Session<'_>, entry: &TransactWriteItem) -> Verdict {
    if let Some(put) = &entry.put {
        return of_item(session, &put.table_name, &put.item);
    }
    let Some(update) = &entry.update else {
        return Ok(());
    };
    let change = Change {
        table: &update.table_name,
        key: &update.key,
        text: &update.update_expression,
        names: &update.expression_attribute_names,
        values: &update.expression_attribute_values,
    };
    change.check(session)
}

/// An update by an expression.
struct Change<'r> {
    table: &'r str,
    key: &'r Item,
    text: &'r str,
    names: &'r Names,
    values: &'r Values,
}

impl Change<'_> {
    fn check(&self, session: Session<'_>) -> Verdict {
        let Some(table) = session.memory.tables.get(session.database, self.table) else {
            return Ok(());
        };
        // Almost always the only step.
        if table.indexes.is_empty() || !(self.has_large() || gate::copies(self.text)) {
            return Ok(());
        }
        gate::with_update(self.text, |update| {
            self.check_parsed(session, &table, update)
        })
        .unwrap_or(Ok(()))
    }

    /// Whether a value may be too large for a key.
    fn has_large(&self) -> bool {
        let mut values = self.values.iter().flat_map(HashMap::values);
        values.any(|value| match value {
            AttributeValue::S(text) => text.len() > FITS,
            AttributeValue::B(bytes) => bytes.len() > FITS,
            _ => false,
        })
    }

    fn check_parsed(&self, session: Session<'_>, table: &Table, update: &Update<'_>) -> Verdict {
        let context = Context {
            names: self.names.as_ref(),
            values: self.values.as_ref(),
        };
        let before = OnceCell::new();
        let item = || -> &Item { before.get_or_init(|| self.read(session)) };
        let mut set = HashMap::new();
        for (_, actions) in update
            .0
            .iter()
            .filter(|(word, _)| word.eq_ignore_ascii_case("SET"))
        {
            for action in actions {
                let Some(Path(steps)) = context.resolve(&action.path) else {
                    continue;
                };
                if let ([Step::Name(name)], Some(Value::Plain(operand))) =
                    (&steps[..], &action.value)
                    && table.is_index_key(name)
                    && let Some(value) = value_of(operand, context, &item)
                {
                    set.insert((*name).to_owned(), value);
                }
            }
        }
        if set.is_empty() {
            return Ok(());
        }
        table.check_index_keys(|name| set.get(name).copied())
    }

    fn read(&self, session: Session<'_>) -> Item {
        let request = GetItemRequest {
            table_name: self.table.to_owned(),
            key: self.key.clone(),
            ..GetItemRequest::default()
        };
        // What cannot be read is refused by the engine in a moment.
        session
            .database
            .get_item(request)
            .ok()
            .and_then(|output| output.item)
            .unwrap_or_default()
    }
}

/// What an operand is worth: a value, what the item has there, or what the function makes of them.
fn value_of<'v>(
    operand: &Operand<'_>,
    context: Context<'v>,
    item: &dyn Fn() -> &'v Item,
) -> Option<&'v AttributeValue> {
    match operand {
        Operand::Value(_) => context.value(operand),
        Operand::Path(path) => {
            let path = context.resolve(path)?;
            gate::at(item(), &path)
        }
        Operand::Call(call) if call.name == "if_not_exists" => call
            .arguments
            .iter()
            .find_map(|argument| value_of(argument, context, item)),
        // A list is never a key: the engine refuses it.
        Operand::Call(_) => None,
    }
}
