//! How a client's calls are sent: settings, connections, keyrings, pace.

pub(crate) mod capture;
#[allow(clippy::module_inception)]
// `connection::connection::Connection`: the room has the name of what it is about
pub(crate) mod connection;
pub(crate) mod credentials;
pub(crate) mod data_keys;
pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod given;
pub(crate) mod isolation;
pub(crate) mod keyring;
pub(crate) mod meter;
pub(crate) mod opened;
pub(crate) mod place;
pub(crate) mod request;
pub(crate) mod restored;
pub(crate) mod settings;
