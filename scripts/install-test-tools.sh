#!/bin/sh
# Installs the programs that tests use as independent readers of archives and the servers that they read from, from Debian's
# packages and Go modules, and the clients of the service. Those that are there already are left alone.
set -eu
if ! command -v versitygw >/dev/null 2>&1 && ! [ -x "$(go env GOPATH)/bin/versitygw" ]; then
	GOFLAGS=-mod=mod go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
fi
missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need tar tar
need gzip gzip
need bsdtar libarchive-tools
need python3 python3
need unshare util-linux
need ip iproute2
need curl curl
need node nodejs
need npm npm
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need initdb postgresql
if [ -z "$missing" ]; then
	exec "$(dirname "$0")/install-clients.sh"
fi
# A cluster would be made and started with the package; tests make their own.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
apt-get update
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
"$(dirname "$0")/install-clients.sh"
