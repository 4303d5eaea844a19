#!/bin/sh
# The browser tests drive Debian's chromium. It is installed only as root on Debian; elsewhere one line says what to do.
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the browser tests …"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 && exit 0
    echo "chromium could not be installed with apt-get; install it by hand." >&2
    exit 1
fi
echo "The browser tests need chromium: install it with your system's package manager (Debian: apt install chromium)." >&2
exit 1
