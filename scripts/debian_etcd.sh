#!/bin/sh
# Install what others wrote and tests/replication uses, where this machine lets us: etcd, and its client for Patroni.
# Nothing fails for want of it: a test without its tool is skipped and says which one is missing.
set -eu

packages="etcd-server python3-etcd"
install() { apt_get "install -y --no-install-recommends $packages"; }
# Without a network it gives up soon. $1 is several words.
apt_get() { timeout 300 apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 $1 >/dev/null 2>&1; }
is_here() { command -v etcd >/dev/null && /usr/bin/python3 -c "import etcd" 2>/dev/null; }

if ! is_here && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # The lists of a fresh machine are empty, those of an old one name files that are gone.
    install || { apt_get update && install; } || true
fi
if is_here; then etcd --version | head -n 1; else echo "not here: $packages; tests/replication leaves out what needs them"; fi
