//! Expressions: paths, conditions and actions behind Python's operators. Values are encoded when an expression is built.

use pydynox_core::expression::action::{self, Source};
use pydynox_core::expression::condition::{self, Comparator, Function, Operand};
use pydynox_core::expression::path::{self, Step};
use pydynox_core::wire::Writer;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::exceptions::{validation_error, validation_errors};
use crate::interpreter::text;
use crate::model::action::Action;
use crate::model::condition::Condition;
use crate::model::path::{Path, Size, Term};
use crate::model::place::{name_of, place_of};
use crate::model::problems::refused;
use crate::model::protection;
use crate::values::encode::{is_absent, write_attribute};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::plain::admitted;
use crate::values::problem::Problem;

static ANY: Kind = Kind::Any;
const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"];

#[pymethods]
impl Path {
    #[new]
    fn new(field: &Bound<'_, Field>, owner: &Bound<'_, PyType>) -> PyResult<Self> {
        Ok(Self {
            place: path::Path::new(&field.get().attribute_name),
            field: Some(field.clone().unbind()),
            owner: Some(owner.clone().unbind()),
            owner_name: owner.name()?.to_str()?.into(),
        })
    }

    /// The path that a text such as `address.lines[0]` names, or a list of names and positions, without a declared type.
    #[staticmethod]
    fn parse(path: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            place: place_of(path)?,
            field: None,
            owner: None,
            owner_name: "".into(),
        })
    }

    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let steps = self.place.steps().iter().map(|step| match step {
            Step::Name(name) => Ok(PyString::new(py, name).into_any()),
            Step::Index(index) => Ok(index.into_pyobject(py)?.into_any()),
        });
        PyTuple::new(py, steps.collect::<PyResult<Vec<_>>>()?)
    }

    fn __repr__(&self) -> String {
        format!("<path {}>", self.label())
    }

    /// One step further: a name in a map, a position in a list.
    fn child(&self, step: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = step.py();
        let step = if let Ok(name) = step.cast::<PyString>() {
            Step::Name(name_of(name)?.into())
        } else if step.is_instance_of::<PyInt>() && !step.is_instance_of::<PyBool>() {
            let index = step.extract().map_err(|_| {
                PyIndexError::new_err(format!(
                    "{}[{step}]: DynamoDB counts the elements of a list from 0",
                    self.label()
                ))
            })?;
            Step::Index(index)
        } else {
            return Err(PyTypeError::new_err(format!(
                "{}[...] takes a name of a map or a position in a list, not {}",
                self.label(),
                step.repr()?
            )));
        };
        if self.kind().inside(&step).is_none() {
            let (label, kind) = (self.label(), self.kind().present());
            let advice = match kind {
                Kind::List(_) | Kind::TupleOf(_) | Kind::Tuple(_) => {
                    format!("a list: write {label}[0]")
                }
                Kind::Dict(_) | Kind::Record(_) | Kind::Pydantic(_) => {
                    format!("a map: write {label}[\"name\"]")
                }
                _ => "a value without parts".to_owned(),
            };
            return Err(PyTypeError::new_err(format!("{label} is {advice}")));
        }
        let place = match &step {
            Step::Name(name) => self.place.name(name),
            Step::Index(index) => self.place.index(*index),
        };
        Ok(Self {
            place: place.map_err(|error| refused(py, &error))?,
            field: self.field.as_ref().map(|field| field.clone_ref(py)),
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
            owner_name: self.owner_name.clone(),
        })
    }

    fn compare(&self, comparator: &str, other: &Bound<'_, PyAny>) -> PyResult<Condition> {
        self.left().compare(comparator, other)
    }

    fn between(&self, low: &Bound<'_, PyAny>, high: &Bound<'_, PyAny>) -> PyResult<Condition> {
        self.left().between(low, high)
    }

    fn is_in(&self, values: &Bound<'_, PyTuple>) -> PyResult<Condition> {
        self.left().among(values)
    }

    /// Add to a number of seconds since 1970, starting from now where there is none.
    fn postponed(&self, seconds: i64, now: &Bound<'_, PyAny>) -> PyResult<Action> {
        let now_py = now.py();
        let now = Source::Value(self.encoded(self.kind().present(), now)?);
        let stored = Source::IfNotExists(self.place.clone(), Box::new(now));
        let amount = format!(r#"{{"N":"{seconds}"}}"#).into_bytes();
        let sum = action::Term::Plus(stored, Source::Value(amount.into()));
        Ok(self.action(now_py, action::Action::set(self.place.clone(), sum)))
    }

    /// Whether exactly this value is stored there, encrypted or not.
    fn is_stored_as(&self, value: &Bound<'_, PyAny>) -> PyResult<Condition> {
        let place = Operand::Path(self.place.clone());
        let stored = Operand::Value(self.encoded(&ANY, value)?);
        let tree = condition::Condition::compare(Comparator::Equal, place, stored);
        Ok(Condition {
            stored: true,
            ..self.condition(value.py(), tree)
        })
    }

    fn exists(&self, py: Python<'_>) -> Condition {
        self.condition(py, condition::Condition::exists(self.place.clone()))
    }

    fn not_exists(&self, py: Python<'_>) -> Condition {
        self.condition(py, condition::Condition::not_exists(self.place.clone()))
    }

    /// Missing or NULL: what reads as None.
    fn is_none(&self, py: Python<'_>) -> PyResult<Condition> {
        let null = condition::Condition::function(
            Function::AttributeType,
            self.place.clone(),
            Operand::Value(br#"{"S":"NULL"}"#.as_slice().into()),
        );
        condition::Condition::not_exists(self.place.clone())
            .or(&null)
            .map(|tree| self.condition(py, tree))
            .map_err(|error| refused(py, &error))
    }

    fn begins_with(&self, prefix: &Bound<'_, PyAny>) -> PyResult<Condition> {
        self.function(Function::BeginsWith, self.kind().present(), prefix)
    }

    fn contains(&self, part: &Bound<'_, PyAny>) -> PyResult<Condition> {
        self.function(Function::Contains, self.kind().part(), part)
    }

    fn attribute_type(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = text::attribute_type)] name: &str,
    ) -> PyResult<Condition> {
        if !TYPES.contains(&name) {
            return Err(validation_error(
                py,
                &format!(
                    "{}.attribute_type({name:?}): DynamoDB's types are {}",
                    self.label(),
                    TYPES.join(", ")
                ),
            ));
        }
        let operand = Operand::Value(format!(r#"{{"S":"{name}"}}"#).into_bytes().into());
        let tree =
            condition::Condition::function(Function::AttributeType, self.place.clone(), operand);
        Ok(self.condition(py, tree))
    }

    fn size(slf: &Bound<'_, Self>) -> Size {
        Size(slf.clone().unbind())
    }

    fn if_not_exists(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<Term> {
        let this = slf.get();
        let source = Source::IfNotExists(this.place.clone(), Box::new(this.source(value)?));
        Ok(Self::term(slf, action::Term::Source(source)))
    }

    fn plus(slf: &Bound<'_, Self>, amount: &Bound<'_, PyAny>) -> PyResult<Term> {
        let this = slf.get();
        let (one, two) = (Source::Path(this.place.clone()), this.source(amount)?);
        Ok(Self::term(slf, action::Term::Plus(one, two)))
    }

    fn minus(slf: &Bound<'_, Self>, amount: &Bound<'_, PyAny>) -> PyResult<Term> {
        let this = slf.get();
        let (one, two) = (Source::Path(this.place.clone()), this.source(amount)?);
        Ok(Self::term(slf, action::Term::Minus(one, two)))
    }

    /// A value that an item leaves out, None or an empty set, removes the attribute.
    fn set(&self, value: &Bound<'_, PyAny>) -> PyResult<Action> {
        let path = self.place.clone();
        if let Ok(term) = value.cast::<Term>() {
            self.check_form(self.kind(), term.get().base.bind(value.py()))?;
            return Ok(self.action(
                value.py(),
                action::Action::set(path, term.get().term.clone()),
            ));
        }
        // Rules, defaults and protection belong to an attribute as a whole, not to places inside it.
        let whole = (self.place.steps().len() == 1)
            .then_some(self.field.as_ref())
            .flatten();
        let (Some(field), false) = (whole, value.is_instance_of::<Self>()) else {
            let source = match value.cast::<Self>() {
                Ok(path) => {
                    self.check_form(self.kind(), path)?;
                    Source::Path(path.get().place.clone())
                }
                Err(_) => Source::Value(self.encoded(self.kind(), value)?),
            };
            return Ok(self.action(
                value.py(),
                action::Action::set(path, action::Term::Source(source)),
            ));
        };
        let field = field.get();
        let refuse = |problem: Problem| self.refuse(value.py(), &problem);
        let value = admitted(field, value).map_err(refuse)?;
        if field.rules.is_some() {
            let name = field.text.to_string();
            let named = |what| (name.clone(), format!("{}{what}", self.label()));
            let broken: Vec<_> = field.broken_rules(&value)?.into_iter().map(named).collect();
            if !broken.is_empty() {
                return Err(validation_errors(value.py(), broken));
            }
        }
        if is_absent(field, &value) {
            return Ok(self.action(value.py(), action::Action::remove(path)));
        }
        let mut w = Writer::with_capacity(32);
        write_attribute(&mut w, field, &value, 0).map_err(refuse)?;
        if field.protected.is_some() {
            protection::mark(&mut w, 0, field);
        }
        let source = Source::Value(w.into_bytes().into());
        Ok(self.action(
            value.py(),
            action::Action::set(path, action::Term::Source(source)),
        ))
    }

    fn remove(&self, py: Python<'_>) -> Action {
        self.action(py, action::Action::remove(self.place.clone()))
    }

    /// A number to a number, or members to a set.
    fn add(&self, values: &Bound<'_, PyTuple>) -> PyResult<Action> {
        let kind = self.kind().present();
        // ADD takes a number or a set. Where no type is declared, the value decides which.
        let number = match kind {
            Kind::Any if values.len() == 1 => {
                let one = self.encoded(kind, &values.get_item(0)?)?;
                one.starts_with(br#"{"N":"#).then_some(one)
            }
            Kind::Set(_) | Kind::FrozenSet(_) | Kind::Any => None,
            number => Some(self.encoded(number, &values.get_item(0)?)?),
        };
        let json = match number {
            Some(number) => number,
            None => self.members(values, "add")?,
        };
        Ok(self.action(values.py(), action::Action::add(self.place.clone(), &json)))
    }

    fn discard(&self, values: &Bound<'_, PyTuple>) -> PyResult<Action> {
        let json = self.members(values, "discard")?;
        Ok(self.action(
            values.py(),
            action::Action::delete(self.place.clone(), &json),
        ))
    }

    fn append(&self, values: &Bound<'_, PyTuple>) -> PyResult<Action> {
        self.extended(values, false)
    }

    fn prepend(&self, values: &Bound<'_, PyTuple>) -> PyResult<Action> {
        self.extended(values, true)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(field) = &self.field {
            visit.call(field)?;
        }
        self.owner
            .as_ref()
            .map_or(Ok(()), |owner| visit.call(owner))
    }
}
