//! Paths: the place of a value in an item, either an attribute or something inside it.

use std::fmt::Write as _;

use pydynox_core::expression::action::{self, Source};
use pydynox_core::expression::condition::{self, Comparator, Function, Operand};
use pydynox_core::expression::path::{self, Step};
use pydynox_core::wire::{Writer, is_set};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PyList, PySet, PyTuple, PyType};

use crate::exceptions::{is_misfit, misfit, validation_error, validation_errors};
use crate::model::action::Action;
use crate::model::condition::Condition;
use crate::values::encode::write_value;
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::problem::Problem;
use crate::values::{input, missing};
use pydynox_core::problem::depth::check_level;

static ANY: Kind = Kind::Any;
static INT: Kind = Kind::Int;

/// The path to an attribute, or to a place inside it.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Path {
    pub(crate) place: path::Path,
    /// The attribute that it starts at; None if no model declares one.
    pub(crate) field: Option<Py<Field>>,
    /// The class through which it was taken.
    pub(crate) owner: Option<Py<PyType>>,
    pub(crate) owner_name: Box<str>,
}

impl Path {
    pub(crate) fn kind(&self) -> &Kind {
        let Some(field) = &self.field else {
            return &ANY;
        };
        // Every path has a first step, the attribute itself.
        let mut steps = self.place.steps()[1..].iter();
        steps
            .try_fold(&field.get().kind, Kind::inside)
            .unwrap_or(&ANY)
    }

    /// How it reads where nothing is stored, as on an instance; None after an index, a map key or an Optional, which may lead
    /// nowhere.
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

