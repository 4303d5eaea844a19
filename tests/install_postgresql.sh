#!/bin/sh
# Some tests run over a PostgreSQL that they start themselves. It is installed only as root on Debian; elsewhere one line says what to do.
command -v postgres >/dev/null 2>&1 && exit 0
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing PostgreSQL for the tests …"
    # The tests make a cluster of their own; Debian's package would start one that nobody asked for.
    conf=/etc/postgresql-common/createcluster.conf
    if [ ! -e "$conf" ]; then
        mkdir -p "${conf%/*}" && echo "create_main_cluster = false" >"$conf"
        trap 'rm -f "$conf"' EXIT
    fi
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql; } >/dev/null 2>&1 && exit 0
    echo "PostgreSQL could not be installed with apt-get; install it by hand." >&2
    exit 1
fi
echo "Some tests need PostgreSQL: install it with your system's package manager (Debian: apt install postgresql)." >&2
exit 1
