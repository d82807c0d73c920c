//! The one error type of the core: what went wrong, where, and whether trying again can help.

mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use kind::{CancellationReason, ErrorKind};

/// An error with its context; the size of one pointer.
///
/// ```
/// use pydynox_core::error::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Validation, "must not be empty").with_table("users").with_attribute("email");
/// assert_eq!(error.to_string(), "attribute 'email' of table 'users': must not be empty");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: Box<str>,
    operation: Option<Box<str>>,
    table: Option<Box<str>>,
    model: Option<Box<str>>,
    attribute: Option<Box<str>>,
    other_entity: Option<Box<str>>,
    request_id: Option<Box<str>>,
    status: Option<u16>,
    code: Option<Box<str>>,
    attempts: u32,
    elapsed: Option<Duration>,
    retryable: bool,
    ambiguous: bool,
    applied: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind; the message says what was wrong and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            table: None,
            model: None,
            attribute: None,
            other_entity: None,
            request_id: None,
            status: None,
            code: None,
            attempts: 0,
            elapsed: None,
            retryable: false,
            ambiguous: false,
            applied: false,
            source: None,
        }))
    }

    /// Says more precisely what went wrong.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Names the `DynamoDB` operation.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Box<str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// Names the table.
    #[must_use]
    pub fn with_table(mut self, table: impl Into<Box<str>>) -> Self {
        self.0.table = Some(table.into());
        self
    }

    /// Names the model.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<Box<str>>) -> Self {
        self.0.model = Some(model.into());
        self
    }

    /// Names the attribute.
    #[must_use]
    pub fn with_attribute(mut self, attribute: impl Into<Box<str>>) -> Self {
        self.0.attribute = Some(attribute.into());
        self
    }

    /// Names the entity of the item that was found under the key instead of one of the model's own.
    #[must_use]
    pub fn with_other_entity(mut self, entity: impl Into<Box<str>>) -> Self {
        self.0.other_entity = Some(entity.into());
        self
    }

    /// Adds the service's id of the request.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<Box<str>>) -> Self {
        self.0.request_id = Some(request_id.into());
        self
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the service's own name for the error.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Box<str>>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Says how many attempts were made.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Says how long the operation took, all attempts and pauses together.
    #[must_use]
    pub fn with_elapsed(mut self, elapsed: Duration) -> Self {
        self.0.elapsed = Some(elapsed);
        self
    }

    /// Says whether the same request may succeed later.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Says whether an attempt of this call may have been applied despite the error.
    #[must_use]
    pub fn with_ambiguous(mut self, ambiguous: bool) -> Self {
        self.0.ambiguous = ambiguous;
        self
    }

    /// Says whether the write is known to have been applied (its answer was unusable).
    #[must_use]
    pub fn with_applied(mut self, applied: bool) -> Self {
        self.0.applied = applied;
        self
    }

    /// Keeps the error that led to this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The message alone, without the context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The `DynamoDB` operation.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The table.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The model.
    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// The attribute.
    pub fn attribute(&self) -> Option<&str> {
        self.0.attribute.as_deref()
    }

    /// The entity of the item that was found under the key instead of one of the model's own.
    pub fn other_entity(&self) -> Option<&str> {
        self.0.other_entity.as_deref()
    }

    /// The service's id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The HTTP status of the last answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own name for the error.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// How many attempts were made; 0 when nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the operation took.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// Whether the same request may succeed later.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether an attempt of this call may have been applied despite the error.
    pub fn ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    /// Whether the write is known to have been applied.
    pub fn applied(&self) -> bool {
        self.0.applied
    }

    /// The error that led to this one, if it is also an [`Error`].
    pub fn cause(&self) -> Option<&Error> {
        self.0
            .source
            .as_deref()
            .and_then(|source| source.downcast_ref())
    }

    /// Why the service throttled, as `(reason, resource)`; empty for any other kind.
    pub fn throttling_reasons(&self) -> &[(String, String)] {
        match &self.0.kind {
            ErrorKind::Throttling { reasons } => reasons,
            _ => &[],
        }
    }

    /// Whether it is about one stored value, so that others next to it can be read.
    pub fn is_about_one_value(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Encryption | ErrorKind::Serialization
        ) && !self.retryable()
    }

    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut link = "";
        if let Some(operation) = self.operation() {
            f.write_str(operation)?;
            link = " on ";
        }
        if let Some(attribute) = self.attribute() {
            write!(f, "{link}attribute '{attribute}'")?;
            link = " of ";
        }
        if let Some(model) = self.model() {
            write!(f, "{link}{model}")?;
            link = " in ";
        }
        if let Some(table) = self.table() {
            write!(f, "{link}table '{table}'")?;
            link = " ";
        }
        if link.is_empty() {
            Ok(())
        } else {
            f.write_str(": ")
        }
    }

    /// The limits that were reached, and on which resources.
    fn write_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (reason, resource)) in self.throttling_reasons().iter().enumerate() {
            f.write_str(if place == 0 { ": " } else { ", " })?;
            f.write_str(reason)?;
            if !resource.is_empty() {
                write!(f, " of {resource}")?;
            }
        }
        Ok(())
    }

    /// What to do about what the service says, where it is one of the usual reasons.
    fn remedy(&self) -> &'static str {
        let message = self.message();
        let is_table =
            message == "Requested resource not found" || message.contains("not found: Table: ");
        if self.0.kind == ErrorKind::TableNotFound && is_table {
            "; table.create() creates it; or check the region, table_prefix= and which client is used: each memory:// has its own tables"
        } else if message.starts_with("Table already exists") {
            "; table.ensure() creates only what is missing"
        } else if message.contains("does not have the specified index") {
            "; table.ensure() creates the indexes that a model declares"
        } else {
            ""
        }
    }

    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut details = Vec::new();
        if let Some(code) = self.code() {
            details.push(code.to_owned());
        }
        if let Some(status) = self.status() {
            details.push(format!("status {status}"));
        }
        if self.attempts() > 1 {
            details.push(format!("{} attempts", self.attempts()));
        }
        if let Some(request_id) = self.request_id() {
            details.push(format!("request id {request_id}"));
        }
        if details.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", details.join(", "))
    }
}

impl fmt::Display for Error {
    /// One line: where, what, and the details that support staff ask for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_place(f)?;
        f.write_str(self.message())?;
        self.write_limits(f)?;
        f.write_str(self.remedy())?;
        self.write_details(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests;
