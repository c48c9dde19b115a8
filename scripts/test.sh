#!/bin/sh
# Runs the tests, and the examples in the documentation.
#
#   sh scripts/test.sh
#   sh scripts/test.sh --filter lane
#
# Finds or fetches what it needs first; see setup.sh. The last line is
# `N passed, N failed`, and `, N skipped` where some were.
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
if ! . "$root/scripts/setup.sh"; then
  echo "0 passed, 1 failed"
  exit 1
fi
exec deno run -A --no-lock "$root/scripts/dev.ts" test "$@"
