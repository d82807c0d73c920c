#!/bin/sh
# What `make` needs before it builds anything: says in one line each what is missing and how to get it, and ends with 1.
# Usage: sh tools/preflight.sh [PYTHON]; written for the plainest of shells, since all else may be missing.
python=${1:-python3}
cd "$(dirname "$0")/.." || exit 1
needs_python=$(sed -n 's/^requires-python = ">=\(.*\)"/\1/p' pyproject.toml)
needs_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
missing=0

misses() {
    echo "pydynox cannot be built yet: $1" >&2
    missing=1
}

# Whether version $1 is at least $2, number by number.
at_least() {
    have=$1 want=$2
    while [ -n "$want" ]; do
        left=${have%%.*} right=${want%%.*}
        [ "${left:-0}" -gt "$right" ] && return 0
        [ "${left:-0}" -lt "$right" ] && return 1
        case $have in *.*) have=${have#*.} ;; *) have= ;; esac
        case $want in *.*) want=${want#*.} ;; *) want= ;; esac
    done
}

version_of_python() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

if ! version=$(version_of_python "$python") || ! at_least "$version" "$needs_python"; then
    found="$python is not found"
    [ -n "$version" ] && found="$python is Python $version"
    get="install it from https://www.python.org/downloads, or name another by PYTHON=..."
    for other in python3.14 python3.13 python3.12 python3.11; do
        if other_version=$(version_of_python $other) && at_least "$other_version" "$needs_python"; then
            get="there is another here: run make with PYTHON=$other"
            break
        fi
    done
    misses "Python $needs_python or later is needed, and $found; $get."
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    misses "$python has no venv or no pip; on Debian and Ubuntu: apt install python$version-venv, elsewhere use a Python from https://www.python.org/downloads."
fi

if ! command -v rustc >/dev/null 2>&1 || ! command -v cargo >/dev/null 2>&1; then
    misses "Rust $needs_rust or later is needed, and rustc or cargo is not found; install it from https://rustup.rs and open a new shell."
else
    version=$(rustc --version 2>/dev/null | sed 's/^rustc \([0-9.]*\).*/\1/')
    if [ -z "$version" ]; then
        misses "Rust $needs_rust or later is needed, and rustc does not run; say rustup default stable."
    elif ! at_least "$version" "$needs_rust"; then
        misses "Rust $needs_rust or later is needed, and rustc is $version; say rustup update stable, or install it from https://rustup.rs."
    fi
fi

# SQLite and zstd are C, and Rust links with the same command.
cc=${CC:-cc}
if ! echo '#include <stdlib.h>
int main(void) { return 0; }' | $cc -x c -o /dev/null - 2>/dev/null; then
    misses "a C compiler with its headers is needed, and $cc compiles nothing; on Debian and Ubuntu: apt install gcc libc6-dev, on Fedora: dnf install gcc, on macOS: xcode-select --install."
fi

# Only where the rest is here: what is downloaded already needs no network.
fetch() { cargo fetch --quiet --locked --target "$(rustc --print host-tuple)" "$@" 2>&1; }
if [ $missing = 0 ] && ! fetch --offline >/dev/null; then
    echo "downloading the crates of Cargo.lock that are not here yet"
    export CARGO_NET_RETRY="${CARGO_NET_RETRY:-1}" CARGO_HTTP_TIMEOUT="${CARGO_HTTP_TIMEOUT:-15}"
    if ! said=$(fetch); then
        case $said in
            *--locked*) echo "$said" >&2; missing=1 ;; # Cargo.toml was changed, and Cargo.lock was not
            *) misses "its crates cannot be downloaded ($(echo "$said" | sed -n 's/^ *\(\[[0-9]*\] .*\)/\1/p' | sed -n '$p')); the first run needs the network: connect, or name a proxy in HTTPS_PROXY." ;;
        esac
    fi
fi
exit $missing
