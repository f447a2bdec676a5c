#!/bin/sh
# Runs each fuzz target of the module for FUZZTIME.
set -eu
GO=${GO:-go}
for package in $($GO list ./...); do
	for target in $($GO test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		$GO test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 5x "$package"
	done
done
