//! Every kept input, and what becomes of it under some thousand changes, passes its target; `make fuzz` looks further.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use pydynox_fuzz::{TARGETS, Target};

/// Changed inputs per target.
const ROUNDS: usize = 4000;
const LONGEST: usize = 4096;

fn seeds(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target.name);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    paths.sort();
    paths
}

/// An input that is like another one.
fn changed(rng: &mut Rng, seeds: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let pick = |rng: &mut Rng| seeds[rng.usize(..seeds.len())].1.clone();
    let mut bytes = pick(rng);
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(..=bytes.len());
        let end = rng.usize(at..=bytes.len().min(at + 16));
        match rng.u8(..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 if at < bytes.len() => bytes[at] = rng.u8(..),
            2 => drop(bytes.splice(at..end, [])),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let other = pick(rng);
                let from = rng.usize(..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => bytes.insert(at, rng.u8(..)),
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

#[test]
fn kept_inputs_and_their_neighbours_pass() {
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no inputs", target.name);
        for (path, bytes) in &seeds {
            let passed = std::panic::catch_unwind(|| (target.check)(bytes));
            assert!(passed.is_ok(), "{}", path.display());
        }
        let mut rng = Rng::with_seed(18);
        for _ in 0..ROUNDS {
            let bytes = changed(&mut rng, &seeds);
            let passed = std::panic::catch_unwind(|| (target.check)(&bytes));
            let escaped = bytes.escape_ascii();
            assert!(passed.is_ok(), "{}: b\"{escaped}\"", target.name);
        }
    }
}
