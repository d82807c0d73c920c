#!/bin/sh
# Print the path of Python $1 (such as 3.13), from PATH or from pyenv; exit with 1 where there is none. A pyenv shim may be on PATH
# without its interpreter being selected, so each candidate is run.
for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/"python$1"; do
    "$python" -c 'import sys; print(sys.executable)' 2>/dev/null && exit 0
done
exit 1
