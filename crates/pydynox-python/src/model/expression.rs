//! Paths, conditions and actions: the handles behind Python's operators. Values are encoded here, when an expression is built.

use crate::interpreter::text;
use crate::model::instance::moves_the_item;
use std::borrow::Cow;
use std::fmt::Write as _;

use pydynox_core::error::Error;
use pydynox_core::expression::action::{self, Actions, Source};
use pydynox_core::expression::condition::{self, Comparator, Function, Operand};
use pydynox_core::expression::path::{self, Step};
use pydynox_core::wire::Writer;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::exceptions::{is_misfit, misfit, validation_error, validation_errors};
use crate::model::protection;
use crate::model::schema::Schema;
use crate::values::encode::{Problem, check_level, is_absent, write_attribute, write_value};
use crate::values::field::{Field, Role};
use crate::values::input;
use crate::values::input::admitted;
use crate::values::kind::Kind;
use crate::values::missing;

static ANY: Kind = Kind::Any;
static INT: Kind = Kind::Int;
const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"];

fn refused(py: Python<'_>, error: &Error) -> PyErr {
    validation_error(py, error.message())
}

/// The text of a name, which is one that UTF-8 can store.
fn name_of<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text::text(text, "the name")
}

/// A place as callers name it: by a text such as `address.lines[0]`, or by a list of its steps, each name as it is.
pub(crate) fn place_of(said: &Bound<'_, PyAny>) -> PyResult<path::Path> {
    let py = said.py();
    if let Ok(text) = said.cast::<PyString>() {
        return path::Path::parse(name_of(text)?).map_err(|error| refused(py, &error));
    }
    let wrong = || {
        Ok::<_, PyErr>(PyTypeError::new_err(format!(
            "a path is a text such as \"address.city\", or a list of names and positions such as [\"a.b\", 0, \"c\"], not {}",
            said.repr()?
        )))
    };
    if !said.is_instance_of::<PyList>() && !said.is_instance_of::<PyTuple>() {
        return Err(wrong()?);
    }
    let mut steps = Vec::with_capacity(said.len()?);
    for step in said.try_iter()? {
        let step = step?;
        if let Ok(name) = step.cast::<PyString>() {
            steps.push(Step::Name(name_of(name)?.into()));
        } else if let Ok(index) = step.extract()
            && !step.is_instance_of::<PyBool>()
        {
            steps.push(Step::Index(index));
        } else {
            return Err(wrong()?);
        }
    }
    path::Path::literal(steps).map_err(|error| refused(py, &error))
}

/// That a path of several names was meant to be one name with dots.
#[cold]
pub(crate) fn split_name(py: Python<'_>, name: &str) -> PyErr {
    validation_error(
        py,
        &format!(
            "attr({name:?}) is a place inside of another attribute, and there is an attribute of this very name: write attr([{name:?}])"
        ),
    )
}

/// What stands left of a comparison: what it is, how values beside it are stored, and what messages call it.
struct Left<'a> {
    operand: Operand,
    kind: &'a Kind,
    path: &'a Path,
}

