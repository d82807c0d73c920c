//! The in-process engine behind the transport seam.
