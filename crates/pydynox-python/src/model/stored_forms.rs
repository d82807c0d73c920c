//! Stored forms: whether the times in the keys of loaded items have the declared form. A key in another form reads as the same
//! value and is not found by it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pydynox_core::number::Number;
use pydynox_core::time::{BUILT_IN, Form, Of, fitting_number, fitting_text};
use pydynox_core::wire::{Reader, Tag, WireError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::model::template::Template;
use crate::values::field::{Field, Role};
use crate::values::layout::Layout;
use pydynox_core::field_set::FieldSet;

/// Maximum number of differing keys whose form is searched for: an item without a form that fits costs a search.
const TRIES: usize = 16;

/// The keys of a model, and of its indexes, that hold times.
#[derive(Debug)]
pub(crate) struct StoredForms {
    watched: FieldSet,
    /// The templates, by position, that build keys from datetimes.
    templates: Box<[usize]>,
    /// How many keys were built otherwise.
    tries: AtomicUsize,
    /// By field, the forms that a warning named.
    warned: Mutex<Vec<(usize, String)>>,
}

/// A stored text or number.
struct Scalar {
    is_number: bool,
    text: String,
}

impl StoredForms {
    /// Those of a model; None where no key holds a time.
    pub(super) fn of(
        layout: &Layout,
        templates: &[Template],
        is_index_key: impl Fn(usize) -> bool,
    ) -> Option<Box<Self>> {
        let is_key =
            |index: usize| layout.field(index).role != Role::Attribute || is_index_key(index);
        let built = templates
            .iter()
            .enumerate()
            .filter_map(|(position, template)| {
                (is_key(template.target) && template.writes_datetimes(layout)).then_some(position)
            });
        let templates: Box<[usize]> = built.collect();
        let mut watched = FieldSet::default();
        let mut any = !templates.is_empty();
        for (index, field) in layout.fields().enumerate() {
            if is_key(index) && field.kind.time_form().is_some() {
                watched.insert(index);
                any = true;
            }
        }
        any.then(|| {
            Box::new(Self {
                watched,
                templates,
                tries: AtomicUsize::new(0),
                warned: Mutex::default(),
            })
        })
    }

    #[inline]
    pub(crate) fn watches(&self, index: usize) -> bool {
        self.watched.contains(index)
    }

    /// Warns, once for each form, of a stored key that is not in the form that its class declares.
    #[inline(never)]
    pub(crate) fn check(
        &self,
        py: Python<'_>,
        model: &str,
        (index, field): (usize, &Field),
        json: &[u8],
    ) -> PyResult<()> {
        let Some((form, of)) = field.kind.time_form() else {
            return Ok(());
        };
        let Ok(Some(stored)) = Scalar::read(json) else {
            return Ok(());
        };
        let fits = stored.is_number == form.is_number()
            && if stored.is_number {
                form.writes_number(&stored.text, of)
            } else {
                form.is_form_of(&stored.text, of)
            };
        if fits {
            return Ok(());
        }
        let fitting = stored.fitting(of);
        let name = fitting
            .as_ref()
            .map_or_else(String::new, |form| form.name().into_owned());
        if !self.is_new(index, &name) {
            return Ok(());
        }
        let message = format!(
            "{model}.{} is a key with format={:?}, and an item has it in another form, so get(), queries and conditions do not find the item by the value: {}",
            field.text,
            form.name(),
            remedy(fitting.as_ref(), &name)
        );
        warn(py, &message)
    }

    /// Warns of a stored key that is built from datetimes in another form than its class declares. `get` returns the value of a
    /// field.
    #[inline]
    pub(crate) fn check_built<'py>(
        &self,
        py: Python<'py>,
        layout: &Layout,
        templates: &[Template],
        get: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        for position in &self.templates {
            let template = &templates[*position];
            let stored = get(template.target)?;
            let Ok(stored) = stored.cast::<PyString>() else {
                continue;
            };
            let stored = stored.to_string_lossy();
            if let Ok(Some(text)) = template.text(layout, &get)?
                && text == stored
            {
                continue;
            }
            self.look_into(py, layout, template, (&stored, &get))?;
        }
        Ok(())
    }

    #[cold]
    fn look_into<'py>(
        &self,
        py: Python<'py>,
        layout: &Layout,
        template: &Template,
        (stored, get): (&str, &impl Fn(usize) -> PyResult<Bound<'py, PyAny>>),
    ) -> PyResult<()> {
        if self.tries.fetch_add(1, Ordering::Relaxed) >= TRIES {
            return Ok(());
        }
        for format in BUILT_IN {
            let Ok(form) = Form::declared(format, Of::Datetime) else {
                continue;
            };
            let text = template.text_as(layout, Some(&form), get)?;
            let fits = text.is_ok_and(|text| text.as_deref() == Some(stored));
            if !fits || !self.is_new(template.target, format) {
                continue;
            }
            let (model, field) = (&layout.name, &layout.field(template.target).text);
            let built = template.describe(layout);
            return warn(
                py,
                &format!(
                    "{model}.{field} is a key built from {built:?}, and an item has datetimes in it in another form than declared, so get(), queries and conditions do not find the item by them: {}",
                    remedy(Some(&form), format)
                ),
            );
        }
        Ok(())
    }

    fn is_new(&self, index: usize, name: &str) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = warned
            .iter()
            .any(|(field, form)| *field == index && form == name);
        if !is_old {
            warned.push((index, name.to_owned()));
        }
        !is_old
    }
}

impl Scalar {
    /// None for a value of another type.
    fn read(json: &[u8]) -> Result<Option<Self>, WireError> {
        let mut r = Reader::new(json)?;
        Ok(match r.begin_value()? {
            Tag::S => Some(Self {
                is_number: false,
                text: r.string()?.decode()?.into_owned(),
            }),
            Tag::N => {
                let text = r.string()?.decode()?.into_owned();
                let number = Number::parse(&text).ok();
                number.map(|number| Self {
                    is_number: true,
                    text: number.as_str().to_owned(),
                })
            }
            _ => None,
        })
    }

    fn fitting(&self, of: Of) -> Option<Form> {
        if self.is_number {
            fitting_number(&self.text, of)
        } else {
            fitting_text(&self.text, of)
        }
    }
}

fn warn(py: Python<'_>, message: &str) -> PyResult<()> {
    py.import(intern!(py, "pydynox._declaration.stored_forms"))?
        .call_method1(intern!(py, "warn_of_form"), (message,))?;
    Ok(())
}

fn remedy(fitting: Option<&Form>, name: &str) -> String {
    let Some(form) = fitting else {
        return "no format fits it: write the items again under keys in one form".to_owned();
    };
    match form.order_problem() {
        None => format!("if all of them are like that, declare format={name:?}"),
        Some(problem) => format!(
            "it is in the form of format={name:?}, which no key can have ({problem}): write the items again under keys in one form"
        ),
    }
}
