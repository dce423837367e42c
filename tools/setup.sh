#!/bin/sh
# Create .venv with the first Python that fits, and install the project as constraints.txt pins it.
# Called by the Makefile; `.venv/installed` says that it went well, and for which folder.
# Another environment, with another extra than [dev]:  setup.sh .venv-bench bench
# One without the project, with what a file pins:      setup.sh .venv-bench-zarr2 benchmarks/peers.txt
# ... and with one Python only, which the pins want:   setup.sh .venv-bench-allensdk benchmarks/peers-allensdk.txt 3.11
set -eu
cd "$(dirname "$0")/.."
venv="${1:-.venv}" extra="${2:-dev}" only="${3:-}"
pythons="${only:+python$only}"

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
here() { [ ! -f "$venv/installed" ] || [ "$(cat "$venv/installed")" = "$PWD" ]; }

# A name on the PATH is not yet a Python (pyenv leaves shims that fail), nor has every Python venv (Debian): run each.
create_venv() {
    bare=
    for python in ${pythons:-python3.13 python3.12 python3.11 python3 python}; do
        fits "$python" || continue
        if has_venv "$python"; then
            echo "Creating $venv with $("$python" --version)"
            "$python" -m venv --clear "$venv"
            return
        fi
        bare="${bare:-$python}"
    done
    if [ -n "$bare" ]; then
        package=$("$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        echo "$bare is here, but without venv. Type:  sudo apt install $package" >&2
    elif [ -n "$only" ]; then
        echo "$venv needs Python $only, which is not on the PATH. Type:  uv python install $only    (with uv)" >&2
    else
        echo "neurodata4ml needs Python 3.11, 3.12 or 3.13; none is on the PATH. Type one of these lines:" >&2
        echo "  sudo apt install python3 python3-venv    (Debian 12 or 13, Ubuntu 24.04)" >&2
        echo "  brew install python@3.13                 (macOS)" >&2
        echo "  uv python install 3.13                   (anywhere, with uv)" >&2
    fi
    exit 1
}

if ! { fits "$venv/bin/python" && here; }; then create_venv; fi
rm -f "$venv/installed"
echo "Installing into $venv (about a minute, once)"
if [ -f "$extra" ]; then set -- -r "$extra"; else set -- -c constraints.txt -e ".[$extra]"; fi
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install -qq "$@"
printf '%s' "$PWD" > "$venv/installed"
