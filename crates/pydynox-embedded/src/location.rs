//! The URLs of the embedded engine: what they name, and what is wrong with those that name nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pydynox_core::error::{Error, ErrorKind};

/// Where an embedded engine keeps its tables, and how it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    place: Place,
    latency: Option<Duration>,
}

/// What identifies an engine in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory, for one client.
    Private,
    /// In memory, for all clients of this process that say the same name.
    Named(Box<str>),
    /// In a file.
    File {
        /// As the URL says it, not yet canonical.
        path: PathBuf,
        /// When a write is on the disk.
        durability: Durability,
    },
}

/// When an acknowledged write is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The operating system has it: survives the end of the process, not a power cut.
    Normal,
    /// The disk has it.
    Full,
}

impl Location {
    /// Reads a URL; `None` when its scheme is neither `memory` nor `file`.
    ///
    /// ```
    /// use pydynox_embedded::Location;
    ///
    /// assert!(Location::parse("memory://shop?latency=20")?.is_some());
    /// assert!(Location::parse("file:///var/lib/shop.db?sync=full")?.is_some());
    /// assert!(Location::parse("https://dynamodb.eu-west-1.amazonaws.com")?.is_none());
    /// # Ok::<(), pydynox_core::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] that says what is allowed: an unknown option or value, an empty path, a bad name.
    pub fn parse(url: &str) -> Result<Option<Self>, Error> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Ok(None);
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let wrong = Wrong { url };
        let place = if scheme.eq_ignore_ascii_case("memory") {
            memory(rest, &wrong)?
        } else if scheme.eq_ignore_ascii_case("file") {
            file(rest, &wrong)?
        } else {
            return Ok(None);
        };
        let mut location = Self {
            place,
            latency: None,
        };
        for option in query.split('&').filter(|option| !option.is_empty()) {
            location.apply(option, &wrong)?;
        }
        Ok(Some(location))
    }

    pub(crate) fn private() -> Self {
        Self {
            place: Place::Private,
            latency: None,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn latency(&self) -> Option<Duration> {
        self.latency
    }

    fn apply(&mut self, option: &str, wrong: &Wrong<'_>) -> Result<(), Error> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match (name, &mut self.place) {
            ("latency", _) => self.latency = latency(value, wrong)?,
            ("sync", Place::File { durability, .. }) => *durability = sync(value, wrong)?,
            ("sync", _) => {
                return Err(wrong.because("'sync' is an option of file: only, memory has no disk"));
            }
            _ => {
                return Err(wrong.because(&format!(
                    "there is no option '{name}'; the options are latency=<milliseconds> and, for file:, sync=normal|full"
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("memory://"),
            Self::Named(name) => write!(f, "memory://{name}"),
            Self::File { path, .. } => write!(f, "file:{}", path.display()),
        }
    }
}

struct Wrong<'a> {
    url: &'a str,
}

impl Wrong<'_> {
    fn because(&self, why: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("'{}': {why}", self.url))
    }
}

fn memory(rest: &str, wrong: &Wrong<'_>) -> Result<Place, Error> {
    let name = rest.strip_prefix("//").ok_or_else(|| {
        wrong.because("write memory:// (private) or memory://name (shared in this process)")
    })?;
    if name.is_empty() {
        return Ok(Place::Private);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !name.bytes().all(plain) {
        return Err(
            wrong.because("the name after memory:// consists of letters, digits, '.', '_' and '-'")
        );
    }
    Ok(Place::Named(name.into()))
}

fn file(rest: &str, wrong: &Wrong<'_>) -> Result<Place, Error> {
    let path = match rest.strip_prefix("//") {
        Some(after) if after.starts_with('/') => after,
        Some("") => "",
        Some(_) => {
            return Err(wrong.because(
                "file:// must be followed by an absolute path, as in file:///tmp/shop.db; a relative one is file:shop.db",
            ));
        }
        None => rest,
    };
    if path.contains('#') {
        return Err(wrong.because("write '#' in a path as %23"));
    }
    let path = percent_decoded(path).ok_or_else(|| {
        wrong.because(
            "'%' must be followed by two hexadecimal digits of UTF-8 text; write '%' itself as %25",
        )
    })?;
    if path.contains('\0') {
        return Err(wrong.because("a path cannot contain a zero byte"));
    }
    if Path::new(&path).file_name().is_none() || path.ends_with('/') {
        return Err(wrong.because("the path of a file is missing, as in file:///tmp/shop.db"));
    }
    Ok(Place::File {
        path: path.into(),
        // The default of `sync=`: it survives a killed process, and does not wait for the disk on every write.
        durability: Durability::Normal,
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn latency(value: &str, wrong: &Wrong<'_>) -> Result<Option<Duration>, Error> {
    let milliseconds: u32 = value.parse().map_err(|_| {
        wrong.because(&format!(
            "latency must be a whole number of milliseconds, not '{value}'"
        ))
    })?;
    let latency = Duration::from_millis(milliseconds.into());
    Ok((!latency.is_zero()).then_some(latency))
}

fn sync(value: &str, wrong: &Wrong<'_>) -> Result<Durability, Error> {
    match value {
        "normal" => Ok(Durability::Normal),
        "full" => Ok(Durability::Full),
        other => Err(wrong.because(&format!("sync must be 'normal' or 'full', not '{other}'"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn place(url: &str) -> Place {
        Location::parse(url).unwrap().unwrap().place
    }

    fn path(url: &str) -> String {
        match place(url) {
            Place::File { path, .. } => path.to_str().unwrap().to_owned(),
            other => panic!("{other}"),
        }
    }

    fn refusal(url: &str) -> String {
        let error = Location::parse(url).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
        assert!(error.to_string().contains(url), "{error}");
        error.to_string()
    }

    #[test]
    fn other_schemes_are_somebody_elses() {
        for url in [
            "https://x",
            "http://localhost:8000",
            "",
            "memory",
            "files:/x",
        ] {
            assert_eq!(Location::parse(url).unwrap(), None, "{url}");
        }
    }

    #[test]
    fn memory_is_private_without_a_name_and_shared_with_one() {
        assert_eq!(place("memory://"), Place::Private);
        assert_eq!(place("MEMORY://?latency=1"), Place::Private);
        assert_eq!(place("memory://a.b-c_1"), Place::Named("a.b-c_1".into()));
    }

    #[test]
    fn a_file_is_absolute_or_relative_and_percent_decoded() {
        assert_eq!(path("file:///tmp/a%20b%3f.db?sync=normal"), "/tmp/a b?.db");
        assert_eq!(path("file:/tmp/x.db"), "/tmp/x.db");
        assert_eq!(path("file:data/x.db"), "data/x.db");
        assert_eq!(path("file:///tmp/%C3%A4.db"), "/tmp/\u{e4}.db");
    }

    #[test]
    fn a_file_says_when_a_write_is_on_the_disk() {
        for (url, expected) in [
            ("file:x.db", Durability::Normal),
            ("file:x.db?sync=normal", Durability::Normal),
            ("file:x.db?latency=5&sync=full", Durability::Full),
        ] {
            assert!(
                matches!(place(url), Place::File { durability, .. } if durability == expected),
                "{url}"
            );
        }
    }

    #[test]
    fn any_location_takes_a_latency() {
        let latency = |url| Location::parse(url).unwrap().unwrap().latency();

        assert_eq!(latency("memory://"), None);
        assert_eq!(latency("memory://?latency=0"), None);
        assert_eq!(
            latency("memory://x?latency=25"),
            Some(Duration::from_millis(25))
        );
        assert_eq!(
            latency("file:x.db?latency=7"),
            Some(Duration::from_millis(7))
        );
    }

    #[test]
    fn a_location_that_names_nothing_is_refused_with_what_is_allowed() {
        assert!(refusal("memory:").contains("memory://name"));
        assert!(refusal("memory://a/b").contains("letters"));
        assert!(refusal("memory://?sync=full").contains("file: only"));
        assert!(refusal("memory://?size=3").contains("latency=<milliseconds>"));
        assert!(refusal("memory://?latency").contains("milliseconds"));
        assert!(refusal("memory://?latency=-1").contains("'-1'"));
        assert!(refusal("file:").contains("missing"));
        assert!(refusal("file://").contains("missing"));
        assert!(refusal("file:///").contains("missing"));
        assert!(refusal("file:///tmp/").contains("missing"));
        assert!(refusal("file://host/x.db").contains("file:shop.db"));
        assert!(refusal("file:x.db?sync=off").contains("'normal' or 'full'"));
        assert!(refusal("file:x%2.db").contains("%25"));
        assert!(refusal("file:x%+1.db").contains("%25"));
        assert!(refusal("file:x%FF.db").contains("UTF-8"));
        assert!(refusal("file:x%00.db").contains("zero byte"));
        assert!(refusal("file:x#y").contains("%23"));
    }
}
