//! Hands what Cargo tells build scripts alone (target, profile, compiler) to `build_data`.
#![allow(clippy::print_stdout)] // how a build script answers Cargo

use std::env::var;
use std::path::Path;
use std::process::Command;

fn main() {
    // Without this line, every change of a source file would run the script again. A new compiler runs it anyway.
    println!("cargo::rerun-if-changed=build.rs");
    let profile = var("OUT_DIR")
        .ok()
        .and_then(|folder| profile(Path::new(&folder)));
    for (name, value) in [
        ("PYDYNOX_TARGET", var("TARGET").ok()),
        ("PYDYNOX_PROFILE", profile),
        ("PYDYNOX_RUSTC", rustc()),
    ] {
        println!("cargo::rustc-env={name}={}", value.unwrap_or_default());
    }
}

/// Cargo's `PROFILE` says `release` for every profile that inherits it; the folder of the build bears the real name.
fn profile(out_dir: &Path) -> Option<String> {
    let build = out_dir
        .ancestors()
        .find(|folder| folder.ends_with("build"))?;
    let name = build.parent()?.file_name()?.to_str()?;
    Some(if name == "debug" { "dev" } else { name }.to_owned())
}

/// Such as `1.95.0`.
fn rustc() -> Option<String> {
    let output = Command::new(var("RUSTC").ok()?)
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}
