#!/bin/sh
# Checks the form of the changelog fragments: a kind, a colon, what changes for users, then a paragraph.
set -eu
status=0
for f in changelog/unreleased/*.md; do
	if ! head -n 1 "$f" | grep -qE '^(Feature|Enhancement|Bugfix|Change|Security): [A-Z].*[^.]$'; then
		echo "$f: the first line must be 'Feature|Enhancement|Bugfix|Change|Security: What changes', without a full stop" >&2
		status=1
	fi
	if [ "$(wc -l <"$f")" -lt 3 ] || [ -n "$(sed -n 2p "$f")" ]; then
		echo "$f: an empty line and a paragraph must follow the first line" >&2
		status=1
	fi
done
exit $status
