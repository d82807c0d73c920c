//! The trail of a reading: finds a service that sends it in a circle.

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// Compares each position with one before, which moves up after 1, 2, 4, 8 ... steps: a circle of any length is found, and memory
/// holds one position.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    landmark: Option<Bytes>,
    steps: u32,
    stride: u32,
}

impl Trail {
    /// The trail of a reading that begins after this position.
    pub fn after(start: Option<Bytes>) -> Self {
        Self {
            landmark: start,
            ..Self::default()
        }
    }

    /// Notes the position that an answer ended at.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] when an earlier answer ended there: the reading would never end.
    pub fn note(&mut self, position: &Bytes) -> Result<(), Error> {
        if self.landmark.as_ref() == Some(position) {
            return Err(Error::new(
                ErrorKind::InvalidResponse,
                "the service ended a page at the same position as an earlier one, so reading would never end",
            ));
        }
        self.steps += 1;
        if self.steps >= self.stride {
            self.landmark = Some(position.clone());
            self.steps = 0;
            self.stride = self.stride.saturating_mul(2).max(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_until_found(positions: impl Iterator<Item = usize>) -> Option<usize> {
        let mut trail = Trail::default();
        for (step, position) in positions.enumerate() {
            if trail.note(&position.to_string().into()).is_err() {
                return Some(step);
            }
        }
        None
    }

    #[test]
    fn every_circle_is_found_soon() {
        for before in [0, 1, 5, 40] {
            for length in [1, 2, 3, 7, 100] {
                let walk = (0..before + 1000).map(|step| {
                    if step < before {
                        step
                    } else {
                        before + (step - before) % length
                    }
                });
                let step_found = steps_until_found(walk);
                assert!(
                    step_found.is_some_and(|step| step <= 3 * (before + length) + 1),
                    "{before} {length}: {step_found:?}"
                );
            }
        }
    }

    #[test]
    fn a_straight_line_is_none() {
        assert_eq!(steps_until_found(0..5000), None);
    }

    #[test]
    fn the_beginning_counts() {
        let mut trail = Trail::after(Some("7".into()));
        assert!(trail.note(&"7".into()).is_err());
    }
}
