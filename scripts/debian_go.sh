#!/bin/sh
# Install what others wrote and tests/interop uses, where this machine lets us.
# Nothing fails for want of it: a test without its tool is skipped and says which one is missing.
set -eu

packages="golang-go golang-golang-x-mod-dev"
install() { apt_get "install -y --no-install-recommends $packages"; }
# Without a network it gives up soon. $1 is several words.
apt_get() { timeout 300 apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 $1 >/dev/null 2>&1; }
is_here() { command -v go >/dev/null && [ -d /usr/share/gocode/src/golang.org/x/mod ]; }

if ! is_here && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # The lists of a fresh machine are empty, those of an old one name files that are gone.
    install || { apt_get update && install; } || true
fi
if is_here; then go version; else echo "not here: $packages; tests/interop leaves out what needs them"; fi