impl Left<'_> {
    fn compare(self, comparator: &str, other: &Bound<'_, PyAny>) -> PyResult<Condition> {
        let comparator = match comparator {
            "=" => Comparator::Equal,
            "<>" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            _ => Comparator::GreaterOrEqual,
        };
        let right = self.beside(other)?;
        let tree = condition::Condition::compare(comparator, self.operand, right);
        Ok(self.path.condition(other.py(), tree))
    }

    fn between(self, low: &Bound<'_, PyAny>, high: &Bound<'_, PyAny>) -> PyResult<Condition> {
        let py = low.py();
        let (low, high) = (self.beside(low)?, self.beside(high)?);
        let tree = condition::Condition::between(self.operand, low, high);
        Ok(self.path.condition(py, tree))
    }

    fn among(self, values: &Bound<'_, PyTuple>) -> PyResult<Condition> {
        let choices = values
            .iter()
            .map(|value| self.beside(&value))
            .collect::<PyResult<Vec<_>>>()?;
        condition::Condition::is_in(self.operand, choices)
            .map(|tree| self.path.condition(values.py(), tree))
            .map_err(|error| {
                validation_error(
                    values.py(),
                    &format!("{}: {}", self.path.label(), error.message()),
                )
            })
    }

    /// The other side: a path, a size, or a value of this side's kind.
    fn beside(&self, other: &Bound<'_, PyAny>) -> PyResult<Operand> {
        if let Ok(path) = other.cast::<Path>() {
            return Ok(Operand::Path(path.get().place.clone()));
        }
        if let Ok(size) = other.cast::<Size>() {
            return Ok(Operand::Size(size.get().0.get().place.clone()));
        }
        if other.is_instance_of::<Term>() {
            return Err(PyTypeError::new_err(
                "sums, differences and if_not_exists() stand inside set(): DynamoDB's conditions have none",
            ));
        }
        if other.is_none() {
            let label = self.path.label();
            return Err(validation_error(
                other.py(),
                &format!("{label} cannot be compared with None: write {label}.is_none()"),
            ));
        }
        Ok(Operand::Value(
            self.path.encoded(self.kind.present(), other)?,
        ))
    }
}

/// The path to an attribute, or to a place inside it.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Path {
    pub(crate) place: path::Path,
    /// The attribute that it starts at; None where no model says anything.
    field: Option<Py<Field>>,
    /// The class through which it was taken.
    owner: Option<Py<PyType>>,
    owner_name: Box<str>,
}

impl Path {
    pub(crate) fn kind(&self) -> &Kind {
        let Some(field) = &self.field else {
            return &ANY;
        };
        let mut steps = self.place.steps()[1..].iter();
        steps
            .try_fold(&field.get().kind, Kind::inside)
            .unwrap_or(&ANY)
    }

