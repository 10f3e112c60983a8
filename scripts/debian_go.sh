#!/bin/sh
# Install what others wrote and tests/interop uses, where this machine lets us.
# Nothing fails for want of it: a test without its tool is skipped and says which one is missing.
set -eu

packages="golang-go golang-golang-x-mod-dev"
# shellcheck disable=SC2086  # two words, two packages
install() { apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1; }

if ! command -v go >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # The lists of a fresh machine are empty, those of an old one name files that are gone.
    install || { apt-get update -qq >/dev/null 2>&1 && install; } || true
fi
command -v go >/dev/null && go version || echo "no Go here: tests/interop leaves out what needs $packages"
