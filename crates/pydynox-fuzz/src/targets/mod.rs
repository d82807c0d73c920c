//! All targets by name.

mod compression;
mod cursor;
mod envelope;
mod http_framing;
mod json_lines;
mod number;
mod stream_record;
mod wire_reader;

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called on the command line, and the folder of its inputs in `seeds/`.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "compression",
        check: compression::check,
    },
    Target {
        name: "cursor",
        check: cursor::check,
    },
    Target {
        name: "envelope",
        check: envelope::check,
    },
    Target {
        name: "http_framing",
        check: http_framing::check,
    },
    Target {
        name: "json_lines",
        check: json_lines::check,
    },
    Target {
        name: "number",
        check: number::check,
    },
    Target {
        name: "stream_record",
        check: stream_record::check,
    },
    Target {
        name: "wire_reader",
        check: wire_reader::check,
    },
];