    /// What it reads as where nothing is stored, as on an instance; None behind an index, a map key or an Optional, which may well
    /// lead nowhere.
    pub(crate) fn missing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(mut field) = self.field.as_ref().map(Py::get) else {
            return Ok(py.None().into_bound(py));
        };
        for step in &self.place.steps()[1..] {
            let (Kind::Record(shape), Step::Name(name)) = (&field.kind, step) else {
                return Ok(py.None().into_bound(py));
            };
            let Some(member) = shape.get().declared(name) else {
                return Ok(py.None().into_bound(py));
            };
            field = member;
        }
        missing::missing(py, field)?.ok_or_else(|| {
            let problem = missing::problem(field, missing::NOT_STORED);
            misfit(py, "", &self.label(), "", problem)
        })
    }

    /// `User.scores["a"]`.
    pub(crate) fn label(&self) -> String {
        let Some(field) = &self.field else {
            return self.place.to_string();
        };
        let mut label = format!("{}.{}", self.owner_name, field.get().text);
        for step in &self.place.steps()[1..] {
            let _ = match step {
                Step::Name(name) => write!(label, "[{name:?}]"),
                Step::Index(index) => write!(label, "[{index}]"),
            };
        }
        label
    }

    /// Names model and attribute in the error of a value that stands at this path.
    #[cold]
    pub(crate) fn tell_owner(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let Some(field) = &self.field else {
            return error;
        };
        let value = error.value(py);
        let told = || -> PyResult<()> {
            if is_misfit(py, &error)? {
                value.setattr(intern!(py, "model"), &*self.owner_name)?;
                value.setattr(intern!(py, "attribute"), &*field.get().text)?;
            }
            Ok(())
        };
        match told() {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// A condition on this path.
    fn condition(&self, py: Python<'_>, tree: condition::Condition) -> Condition {
        Condition {
            tree,
            owners: self.owners(py),
            stored: false,
        }
    }

    fn action(&self, py: Python<'_>, action: action::Action) -> Action {
        Action {
            action,
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
        }
    }

    fn owners(&self, py: Python<'_>) -> Vec<Py<PyType>> {
        self.owner.iter().map(|owner| owner.clone_ref(py)).collect()
    }

    fn left(&self) -> Left<'_> {
        Left {
            operand: Operand::Path(self.place.clone()),
            kind: self.kind(),
            path: self,
        }
    }

    fn encoded(&self, kind: &Kind, value: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
        // What is written here stands inside of as many lists and maps.
        let depth = self.place.steps().len() - 1;
        let mut w = Writer::with_capacity(32);
        let problem =
            match check_level(depth).and_then(|()| write_value(&mut w, kind, value, depth)) {
                Ok(()) => return Ok(w.into_bytes().into()),
                Err(problem) => problem,
            };
        w.truncate(0);
        input::from_dictionaries(kind, value, problem)
            .and_then(|made| write_value(&mut w, kind, &made, depth))
            .map_err(|problem| self.refuse(value.py(), &problem))?;
        Ok(w.into_bytes().into())
    }

    #[cold]
    fn refuse(&self, py: Python<'_>, problem: &Problem) -> PyErr {
        let attribute = match &self.field {
            Some(field) => field.get().text.to_string(),
            None => self.place.to_string(),
        };
        let label = self.label();
        let message = match &self.field {
            Some(field) => problem.describe_as("", &label, field.get()),
            None => problem.describe("", &label),
        };
        validation_errors(py, vec![(attribute, message)])
    }

    fn refuse_none(&self, py: Python<'_>, verb: &str) -> PyErr {
        validation_error(
            py,
            &format!("{}.{verb}() needs at least one value", self.label()),
        )
    }

    /// A value inside an action: of a path, of a term, or encoded.
    fn source(&self, value: &Bound<'_, PyAny>) -> PyResult<Source> {
        if let Ok(path) = value.cast::<Self>() {
            return Ok(Source::Path(path.get().place.clone()));
        }
        if let Ok(term) = value.cast::<Term>() {
            return match &term.get().term {
                action::Term::Source(source) => Ok(source.clone()),
                _ => Err(one_sum()),
            };
        }
        Ok(Source::Value(self.encoded(self.kind().present(), value)?))
    }

    fn function(
        &self,
        function: Function,
        kind: &Kind,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Condition> {
        let operand = match value.cast::<Self>() {
            Ok(path) => Operand::Path(path.get().place.clone()),
            Err(_) => Operand::Value(self.encoded(kind, value)?),
        };
        let tree = condition::Condition::function(function, self.place.clone(), operand);
        Ok(self.condition(value.py(), tree))
    }

    /// The members of a set, as a set; a single set of a path without a type stands for its members.
    fn members(&self, values: &Bound<'_, PyTuple>, verb: &str) -> PyResult<Box<[u8]>> {
        let py = values.py();
        if values.is_empty() {
            return Err(self.refuse_none(py, verb));
        }
        let kind = self.kind().present();
        if matches!(kind, Kind::Any) && values.len() == 1 {
            let one = self.encoded(kind, &values.get_item(0)?)?;
            if [&br#"{"SS""#[..], br#"{"NS""#, br#"{"BS""#]
                .iter()
                .any(|tag| one.starts_with(tag))
            {
                return Ok(one);
            }
        }
        if matches!(kind, Kind::FrozenSet(_)) {
            return self.encoded(kind, PyFrozenSet::new(py, values.iter())?.as_any());
        }
        self.encoded(kind, PySet::new(py, values.iter())?.as_any())
    }

    fn extended(&self, values: &Bound<'_, PyTuple>, before: bool) -> PyResult<Action> {
        let py = values.py();
        if values.is_empty() {
            return Err(self.refuse_none(py, if before { "prepend" } else { "append" }));
        }
        let kind = self.kind().present();
        let json = if matches!(kind, Kind::TupleOf(_)) {
            self.encoded(kind, values.as_any())?
        } else {
            self.encoded(kind, PyList::new(py, values.iter())?.as_any())?
        };
        Ok(self.action(
            py,
            action::Action::extend(self.place.clone(), &json, before),
        ))
    }

    fn term(slf: &Bound<'_, Self>, term: action::Term) -> Term {
        Term {
            term,
            base: slf.clone().unbind(),
        }
    }
}

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

    /// The path that a text such as `address.lines[0]` names, or a list of names and positions, of no declared type.
    #[staticmethod]
    fn parse(said: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            place: place_of(said)?,
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

    /// Let a number of seconds since 1970 grow, from now where there is none.
    fn postponed(&self, seconds: i64, now: &Bound<'_, PyAny>) -> PyResult<Action> {
        let now_py = now.py();
        let now = Source::Value(self.encoded(self.kind().present(), now)?);
        let stored = Source::IfNotExists(self.place.clone(), Box::new(now));
        let amount = format!(r#"{{"N":"{seconds}"}}"#).into_bytes();
        let sum = action::Term::Plus(stored, Source::Value(amount.into()));
        Ok(self.action(now_py, action::Action::set(self.place.clone(), sum)))
    }

    /// Whether exactly this is stored there, be it encrypted or not.
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
            return Ok(self.action(
                value.py(),
                action::Action::set(path, term.get().term.clone()),
            ));
        }
        let whole = (self.place.steps().len() == 1)
            .then_some(self.field.as_ref())
            .flatten();
        let (Some(field), false) = (whole, value.is_instance_of::<Self>()) else {
            let source = match value.cast::<Self>() {
                Ok(path) => Source::Path(path.get().place.clone()),
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

/// How large what stands at a path is.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Size(Py<Path>);

impl Size {
    fn left(&self) -> Left<'_> {
        Left {
            operand: Operand::Size(self.0.get().place.clone()),
            kind: &INT,
            path: self.0.get(),
        }
    }
}

#[pymethods]
impl Size {
    fn __repr__(&self) -> String {
        format!("<size of {}>", self.0.get().label())
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// What `set()` takes beside values and paths: a sum, a difference, `if_not_exists`.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Term {
    term: action::Term,
    base: Py<Path>,
}

impl Term {
    fn with(
        &self,
        py: Python<'_>,
        amount: &Bound<'_, PyAny>,
        join: fn(Source, Source) -> action::Term,
    ) -> PyResult<Self> {
        let action::Term::Source(one) = &self.term else {
            return Err(one_sum());
        };
        let two = self.base.get().source(amount)?;
        Ok(Self {
            term: join(one.clone(), two),
            base: self.base.clone_ref(py),
        })
    }
}

fn one_sum() -> PyErr {
    PyTypeError::new_err("DynamoDB adds or subtracts once in a SET: give two operands, not three")
}

#[pymethods]
impl Term {
    fn __repr__(&self) -> String {
        let set = action::Action::set(self.base.get().place.clone(), self.term.clone());
        let text = set.to_string();
        format!(
            "<term {}>",
            text.split_once(" = ").map_or("", |(_, term)| term)
        )
    }

    fn plus(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.with(py, amount, action::Term::Plus)
    }

    fn minus(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.with(py, amount, action::Term::Minus)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.base)
    }
}

/// A test on an item, made by comparing paths. Combine with ``&``, ``|`` and ``~``.
#[pyclass(frozen, subclass, module = "pydynox._core")]
pub(crate) struct Condition {
    pub(crate) tree: condition::Condition,
    /// The classes through which its paths were taken.
    pub(crate) owners: Vec<Py<PyType>>,
    /// Whether it compares what is stored, whatever that means.
    stored: bool,
}

impl Condition {
    fn joined(&self, py: Python<'_>, other: &Self, tree: condition::Condition) -> Self {
        let mut owners: Vec<_> = self
            .owners
            .iter()
            .map(|owner| owner.clone_ref(py))
            .collect();
        for owner in &other.owners {
            if !owners.iter().any(|known| known.is(owner)) {
                owners.push(owner.clone_ref(py));
            }
        }
        let stored = self.stored && other.stored;
        Self {
            tree,
            owners,
            stored,
        }
    }
}

#[pymethods]
impl Condition {
    /// What a boolean path is by itself.
    #[new]
    #[pyo3(signature = (path, /, *_rest))]
    fn new(path: &Bound<'_, PyAny>, _rest: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let Ok(path) = path.cast::<Path>() else {
            return Err(PyTypeError::new_err(
                "conditions are made by comparing paths, as in User.age > 3",
            ));
        };
        let truth = PyBool::new(path.py(), true);
        path.get().left().compare("=", truth.as_any())
    }

    fn __and__(&self, other: &Bound<'_, Self>) -> PyResult<Self> {
        let (py, other) = (other.py(), other.get());
        let joined = self.tree.and(&other.tree);
        joined
            .map(|tree| self.joined(py, other, tree))
            .map_err(|error| refused(py, &error))
    }

    fn __or__(&self, other: &Bound<'_, Self>) -> PyResult<Self> {
        let (py, other) = (other.py(), other.get());
        let joined = self.tree.or(&other.tree);
        joined
            .map(|tree| self.joined(py, other, tree))
            .map_err(|error| refused(py, &error))
    }

    fn __invert__(&self, py: Python<'_>) -> PyResult<Self> {
        let opposite = self.tree.not();
        opposite
            .map(|tree| self.joined(py, self, tree))
            .map_err(|error| refused(py, &error))
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err(format!(
            "the condition {} has no truth value in Python: use & | ~ instead of and, or, not, write a.between(x, y) for x <= a <= y, and put parentheses around each comparison",
            self.tree
        )))
    }

    /// The text of the condition with its values, as DynamoDB's expressions are written; ``repr`` shows it without values.
    fn explain(&self) -> String {
        self.tree.explain()
    }

    fn __repr__(&self) -> String {
        format!("<condition {}>", self.tree)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.owners.iter().try_for_each(|owner| visit.call(owner))
    }
}

/// One thing that an update does to an item, made by a path: ``User.age.add(1)``.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Action {
    action: action::Action,
    /// The class through which its path was taken.
    owner: Option<Py<PyType>>,
}

#[pymethods]
impl Action {
    /// The text of the action with its values, as DynamoDB's expressions are written; ``repr`` shows it without values.
    fn explain(&self) -> String {
        self.action.explain()
    }

    fn __repr__(&self) -> String {
        format!("<action {}>", self.action)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.owner
            .as_ref()
            .map_or(Ok(()), |owner| visit.call(owner))
    }
}

/// A caller's condition, if there is one.
pub(crate) fn condition_of<'a, 'py>(
    given: &'a Bound<'py, PyAny>,
) -> PyResult<Option<&'a Bound<'py, Condition>>> {
    if given.is_none() {
        return Ok(None);
    }
    match given.cast::<Condition>() {
        Ok(condition) => Ok(Some(condition)),
        Err(_) => Err(PyTypeError::new_err(format!(
            "condition= takes a condition such as User.age > 3, not {}",
            given.repr()?
        ))),
    }
}

/// A caller's condition on items of a model, if there is one.
pub(crate) fn condition_on<'a, 'py>(
    given: &'a Bound<'py, PyAny>,
    schema: &Schema,
) -> PyResult<Option<&'a Bound<'py, Condition>>> {
    let condition = condition_of(given)?;
    if let Some(condition) = condition {
        check_owners(condition, schema)?;
    }
    Ok(condition)
}

/// Refuses a condition on items of another model.
pub(crate) fn check_owners(condition: &Bound<'_, Condition>, schema: &Schema) -> PyResult<()> {
    let said = condition.get();
    for owner in &said.owners {
        check_owner(schema, owner.bind(condition.py()), || {
            format!("the condition {}", said.tree)
        })?;
    }
    for path in said.tree.paths() {
        refuse_split(condition.py(), schema, path)?;
    }
    if schema.protected.is_some() && !said.stored {
        let mut paths = said.tree.compared().into_iter();
        if let Some(field) = paths.find_map(|path| protected_at(schema, path)) {
            let (name, field) = (&schema.name, &field.text);
            let message = format!(
                "{name}.{field} is stored encrypted or compressed, and DynamoDB cannot compare it: it can be asked for .exists() and .not_exists() only"
            );
            return Err(validation_error(condition.py(), &message));
        }
    }
    Ok(())
}

/// Refuses a path of several names that stands for one attribute with dots in its name.
fn refuse_split(py: Python<'_>, schema: &Schema, path: &path::Path) -> PyResult<()> {
    let knows = |name: &str| schema.by_attribute(name, usize::MAX).is_some();
    match path.as_one_name() {
        Some(name) if knows(&name) && !knows(path.attribute()) => Err(split_name(py, &name)),
        _ => Ok(()),
    }
}

/// The protected attribute that a path starts at.
fn protected_at<'a>(schema: &'a Schema, path: &path::Path) -> Option<&'a Field> {
    let index = schema.by_attribute(path.attribute(), usize::MAX)?;
    let field = schema.field(index);
    field.protected.is_some().then_some(field)
}

