#!/bin/sh
# Fill VENV with the wheels of LOCK, by hash, and make the checkout importable from it.
#   environment.sh PYTHON VENV LOCK
# After an interruption it begins anew; when only the lock has changed it installs what is different.
set -eu
python=$1 venv=$2 lock=$3

stop() {
    echo "$*" >&2
    exit 1
}

needs="Tallystick needs Python 3.11 or newer"
another="For another Python: make PYTHON=python3.12 …"
command -v "$python" >/dev/null || stop "$needs; there is no $python here. $another"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "$needs; this is $("$python" --version 2>&1). $another"

# Debian's python3 comes without ensurepip: there the environment has no pip of its own, and the system's fills it.
if [ ! -e "$venv/.ready" ]; then
    "$python" -c 'import ensurepip' 2>/dev/null || without_pip=--without-pip
    "$python" -m venv --clear ${without_pip:-} "$venv"
fi
installer=$venv/bin/python
"$installer" -c 'import pip' 2>/dev/null || installer=$python
pip() { "$installer" -m pip --python "$venv/bin/python" "$@"; }
pip --version >/dev/null 2>&1 ||
    stop "$python has neither ensurepip nor pip 22.3 or newer. On Debian: apt install python3-venv"

# A lock names all there is to install, so nothing is asked for that it leaves out.
# Only errors are shown: what pip thinks of its own age and of this machine's mirrors helps nobody here.
echo "Setting up $venv from $lock (once) …" >&2
pip install -qq --disable-pip-version-check --no-input --require-hashes --no-deps --only-binary :all: -r "$lock" ||
    stop "What $lock names could not be installed. If the network was away: run the same command again."

# Instead of an editable install, which would need a build back end. A path may hold spaces, a #! line may not.
pwd > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tallystick.pth"
printf '#!/bin/sh\nexec "%s/python" -P -m tally "$@"\n' "$(cd "$venv/bin" && pwd)" > "$venv/bin/tally"
chmod +x "$venv/bin/tally"
