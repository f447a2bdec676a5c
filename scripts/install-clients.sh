#!/bin/sh
# Installs the clients that tests talk to the service with, at the versions named here, into .clients: Zulip's own for
# Python and JavaScript, and the checker of the API's description. What is there already is left alone.
set -eu
cd "$(dirname "$0")/.."
python='zulip==0.9.1 schemathesis==4.32.5'
javascript='zulip-js@2.1.0'
want="$python $javascript"
[ "$(cat .clients/versions 2>/dev/null)" = "$want" ] && exit 0
rm -rf .clients
mkdir .clients
python3 -m venv .clients/python
# shellcheck disable=SC2086 # a list of words
.clients/python/bin/pip install --quiet --disable-pip-version-check $python
npm install --silent --no-audit --no-fund --prefix .clients/javascript "$javascript"
echo "$want" >.clients/versions
