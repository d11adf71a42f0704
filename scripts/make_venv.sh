#!/bin/sh
# Make .venv once and install the package with the extras named as arguments.
#
#   sh scripts/make_venv.sh plots
#   sh scripts/make_venv.sh --find-python      print the interpreter that would be used
#
# PYTHON=/path/to/python chooses the interpreter.

set -u
cd "$(dirname "$0")/.." || exit 1

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# Print "yes" if the command runs and is Python 3.12 or newer with venv and pip at hand.
suits() {
    "$1" -c '
import sys
if sys.version_info >= (3, 12):
    try:
        import ensurepip, venv
        print("yes")
    except ImportError:
        print("no-venv")
' 2>/dev/null
}

# One candidate per line, since a path may contain spaces.
candidates() {
    if [ -n "${PYTHON:-}" ]; then
        printf '%s\n' "$PYTHON"
        return
    fi
    printf '%s\n' python3 python3.14 python3.13 python3.12
    for minor in 14 13 12; do
        printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor"*/bin/python3
    done
}

find_python() {
    without_venv=
    tried=
    while IFS= read -r candidate; do
        case $(suits "$candidate") in
            yes)
                printf '%s\n' "$candidate"
                return 0
                ;;
            no-venv) without_venv=$candidate ;;
        esac
        version=$("$candidate" --version 2>/dev/null | head -n 1)
        [ -n "$version" ] && tried="$tried${tried:+, }$candidate is $version"
    done <<LIST
$(candidates)
LIST
    if [ -n "$without_venv" ]; then
        fail "$without_venv is new enough but lacks the modules venv and ensurepip; install them (on Debian: apt install python3-venv) or set PYTHON=/path/to/python."
    fi
    fail "Python 3.12 or newer is needed and was not found (${tried:-no python3 at all}); install one, or set PYTHON=/path/to/python."
}

if [ "${1:-}" = --find-python ]; then
    find_python
    exit
fi

extras=$(printf '%s' "$*" | tr ' ' ',')
stamp=.venv/installed-$extras
log=.venv/install.log
wanted=$(cat setup.cfg pyproject.toml | cksum)

# A .venv that was moved, or whose interpreter is gone, is made anew.
if [ -d .venv ] && [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" != "$(pwd -P)/.venv" ]; then
    rm -rf .venv
fi
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

if [ ! -x .venv/bin/pip ]; then
    python=$(find_python) || exit 1
    rm -rf .venv
    "$python" -m venv .venv || fail "$python -m venv .venv failed; see the lines above."
fi
printf 'installing symjax_models[%s] into .venv (once, about a minute) ... ' "$extras"
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" >"$log" 2>&1; then
    printf 'failed\n'
    fail "pip could not install the package: $(grep -i error "$log" | tail -n 1) (is there a network? all of it is in $log)"
fi
printf '%s' "$wanted" >"$stamp"
printf 'done\n'