/// What is said of one model is not asked of another; a base class may speak of what its subclasses have, and they of it.
fn check_owner(
    schema: &Schema,
    owner: &Bound<'_, PyType>,
    what: impl FnOnce() -> String,
) -> PyResult<()> {
    let py = owner.py();
    let model = schema.model(py);
    if model.is(owner) || model.is_subclass(owner)? || owner.is_subclass(model)? {
        return Ok(());
    }
    let message = format!(
        "{} is about {} and not about {}",
        what(),
        owner.name()?,
        schema.name
    );
    Err(validation_error(py, &message))
}

/// Why no action changes a key.
pub(crate) const IS_KEY: &str =
    "is a key and cannot change: an item with another key is another item";

/// A caller's actions on items of a model, checked together.
pub(crate) fn actions_on(given: &Bound<'_, PyTuple>, schema: &Schema) -> PyResult<Actions> {
    let actions = actions_of(given, fixed_of(schema))?;
    for one in given.iter() {
        if let Ok(action) = one.cast::<Action>()
            && let Some(owner) = &action.get().owner
        {
            check_owner(schema, owner.bind(given.py()), || {
                format!("the action {}", action.get().action)
            })?;
        }
        if let Ok(action) = one.cast::<Action>() {
            refuse_split(given.py(), schema, action.get().action.path())?;
        }
        if schema.protected.is_some()
            && let Ok(action) = one.cast::<Action>()
            && let action = &action.get().action
            && let Some(field) = protected_at(schema, action.path())
            && !action.suits_protected()
        {
            let (name, field) = (&schema.name, &field.text);
            let message = format!(
                "{name}.{field} is stored encrypted or compressed, and DynamoDB cannot look inside: write {name}.{field}.set(...) or .remove()"
            );
            return Err(validation_error(given.py(), &message));
        }
    }
    Ok(actions)
}