    /// Names model and attribute in the error of a value at this path.
    #[cold]
    pub(crate) fn tell_owner(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let Some(field) = &self.field else {
            return error;
        };
        let value = error.value(py);
        let add_owner = || -> PyResult<()> {
            if is_misfit(py, &error)? {
                value.setattr(intern!(py, "model"), &*self.owner_name)?;
                value.setattr(intern!(py, "attribute"), &*field.get().text)?;
            }
            Ok(())
        };
        match add_owner() {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// A condition on this path.
    pub(crate) fn condition(&self, py: Python<'_>, tree: condition::Condition) -> Condition {
        Condition {
            tree,
            owners: self.owners(py),
            stored: false,
        }
    }

    pub(crate) fn action(&self, py: Python<'_>, action: action::Action) -> Action {
        Action {
            action,
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
        }
    }

    fn owners(&self, py: Python<'_>) -> Vec<Py<PyType>> {
        self.owner.iter().map(|owner| owner.clone_ref(py)).collect()
    }

    pub(crate) fn left(&self) -> Left<'_> {
        Left {
            operand: Operand::Path(self.place.clone()),
            kind: self.kind(),
            path: self,
        }
    }

    pub(crate) fn encoded(&self, kind: &Kind, value: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
        // The value is nested in this many lists and maps.
        let depth = self.place.steps().len() - 1;
        let mut w = Writer::with_capacity(32);
        let problem =
            match check_level(depth).and_then(|()| write_value(&mut w, kind, value, depth)) {
                Ok(()) => return Ok(w.into_bytes().into()),
                Err(problem) => problem,
            };
        w.truncate(0);
        input::from_dictionaries(kind, value, problem)
            .and_then(|converted| write_value(&mut w, kind, &converted, depth))
            .map_err(|problem| self.refuse(value.py(), &problem))?;
        Ok(w.into_bytes().into())
    }

    #[cold]
    pub(crate) fn refuse(&self, py: Python<'_>, problem: &Problem) -> PyErr {
        let attribute = match &self.field {
            Some(field) => field.get().text.to_string(),
            None => self.place.to_string(),
        };
        let label = self.label();
        let message = match &self.field {
            Some(field) => field.get().describe_as("", &label, problem),
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

    /// Refuses to compare a time with one that is stored in another form, or to copy it: DynamoDB sees two texts. So for times
    /// in lists, sets and maps.
    pub(crate) fn check_form(&self, kind: &Kind, other: &Bound<'_, Self>) -> PyResult<()> {
        let Some((one, two)) = kind.unlike_forms(other.get().kind()) else {
            return Ok(());
        };
        let (label, other_label) = (self.label(), other.get().label());
        let message = format!(
            "{label} has format={:?} and {other_label} has format={:?}: DynamoDB compares and copies what is stored, so declare one format for both",
            one.name(),
            two.name()
        );
        Err(validation_error(other.py(), &message))
    }

    /// A value inside an action: of a path, of a term, or encoded.
    pub(crate) fn source(&self, value: &Bound<'_, PyAny>) -> PyResult<Source> {
        if let Ok(path) = value.cast::<Self>() {
            self.check_form(self.kind(), path)?;
            return Ok(Source::Path(path.get().place.clone()));
        }
        if let Ok(term) = value.cast::<Term>() {
            self.check_form(self.kind(), term.get().base.bind(value.py()))?;
            return match &term.get().term {
                action::Term::Source(source) => Ok(source.clone()),
                _ => Err(one_sum()),
            };
        }
        Ok(Source::Value(self.encoded(self.kind().present(), value)?))
    }

    pub(crate) fn function(
        &self,
        function: Function,
        kind: &Kind,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Condition> {
        let operand = match value.cast::<Self>() {
            Ok(path) => {
                self.check_form(kind, path)?;
                Operand::Path(path.get().place.clone())
            }
            Err(_) => Operand::Value(self.encoded(kind, value)?),
        };
        let tree = condition::Condition::function(function, self.place.clone(), operand);
        Ok(self.condition(value.py(), tree))
    }

    /// The members of a set, as a set; for a path without a type, a single set is taken as its members.
    pub(crate) fn members(&self, values: &Bound<'_, PyTuple>, verb: &str) -> PyResult<Box<[u8]>> {
        let py = values.py();
        if values.is_empty() {
            return Err(self.refuse_none(py, verb));
        }
        let kind = self.kind().present();
        if matches!(kind, Kind::Any) && values.len() == 1 {
            let one = self.encoded(kind, &values.get_item(0)?)?;
            if is_set(&one) {
                return Ok(one);
            }
        }
        if matches!(kind, Kind::FrozenSet(_)) {
            return self.encoded(kind, PyFrozenSet::new(py, values.iter())?.as_any());
        }
        self.encoded(kind, PySet::new(py, values.iter())?.as_any())
    }

    pub(crate) fn extended(&self, values: &Bound<'_, PyTuple>, before: bool) -> PyResult<Action> {
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

    pub(crate) fn term(slf: &Bound<'_, Self>, term: action::Term) -> Term {
        Term {
            term,
            base: slf.clone().unbind(),
        }
    }
}

/// The left side of a comparison: what it is, how the other side's values are stored, and what messages call it.
pub(crate) struct Left<'a> {
    pub(crate) operand: Operand,
    pub(crate) kind: &'a Kind,
    pub(crate) path: &'a Path,
}

impl Left<'_> {
    pub(crate) fn compare(self, comparator: &str, other: &Bound<'_, PyAny>) -> PyResult<Condition> {
        let comparator = match comparator {
            "=" => Comparator::Equal,
            "<>" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            // expressions.py passes one of six, and this is the sixth.
            _ => Comparator::GreaterOrEqual,
        };
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            self.check_order(other.py())?;
        }
        let right = self.beside(other)?;
        let tree = condition::Condition::compare(comparator, self.operand, right);
        Ok(self.path.condition(other.py(), tree))
    }

    pub(crate) fn between(
        self,
        low: &Bound<'_, PyAny>,
        high: &Bound<'_, PyAny>,
    ) -> PyResult<Condition> {
        let py = low.py();
        self.check_order(py)?;
        let (low, high) = (self.beside(low)?, self.beside(high)?);
        let tree = condition::Condition::between(self.operand, low, high);
        Ok(self.path.condition(py, tree))
    }

    pub(crate) fn among(self, values: &Bound<'_, PyTuple>) -> PyResult<Condition> {
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

    /// Refuses what compares the order of texts that do not sort as the times they stand for.
    fn check_order(&self, py: Python<'_>) -> PyResult<()> {
        let form = self.kind.time_form().map(|(form, _)| form);
        let Some((form, problem)) = form.and_then(|form| Some((form, form.order_problem()?)))
        else {
            return Ok(());
        };
        let label = self.path.label();
        let message = format!(
            "{label} has format={:?}, and DynamoDB compares its text: {problem}. Compare it with == or in_(), or declare a format that sorts",
            form.name()
        );
        Err(validation_error(py, &message))
    }

    /// The other side: a path, a size, or a value of this side's kind.
    fn beside(&self, other: &Bound<'_, PyAny>) -> PyResult<Operand> {
        if let Ok(path) = other.cast::<Path>() {
            self.path.check_form(self.kind, path)?;
            return Ok(Operand::Path(path.get().place.clone()));
        }
        if let Ok(size) = other.cast::<Size>() {
            return Ok(Operand::Size(size.get().0.get().place.clone()));
        }
        if other.is_instance_of::<Term>() {
            return Err(PyTypeError::new_err(
                "sums, differences and if_not_exists() belong inside set(): DynamoDB's conditions do not support them",
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

pub(crate) fn one_sum() -> PyErr {
    PyTypeError::new_err("DynamoDB adds or subtracts once in a SET: give two operands, not three")
}

/// The size of the value at a path.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Size(pub(crate) Py<Path>);

/// What `set()` takes in addition to values and paths: a sum, a difference, `if_not_exists`.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Term {
    pub(crate) term: action::Term,
    pub(crate) base: Py<Path>,
}

impl Term {
    pub(crate) fn with(
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

impl Size {
    pub(crate) fn left(&self) -> Left<'_> {
        Left {
            operand: Operand::Size(self.0.get().place.clone()),
            kind: &INT,
            path: self.0.get(),
        }
    }
}
