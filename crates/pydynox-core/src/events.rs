//! Events: what happened during calls and between them, described for whatever observes a client.
//!
//! Nothing is built unless it is wanted. A call's events wait in its [`Trace`] until the caller takes them; those that belong to no
//! call, such as an idle connection that was closed, wait in the client's [`Stream`].

mod stream;
mod trace;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::error::Error;
use crate::transport::{Address, ConnectionTimes, Operation};

pub use stream::{EVERYWHERE, Stream, Wanted};
pub use trace::Trace;
pub(crate) use trace::{note_here, within};

macro_rules! kinds {
    ($($name:ident $text:literal $bit:literal),+ $(,)?) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $(
                #[doc = concat!("`", $text, "`")]
                $name,
            )+
        }

        impl Kind {
            /// Its name, as programs compare it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The kind of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// All of them.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            const fn bit(self) -> u32 {
                match self {
                    $(Self::$name => 1 << $bit,)+
                }
            }
        }
    };
}

kinds! {
    CallStarted "call_started" 0,
    AttemptEnded "attempt_ended" 1,
    RetryPlanned "retry_planned" 2,
    Throttled "throttled" 3,
    CallEnded "call_ended" 4,
    CallCancelled "call_cancelled" 5,
    ConnectionOpened "connection_opened" 6,
    ConnectionDropped "connection_dropped" 7,
    CredentialsRenewed "credentials_renewed" 8,
    DataKeyMade "data_key_made" 9,
    DataKeyUnwrapped "data_key_unwrapped" 10,
    PageRead "page_read" 11,
    BatchFlushed "batch_flushed" 12,
}

/// A set of kinds, and what their events contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u32);

impl Kinds {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Of the attempts, those of calls that needed more than one: they failed, or follow one that did.
    pub const REPEATED_ATTEMPTS: Self = Self(1 << 29);
    /// The bodies of requests and responses, which contain keys and values.
    pub const BODIES: Self = Self(1 << 30);
    /// What calls consume, which requests have to ask for.
    pub const CAPACITY: Self = Self(1 << 31);

    /// Whether nothing is wanted.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// This kind too.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this kind is wanted.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether all of `others` are wanted.
    pub fn covers(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The same as a number, to store it.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// From that number.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The call that events are about.
#[derive(Debug, Clone)]
pub struct About {
    /// Unique among the calls of a process.
    pub number: u64,
    /// The operation.
    pub operation: Operation,
    /// The tables, by the names that were sent.
    pub tables: Vec<Arc<str>>,
    /// The index of a query or scan.
    pub index: Option<Box<str>>,
    /// How many items or operations a batch or transaction consists of.
    pub size: Option<usize>,
    /// The number of the batch that the call is a part of.
    pub batch: Option<NonZeroU64>,
    /// Length of the request's body in bytes.
    pub request_size: usize,
    /// The request's body, if it is wanted: protected values are in their stored form.
    pub request: Option<Bytes>,
}

/// One thing that happened. It contains neither keys nor values, except in the bodies, which exist only where they are wanted.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// When it happened; with a duration, when that ended.
    pub at: SystemTime,
    /// The call, if it happened in one.
    pub about: Option<Arc<About>>,
    /// Details; all others are empty.
    pub details: Details,
}

impl Event {
    /// The operation: of `DynamoDB`, or of the source of data keys.
    pub fn operation(&self) -> Option<&str> {
        match self.kind {
            Kind::DataKeyMade => Some("GenerateDataKey"),
            Kind::DataKeyUnwrapped => Some("Decrypt"),
            _ => self.about.as_ref().map(|about| about.operation.name()),
        }
    }

    /// The kinds that it belongs to.
    pub fn kinds(&self) -> Kinds {
        let kinds = Kinds::NONE.with(self.kind);
        if self.kind == Kind::AttemptEnded && self.details.is_repeated_attempt() {
            return kinds.and(Kinds::REPEATED_ATTEMPTS);
        }
        kinds
    }

    /// Whether it holds the body of its request or response.
    pub fn has_bodies(&self) -> bool {
        self.details.response.is_some()
            || self
                .about
                .as_ref()
                .is_some_and(|about| about.request.is_some())
    }

    /// The same event for an observer that did not ask for bodies.
    #[must_use]
    pub fn without_bodies(&self) -> Self {
        let about = self.about.as_ref().map(|about| {
            Arc::new(About {
                request: None,
                ..About::clone(about)
            })
        });
        Self {
            about,
            details: Details {
                response: None,
                ..self.details.clone()
            },
            ..self.clone()
        }
    }
}

/// What is known of an event, depending on its kind.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// How long it took.
    pub elapsed: Option<Duration>,
    /// The number of the attempt, from 1; of a call that ended, how many there were.
    pub attempt: Option<u32>,
    /// The pause before the next attempt.
    pub pause: Option<Duration>,
    /// The HTTP status of the response.
    pub status: Option<u16>,
    /// The service's id of the request.
    pub request_id: Option<Box<str>>,
    /// Why it failed.
    pub error: Option<Error>,
    /// Read units that were consumed.
    pub read_units: Option<f64>,
    /// Write units that were consumed.
    pub write_units: Option<f64>,
    /// Length of the response's body in bytes.
    pub response_size: Option<usize>,
    /// The response's body, if it is wanted.
    pub response: Option<Bytes>,
    /// How many items a page contains, or a batch has processed.
    pub items: Option<u64>,
    /// How many items were examined for a page.
    pub scanned: Option<u64>,
    /// How many items of a batch are unprocessed.
    pub unprocessed: Option<u64>,
    /// Where a connection leads, or the call went.
    pub address: Option<Arc<Address>>,
    /// Why a connection was dropped, or an attempt had none.
    pub reason: Option<&'static str>,
    /// The connection of an attempt; of a call that ended, that of its last attempt.
    pub connection: ConnectionTimes,
    /// Where credentials came from.
    pub source: Option<Arc<str>>,
}

impl Details {
    /// Whether it is the end of an attempt that failed or was not the first.
    fn is_repeated_attempt(&self) -> bool {
        self.error.is_some() || self.attempt.is_some_and(|attempt| attempt > 1)
    }
}

impl Event {
    /// Something that happened now, outside any call.
    pub fn now(kind: Kind, details: Details) -> Self {
        Self {
            kind,
            at: SystemTime::now(),
            about: None,
            details,
        }
    }
}

#[cfg(test)]
mod tests;