/// A caller's actions, checked together; `fixed` knows by stored name why an attribute may not be changed by any.
pub(crate) fn actions_of(
    given: &Bound<'_, PyTuple>,
    fixed: impl Fn(&str) -> Option<Cow<'static, str>>,
) -> PyResult<Actions> {
    let py = given.py();
    let mut actions = Vec::with_capacity(given.len());
    for one in given.iter() {
        let Ok(action) = one.cast::<Action>() else {
            return Err(PyTypeError::new_err(format!(
                "an update takes actions such as User.age.add(1), not {}",
                one.repr()?
            )));
        };
        let action = &action.get().action;
        if let Some(why) = fixed(action.path().attribute()) {
            return Err(validation_error(py, &format!("{} {why}", action.path())));
        }
        actions.push(action.clone());
    }
    Actions::new(actions).map_err(|error| refused(py, &error))
}

/// Why an attribute of a model, by its stored name, may not be changed.
fn fixed_of(schema: &Schema) -> impl Fn(&str) -> Option<Cow<'static, str>> + '_ {
    |name| {
        let index = schema.by_attribute(name, usize::MAX)?;
        let field = schema.field(index);
        if field.role != Role::Attribute {
            Some(IS_KEY.into())
        } else if field.is_managed() {
            Some("is kept by pydynox: every write sets it".into())
        } else if let Some(template) = schema.template_of(&field.text) {
            let text = template.describe(schema);
            Some(format!("is made of {text:?}: set what it is made of").into())
        } else if moves_the_item(schema, index).is_some() {
            Some(
                "is part of the key and cannot change: an item with another key is another item"
                    .into(),
            )
        } else if field.immutable {
            Some("is immutable: it cannot change once the item is stored".into())
        } else {
            None
        }
    }
}
