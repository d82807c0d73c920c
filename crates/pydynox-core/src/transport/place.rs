//! Places: the address that requests go to, and the connections that lead there.

/// An address of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host and port as the `Host` header has them: without the port that is usual for the scheme.
    pub authority: Box<str>,
    /// The host alone: a name, or a number without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
}

/// The connections of a transport at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Those that are open or being opened.
    pub open: usize,
    /// Those of them that no request uses.
    pub idle: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// How many may be open.
    pub most: usize,
}
