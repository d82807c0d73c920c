//! Concealed values: encrypted ones are kept outside an instance's `__dict__`, which serializers and debuggers read.

use pyo3::exceptions::PyAttributeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::model::instance::Instance;
use crate::values::assignment::undeletable;

/// A model class has this under the name of an encrypted attribute. As a data descriptor it comes before the instance's
/// `__dict__`, so reads, assignments and everything that the border does by name arrive here.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Concealed {
    name: Py<PyString>,
}

#[pymethods]
impl Concealed {
    #[new]
    fn new(name: &Bound<'_, PyString>) -> PyResult<Self> {
        Ok(Self {
            name: PyString::intern(name.py(), name.to_str()?).unbind(),
        })
    }

    /// The value of an instance; on the class, the path to the attribute, as for any other.
    fn __get__<'py>(
        &self,
        instance: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = self.name.bind(py);
        if let Some(instance) = instance.filter(|instance| !instance.is_none()) {
            let state = instance.cast::<Instance>()?.borrow();
            let value = match &state.concealed {
                Some(values) => values.bind(py).get_item(name)?,
                None => None,
            };
            return value.ok_or_else(|| PyAttributeError::new_err(name.clone().unbind()));
        }
        let owner = owner.ok_or_else(|| PyAttributeError::new_err(name.clone().unbind()))?;
        owner
            .get_type()
            .getattr(intern!(py, "__getattr__"))?
            .call1((owner, name))
    }

    fn __set__(&self, instance: &Bound<'_, Instance>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = instance.py();
        values_of(instance).set_item(self.name.bind(py), value)
    }

    fn __delete__(&self, instance: &Bound<'_, Instance>) -> PyResult<()> {
        Err(undeletable(instance, self.name.bind(instance.py()))?)
    }
}

/// The dictionary of an instance's concealed values. Nothing is borrowed while it changes: the values that it drops may run code
/// that uses the instance.
fn values_of<'py>(instance: &Bound<'py, Instance>) -> Bound<'py, PyDict> {
    let py = instance.py();
    if let Some(values) = &instance.borrow().concealed {
        return values.bind(py).clone();
    }
    let values = PyDict::new(py);
    instance.borrow_mut().concealed = Some(values.clone().unbind());
    values
}

/// The values that an instance's `__dict__` does not show, by name; a new dictionary.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn concealed_values<'py>(
    instance: &Bound<'py, Instance>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = instance.py();
    let state = instance.borrow();
    match &state.concealed {
        Some(values) => values.bind(py).copy(),
        None => Ok(PyDict::new(py)),
    }
}

/// Restore such values to an instance, unchecked.
#[pyfunction]
#[pyo3(signature = (instance, values, /))]
pub(crate) fn set_concealed(
    instance: &Bound<'_, Instance>,
    values: &Bound<'_, PyDict>,
) -> PyResult<()> {
    if values.is_empty() {
        return Ok(());
    }
    values_of(instance).update(values.as_mapping())
}
