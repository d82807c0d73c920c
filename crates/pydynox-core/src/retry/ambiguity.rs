//! Ambiguity: whether a write may have been applied although no answer confirms it, and what follows from that.

use crate::call::Resend;
use crate::error::{Error, ErrorKind};

/// What is known about the attempts of one call so far.
#[derive(Debug)]
pub(crate) struct Ambiguity {
    resend: Resend,
    is_read: bool,
    /// The client is configured to send any write again.
    resend_all: bool,
    ambiguous: bool,
}

impl Ambiguity {
    pub(crate) fn new(is_read: bool, resend: Resend, resend_all: bool) -> Self {
        Self {
            resend,
            is_read,
            resend_all,
            ambiguous: false,
        }
    }

    /// Whether an attempt of this call may have been applied.
    pub(crate) fn is_there(&self) -> bool {
        self.ambiguous
    }

    /// Records whether an attempt may have been applied. Once true it stays true: no later answer can undo it.
    pub(crate) fn note(&mut self, attempt_is_ambiguous: bool) {
        self.ambiguous |= attempt_is_ambiguous && !self.is_read;
    }

    /// Whether the request may be sent again after the attempts so far.
    pub(crate) fn may_send_again(&self) -> bool {
        !self.ambiguous || self.resend_all || self.resend != Resend::Never
    }

    /// Whether sending the request twice is harmless, so that a stale connection does not count as an attempt.
    pub(crate) fn repeats_harmlessly(&self) -> bool {
        // Not `OwnGuard`: if the first attempt was applied, the second one fails its own guard.
        self.is_read || matches!(self.resend, Resend::Always | Resend::Token)
    }

    /// Adds to the final error what it leaves open.
    ///
    /// Errors of idempotent writes keep their kind, because the caller can simply try again; so does a failed guard,
    /// which reports what is stored now. Anything else leaves the outcome unknown.
    pub(crate) fn settle(&self, error: Error) -> Error {
        if !self.ambiguous {
            return error;
        }
        if self.resend == Resend::Always || says_what_is_stored(&error) {
            return error.with_ambiguous(true);
        }
        outcome_unknown(error)
    }
}

/// Whether the error is about the stored state rather than about reaching it.
fn says_what_is_stored(error: &Error) -> bool {
    // With ResourceInUseException the table exists, perhaps since the ambiguous CreateTable.
    matches!(
        error.kind(),
        ErrorKind::ConditionFailed { .. }
            | ErrorKind::ItemAlreadyExists { .. }
            | ErrorKind::VersionConflict { .. }
            | ErrorKind::ItemVanished
            | ErrorKind::ItemNotFound
            | ErrorKind::TransactionCanceled { .. }
            | ErrorKind::TransactionTokenReused
    ) || error.code() == Some("ResourceInUseException")
}

fn outcome_unknown(error: Error) -> Error {
    let message = format!(
        "the write may or may not have been applied: {}; read what is stored before you write again",
        error.message()
    );
    // Not marked as retryable: another attempt is what could apply the write twice.
    let mut unknown = Error::new(ErrorKind::WriteOutcomeUnknown, message).with_ambiguous(true);
    if let Some(status) = error.status() {
        unknown = unknown.with_status(status);
    }
    if let Some(code) = error.code() {
        unknown = unknown.with_code(code);
    }
    if let Some(request_id) = error.request_id() {
        unknown = unknown.with_request_id(request_id);
    }
    unknown.with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_an_ambiguous_attempt(resend: Resend) -> Ambiguity {
        let mut ambiguity = Ambiguity::new(false, resend, false);
        ambiguity.note(true);
        ambiguity
    }

    #[test]
    fn a_read_is_never_ambiguous() {
        let mut ambiguity = Ambiguity::new(true, Resend::Never, false);

        ambiguity.note(true);

        assert!(ambiguity.may_send_again());
        assert!(
            !ambiguity
                .settle(Error::new(ErrorKind::Timeout, "late"))
                .ambiguous()
        );
    }

    #[test]
    fn a_definitive_attempt_does_not_take_an_earlier_doubt_back() {
        let mut ambiguity = after_an_ambiguous_attempt(Resend::OwnGuard);

        ambiguity.note(false);

        let error = ambiguity.settle(Error::new(
            ErrorKind::ItemAlreadyExists { item: None },
            "exists",
        ));
        assert!(error.ambiguous());
        assert_eq!(error.kind(), &ErrorKind::ItemAlreadyExists { item: None });
    }

    #[test]
    fn only_a_write_without_any_protection_is_not_sent_again() {
        assert!(after_an_ambiguous_attempt(Resend::Always).may_send_again());
        assert!(after_an_ambiguous_attempt(Resend::OwnGuard).may_send_again());
        assert!(after_an_ambiguous_attempt(Resend::Token).may_send_again());
        assert!(!after_an_ambiguous_attempt(Resend::Never).may_send_again());
        assert!(Ambiguity::new(false, Resend::Never, false).may_send_again());
    }

    #[test]
    fn an_idempotent_write_keeps_the_kind_of_its_error_and_others_do_not() {
        let timeout = || Error::new(ErrorKind::Timeout, "late");

        let idempotent = after_an_ambiguous_attempt(Resend::Always).settle(timeout());
        assert_eq!(idempotent.kind(), &ErrorKind::Timeout);
        assert!(idempotent.ambiguous());

        for resend in [Resend::OwnGuard, Resend::Token, Resend::Never] {
            let error = after_an_ambiguous_attempt(resend).settle(timeout());
            assert_eq!(error.kind(), &ErrorKind::WriteOutcomeUnknown);
            assert!(error.ambiguous() && !error.retryable());
            assert_eq!(error.cause().map(Error::kind), Some(&ErrorKind::Timeout));
        }
    }
}
