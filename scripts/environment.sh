#!/bin/sh
# Fill VENV with the wheels of LOCK, by hash, and make the checkout importable from it.
#   environment.sh PYTHON VENV LOCK
# Debian's python3 comes without ensurepip: the venv is then made without pip and the system's pip fills it.
set -eu
python=$1 venv=$2 lock=$3

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Tallystick needs Python 3.11 or newer; $python is older. Try: make PYTHON=python3.12 …" >&2
    exit 1
}

if [ ! -x "$venv/bin/python" ]; then
    "$python" -m venv "$venv" >/dev/null 2>&1 || {
        rm -rf "$venv"
        "$python" -m venv --without-pip "$venv"
    }
fi

if [ -x "$venv/bin/pip" ]; then
    pip="$venv/bin/python -m pip"
elif "$python" -m pip --version >/dev/null 2>&1; then
    pip="$python -m pip --python $venv/bin/python"
else
    echo "Neither ensurepip nor pip was found. On Debian: apt install python3-pip" >&2
    exit 1
fi

echo "Setting up $venv from $lock (once)…" >&2
$pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r "$lock"

site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd > "$site/tallystick.pth"
printf '#!%s\nimport sys\nfrom tally import main\n\nsys.exit(main())\n' "$PWD/$venv/bin/python" > "$venv/bin/tally"
chmod +x "$venv/bin/tally"
