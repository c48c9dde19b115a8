# Finds or fetches what the demo and the tests need, and says so in one line
# each: deno, and a Redis or Valkey server. To be sourced by a POSIX shell with
# $root set to the checkout. Afterwards `deno` and the server are on the PATH.
#
# Everything it fetches lands in $root/.deno, but for the server, which is the
# system package manager's.

deno_wanted="2.9.6" # fetched where there is none
deno_oldest="2.7"   # taken where it is there

say() {
  echo "setup: $*" >&2
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Runs a command with its output in the log, which is shown if it fails.
quietly() {
  if "$@" >"$root/.deno/setup.log" 2>&1 </dev/null; then
    return 0
  fi
  tail -n 20 "$root/.deno/setup.log" >&2
  return 1
}

# Prints the version of the deno at $1; nothing if it does not run.
deno_version() {
  "$1" --version 2>/dev/null | sed -n '1s/^deno \([0-9][0-9.]*\).*/\1/p'
}

is_new_enough() {
  awk -v is="$1" -v oldest="$deno_oldest" 'BEGIN {
    split(is, a, "."); split(oldest, b, ".")
    exit !(a[1] + 0 > b[1] + 0 || (a[1] + 0 == b[1] + 0 && a[2] + 0 >= b[2] + 0))
  }'
}

# Prints the deno binary that npm brought. The package `deno` itself starts it
# through node, which costs time at every start; the binary is in the package
# of the platform next to it.
fetched_deno() {
  for fetched in "$root"/.deno/node_modules/@deno/*/deno; do
    [ -f "$fetched" ] || continue
    [ -x "$fetched" ] || chmod +x "$fetched"
    if [ -n "$(deno_version "$fetched")" ]; then
      echo "$fetched"
      return 0
    fi
  done
  return 1
}

use_deno() {
  PATH="$(dirname "$1"):$PATH"
  export PATH
}

setup_deno() {
  if have deno; then
    version=$(deno_version deno)
    if [ -n "$version" ] && is_new_enough "$version"; then
      say "deno $version is on the PATH"
      return 0
    fi
    say "the deno on the PATH is ${version:-broken}, and $deno_oldest or newer is needed: it is left alone"
  fi
  if fetched=$(fetched_deno); then
    say "deno $(deno_version "$fetched") was fetched into .deno/ before"
    use_deno "$fetched"
    return 0
  fi
  if ! have npm; then
    say "deno is missing, and so is npm to fetch it: install deno $deno_oldest or newer (https://docs.deno.com/runtime/getting_started/installation/) and run this again"
    return 1
  fi
  say "fetching deno $deno_wanted from npm into .deno/"
  [ -f "$root/.deno/package.json" ] ||
    echo '{ "private": true }' >"$root/.deno/package.json"
  if ! quietly npm install --prefix "$root/.deno" \
    --cache "$root/.deno/npm_cache" --no-audit --no-fund \
    --no-update-notifier --ignore-scripts --loglevel=error \
    "deno@$deno_wanted"; then
    say "npm could not fetch deno $deno_wanted: install deno $deno_oldest or newer (https://docs.deno.com/runtime/getting_started/installation/) and run this again"
    return 1
  fi
  if ! fetched=$(fetched_deno); then
    say "the deno from npm does not run on this system: install deno $deno_oldest or newer with its package manager and run this again"
    return 1
  fi
  use_deno "$fetched"
}

find_server() {
  if have redis-server; then
    echo redis-server
  elif have valkey-server; then
    echo valkey-server
  else
    return 1
  fi
}

# The package managers, and what each of them calls the server. RUNLEVEL and
# the line below keep Debian from starting it as a service on port 6379.
install_server() {
  manager=$1
  shift
  as_root=
  if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
    have sudo || return 1
    as_root=sudo
  fi
  case $manager in
  apt-get)
    say "installing $1 with apt-get"
    quietly $as_root apt-get -q update || return 1
    quietly $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get -q install -y --no-install-recommends "$1" || return 1
    if [ -d /run/systemd/system ]; then
      $as_root systemctl disable --now "$1.service" >/dev/null 2>&1 || true
    fi
    ;;
  dnf)
    say "installing $1 with dnf"
    quietly $as_root dnf install -y "$1"
    ;;
  apk)
    say "installing $1 with apk"
    quietly $as_root apk add "$1"
    ;;
  brew)
    say "installing $1 with brew"
    quietly brew install "$1"
    ;;
  esac
}

setup_server() {
  if server=$(find_server); then
    say "$server is on the PATH"
    return 0
  fi
  if have apt-get; then
    install_server apt-get redis-server || install_server apt-get valkey-server
  elif have dnf; then
    install_server dnf valkey || install_server dnf redis
  elif have apk; then
    install_server apk valkey || install_server apk redis
  elif have brew; then
    install_server brew redis
  fi
  if server=$(find_server); then
    return 0
  fi
  say "there is no server to load into: install redis-server or valkey-server and run this again"
  return 1
}

mkdir -p "$root/.deno" || return 1
# Deno's cache stays in the checkout too, unless it was told a place.
DENO_DIR=${DENO_DIR:-$root/.deno/cache}
DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE:-mozilla,system}
DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_TLS_CA_STORE DENO_NO_UPDATE_CHECK
setup_deno && setup_server
