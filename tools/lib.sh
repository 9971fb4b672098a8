# shellcheck shell=bash disable=SC2034
# What the scripts in this folder share. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
APP_DIR=/var/lib/headgate/app
DATA_DIR=/var/lib/headgate/data
NODE_MIN=20.19

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# Colours only where somebody looks.
[ -t 1 ] || say() { printf '==> %s\n' "$*"; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# Runs a command as root: directly, or through sudo.
as_root() {
    if is_root; then "$@"; else sudo -- "$@"; fi
}

# version_at_least HAVE WANT
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

node_is_fine() {
    local version
    command -v npm >/dev/null 2>&1 || return 1
    version=$(node --version 2>/dev/null) || return 1
    version_at_least "${version#v}" "$NODE_MIN"
}

# Puts the Node that set-up fetched before the machine's own, when the latter is missing or too old.
use_node() {
    local own="$ROOT/.tools/node_modules"
    node_is_fine && return 0
    [ -x "$own/.node/bin/node" ] || return 1
    PATH="$own/.node/bin:$own/.bin:$PATH"
    export PATH
    node_is_fine
}

# lock_sum DIR: what decides whether npm has to install anew.
lock_sum() { cat "$1/package.json" "$1/package-lock.json" | sha256sum | cut -d ' ' -f 1; }

# can_read USER PATH...: asks the kernel as that user, since modes, ACLs and mounts all have a say.
# By whole paths: a relative one would start in this folder, past those on the way that bar the user.
can_read() {
    local user=$1 path
    shift
    for path in "$@"; do
        [[ $path == /* ]] || path=$PWD/$path
        setpriv --reuid "$user" --regid "$user" --clear-groups test -r "$path" || return 1
    done
}
