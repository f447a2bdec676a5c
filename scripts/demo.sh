#!/usr/bin/env bash
# Makes a small organization in the PostgreSQL server of REALMPORT_TEST_POSTGRES, exports it and verifies the
# archive: what make demo shows.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
: "${REALMPORT_TEST_POSTGRES:?is not set: run this by make demo}"
export PATH="$PWD/bin:$PATH"
keep=$PWD/bin/demo.tar.gz

work=$(mktemp -d)
database=realmport_demo_$$
finish() {
	rm -rf "$work"
	# The server is thrown away, unless it is the user's own.
	psql -X -q -d "$REALMPORT_TEST_POSTGRES" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" >/dev/null 2>&1 || true
}
trap finish EXIT
source=$($GO run ./internal/fixture "$REALMPORT_TEST_POSTGRES" "$work/uploads" "$database")
cd "$work"

# Runs a command after showing it; the server's address is shown short. Its status is in $status.
show() {
	local words="$*"
	words=${words//"$source"/postgres://…/demo}
	printf '\n$ %s\n' "${words//" --uploads"/$' \\\n    --uploads'}"
	status=0
	"$@" 2>&1 || status=$?
}

echo "A small organization was made in a PostgreSQL server of its own."
show realmport export --source "$source" --realm demo --type standard --zulip-version 11.0 \
	--uploads uploads --avatar-salt demo-avatar-salt --out demo.tar.gz
if [ "$status" -ne 3 ]; then
	echo "expected exit status 3, got $status" >&2
	exit 1
fi
echo "(Exit status 3: done, with something missing. The demo lacks two files on purpose.)"
show realmport verify demo.tar.gz
[ "$status" -eq 0 ] || exit "$status"
printf '\n$ tar -tzf demo.tar.gz | head\n'
tar -tzf demo.tar.gz >members # all of them, so that tar does not find its output closed
head members
mv demo.tar.gz "$keep"
printf '\nThe archive is kept in bin/demo.tar.gz.\n'
