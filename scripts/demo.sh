#!/bin/sh
# Loads a million CSV rows, or a file of yours, into a throwaway server.
#
#   sh scripts/demo.sh
#   sh scripts/demo.sh FILE -- HSET 'user:{id}' '{*}'
#
# Finds or fetches what it needs first; see setup.sh.
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
. "$root/scripts/setup.sh" || exit 1
exec deno run -A --no-lock "$root/scripts/dev.ts" demo "$@"
