#!/usr/bin/env bash
# Exports the fixture in all three types, verifies each archive, and unpacks each with every reader at hand: all must
# see the same. Where the golden archives are (REALMPORT_GOLDEN), exports their databases too, and compares.
# It needs a PostgreSQL server in REALMPORT_TEST_POSTGRES: run it by make verify.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
server=${REALMPORT_TEST_POSTGRES:?is not set: run this by make verify}
realmport=$PWD/bin/realmport
golden=${REALMPORT_GOLDEN:-$PWD/../shared/golden}
compare=$golden/../tools/archive_diff.py

work=$(mktemp -d)
databases=()
psql=$(command -v psql || find /usr/lib/postgresql -path '*/bin/psql' | sort -V | tail -n 1)
sql() { "$psql" -X -q -v ON_ERROR_STOP=1 -d "$server" -c "$1"; }
finish() {
	rm -rf "$work"
	for name in "${databases[@]}"; do sql "DROP DATABASE IF EXISTS $name WITH (FORCE)" || true; done
}
trap finish EXIT

fail() {
	echo "verify.sh: $*" >&2
	exit 1
}

# required WHAT: says what is missing, which is a failure where nothing may be.
required() {
	[ "${REALMPORT_TEST_REQUIRE:-}" != all ] || fail "$1 is required and missing"
	echo "skipped: $1 is missing" >&2
}

# export_to FILE OPTION...: exports; files that are missing are no failure here.
export_to() {
	local out=$1 status=0
	shift
	"$realmport" export --out "$out" --quiet "$@" 2>"$work/messages" || status=$?
	if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
		cat "$work/messages" >&2
		fail "export ended with status $status"
	fi
	"$realmport" verify "$out" >"$work/verdict" || {
		cat "$work/verdict" >&2
		fail "the archive does not verify"
	}
}

unpack_tar() { tar -xzf "$1" -C "$2"; }
unpack_bsdtar() { bsdtar -xf "$1" -C "$2"; }
unpack_python3() { python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$1" "$2" 2>/dev/null; }
# In stream mode nothing can be looked up twice.
unpack_python3_stream() { python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1], "r|gz").extractall(sys.argv[2])' "$1" "$2" 2>/dev/null; }

# unpack FILE: unpacks by every reader, and compares the folders.
unpack() {
	local first="" reader read_by=""
	for reader in tar bsdtar python3 python3_stream; do
		if ! command -v "${reader%_stream}" >/dev/null; then
			required "${reader%_stream}"
			continue
		fi
		rm -rf "${work:?}/$reader"
		mkdir "$work/$reader"
		"unpack_$reader" "$1" "$work/$reader" || fail "$reader cannot unpack the archive"
		first=${first:-$reader}
		diff -r "$work/$first" "$work/$reader" || fail "$first and $reader read different files"
		read_by="$read_by $reader"
	done
	echo "$read_by"
}

for type in public standard full; do
	if [ "$type" = public ]; then
		name=realmport_verify_$$
		databases+=("$name")
		source=$($GO run ./internal/fixture "$server" "$work/uploads" "$name")
	fi
	export_to "$work/$type.tar.gz" --source "$source" --realm demo --type "$type" --uploads "$work/uploads" --avatar-salt demo-avatar-salt
	readers=$(unpack "$work/$type.tar.gz") # not inside echo, which would hide a failure
	echo "fixture, $type: whole and consistent, read alike by$readers"
done

# golden SET REALM: compares archives of a set's database with the reference's.
golden() {
	local set=$1 realm=$2 number type last
	local name=realmport_verify_${set}_$$ files=$work/$set
	databases+=("$name")
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8'"
	local source
	source=$(sed -E "s|^([a-z]+://[^/]*)/[^?]*|\1/$name|" <<<"$server")
	gzip -dc "$golden/$set/zulip-db.sql.gz" | "$psql" -X -q -1 -v ON_ERROR_STOP=1 -o /dev/null -d "$source" -f -
	mkdir "$files"
	tar -xzf "$golden/$set/uploads.tar.gz" -C "$files"
	tar -xzf "$golden/$set/reference-type1.tar.gz" -C "$files" --strip-components 1 --wildcards '*/migration_status.json'
	number=0
	for type in public standard full; do
		number=$((number + 1))
		export_to "$files/$type.tar.gz" --source "$source" --realm "$realm" --type "$type" --uploads "$files/uploads" \
			--avatar-salt spec-avatar-salt --external-host chat.example.test --migration-status "$files/migration_status.json"
		last=$("$compare" "$golden/$set/reference-type$number.tar.gz" "$files/$type.tar.gz" | tee "$work/differences" | tail -n 1) || true
		case $last in
		"differences: 0" | "differences: 0 "*) echo "golden set $set, $type: $last" ;;
		*)
			cat "$work/differences" >&2
			fail "golden set $set, $type: not as the reference's"
			;;
		esac
	done
}

if [ -d "$golden" ] && [ -x "$compare" ]; then
	golden rules demo
	golden community community
else
	required "the golden archives ($golden) and their comparison"
fi
