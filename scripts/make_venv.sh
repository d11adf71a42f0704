#!/bin/sh
# Make .venv once and install the package with the extras named as arguments.
#
#   sh scripts/make_venv.sh plots
#   sh scripts/make_venv.sh --find-python      print the interpreter that would be used
#
# PYTHON=/path/to/python chooses the interpreter.

set -u
# A make above would lend its job slots to compilers started by pip; CDPATH makes cd print.
unset CDPATH MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.." || exit 1

venv=.venv
unfinished=$venv/unfinished # stands while .venv is being made or changed
made_in=$venv/made-in       # the folder .venv was made in: scripts inside name it
log=$venv/install.log
pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}/versions

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# Print "<verdict> <version> <executable>" of a command; fail if it does not run. Not every
# dependency has wheels for interpreters after 3.14 or without the global lock: "untested".
probe() {
    "$1" -E -s -c '
import sys, sysconfig
verdict = "suits"
if sys.version_info >= (3, 15) or sysconfig.get_config_var("Py_GIL_DISABLED"):
    verdict = "untested"
try:
    import ensurepip, venv
except ImportError:
    verdict = "no-venv"
if sys.version_info < (3, 12):
    verdict = "old"
sys.stdout.write("%s %d.%d.%d %s\n" % ((verdict,) + sys.version_info[:3] + (sys.executable,)))
' 2>/dev/null </dev/null
}

# Print what tells one interpreter from another, also through a virtual environment of it.
identity() {
    "$1" -E -s -c 'import sys; print(sys.base_prefix, sys.version_info)' 2>/dev/null </dev/null
}

# One candidate per line, since a path may contain spaces.
candidates() {
    printf '%s\n' python3 python3.14 python3.13 python3.12
    ls "$pyenv" 2>/dev/null | grep '^3\.[0-9]' | sort -t. -k2,2nr -k3,3nr | while IFS= read -r name; do
        printf '%s\n' "$pyenv/$name/bin/python3"
    done
}

# Print the path of the first candidate that suits, or say which were found and why none does.
find_python() {
    found=
    untested=
    without_venv=
    while IFS= read -r candidate; do
        answer=$(probe "$candidate") || continue
        verdict=${answer%% *}
        rest=${answer#* }
        version=${rest%% *}
        path=${rest#* }
        case $verdict in
            suits) printf '%s\n' "$path" && return ;;
            untested) untested=${untested:-$path} ;;
            no-venv) without_venv=${without_venv:-$candidate ($version)} ;;
        esac
        found="$found${found:+, }$candidate is $version"
    done <<LIST
${PYTHON:-$(candidates)}
LIST
    [ -n "$untested" ] && printf '%s\n' "$untested" && return
    if [ -n "$without_venv" ]; then
        fail "$without_venv is new enough but lacks the modules venv and ensurepip; install them (on Debian and Ubuntu: apt install python3-venv) or set PYTHON=/path/to/python."
    fi
    if [ -n "${PYTHON:-}" ]; then
        fail "PYTHON must be Python 3.12 or newer, but ${found:-$PYTHON does not run}."
    fi
    fail "Python 3.12 or newer is needed and was not found (looked for python3, python3.14, python3.13, python3.12 and in $pyenv; ${found:-none runs}); install one, or set PYTHON=/path/to/python."
}

# Print why .venv cannot be used as it stands; print nothing if it can.
defect() {
    if [ -e "$unfinished" ]; then
        echo 'was left unfinished'
        return
    fi
    answer=$(probe "$venv/bin/python") || answer='broken'
    case $answer in
        broken) echo 'has no Python that runs' ;;
        no-venv*) ;; # .venv itself never needs to make another one
        old*) echo 'has a Python older than 3.12' ;;
    esac
    if [ "$(cat "$made_in" 2>/dev/null || pwd -P)" != "$(pwd -P)" ]; then
        echo "was made in $(cat "$made_in")"
    elif [ -n "${PYTHON:-}" ] && [ "$(identity "$PYTHON")" != "$(identity "$venv/bin/python")" ]; then
        echo "has another Python than $PYTHON"
    fi
}

# Print the one line of pip's log that says most.
reason() {
    if grep -qE 'NewConnectionError|ConnectTimeout|Name or service not known|name resolution' "$log"; then
        echo 'the package index cannot be reached; is there a network?'
    elif grep -q '^ERROR' "$log"; then
        grep '^ERROR' "$log" | tail -n 1
    else
        grep -v '^[[:space:]]*$' "$log" | tail -n 1
    fi
}

if [ "${1:-}" = --find-python ]; then
    find_python
    exit
fi
[ $# -gt 0 ] || fail 'name the extras to install, for example: sh scripts/make_venv.sh plots'

why=
if [ -e "$venv" ] || [ -L "$venv" ]; then
    why=$(defect | head -n 1)
fi
if [ -n "$why" ] || [ ! -e "$venv" ]; then
    python=$(find_python) || exit 1
    [ -n "$why" ] && printf '.venv %s and is made anew\n' "$why"
    rm -rf "$venv"
    mkdir "$venv" && : >"$unfinished" || fail "$(pwd) cannot be written to."
    "$python" -m venv "$venv" >"$log" 2>&1 ||
        fail "$python could not make .venv: $(reason) (all of it is in $log)"
fi

# One stamp per extra: what it was installed from.
wanted=$(cat setup.cfg pyproject.toml | cksum)
missing=
for extra in "$@"; do
    [ "$(cat "$venv/installed-$extra" 2>/dev/null)" = "$wanted" ] || missing=$extra
done
[ -z "$missing" ] && exit

extras=$(printf '%s' "$*" | tr ' ' ',')
version=$("$venv/bin/python" -E -s -c 'import platform; print(platform.python_version())')
printf 'installing symjax_models[%s] into .venv, Python %s (once, about a minute) ... ' "$extras" "$version"
start=$(date +%s)
: >"$unfinished"
pwd -P >"$made_in"
if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
    --editable ".[$extras]" >"$log" 2>&1 </dev/null; then
    printf 'failed\n'
    rm -f "$unfinished" # pip changes nothing before it has everything; the next run calls it again
    fail "pip could not install the package: $(reason) (all of it is in $log)"
fi
for extra in "$@"; do
    printf '%s\n' "$wanted" >"$venv/installed-$extra"
done
rm -f "$unfinished"
printf 'done in %s s\n' "$(($(date +%s) - start))"
