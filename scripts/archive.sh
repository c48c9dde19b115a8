#!/bin/sh
# Packs the binaries of a release: for each an archive with the program, the
# README, the examples and the licence, and SHA256SUMS over them.
#
#   sh scripts/archive.sh dist release
#
# The same binaries give the same bytes. Needs GNU tar, gzip, zip and sha256sum.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
from=$1
mkdir -p "$2"
to=$(cd -- "$2" && pwd)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# What zip writes is local time, with the last change of each file.
stamp='1980-01-02 00:00:00 UTC'
TZ=UTC
export TZ

for binary in "$from"/respipe-*; do
  file=${binary##*/}
  case $file in
  *.exe) name=${file%.exe} program=respipe.exe ;;
  *) name=$file program=respipe ;;
  esac
  mkdir "$made/$name"
  cp "$binary" "$made/$name/$program"
  cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE" "$made/$name/"
  cp -r "$root/examples" "$made/$name/"
  chmod 755 "$made/$name" "$made/$name/$program" "$made/$name/examples"
  chmod 644 "$made/$name"/*.md "$made/$name/LICENSE" "$made/$name"/examples/*
  find "$made/$name" -exec touch -d "$stamp" {} +
  cd "$made"
  case $program in
  *.exe)
    rm -f "$to/$name.zip"
    zip -qrX "$to/$name.zip" "$name"
    ;;
  *)
    tar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" |
      gzip -n9 >"$to/$name.tar.gz"
    ;;
  esac
  cd - >/dev/null
done

cd "$to"
sha256sum respipe-*.tar.gz respipe-*.zip >SHA256SUMS
