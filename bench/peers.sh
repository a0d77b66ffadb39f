#!/usr/bin/env bash
# peers.sh DIR: unpack what we measure ourselves against into DIR: postfix,
# dovecot, notmuch, mpop, getmail.  Nothing is installed on the host.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
"$here/../tests/e2e/roots.sh" "$dir"
cd "$dir"

# unpack NAME PACKAGE...
unpack() {
  name=$1
  shift
  [ ! -e "$name/.done" ] || return 0
  rm -rf "$name" "debs-$name"
  mkdir -p "$name" "debs-$name"
  (cd "debs-$name" && apt-get download -qq "$@") ||
    { echo "peers.sh: apt-get download failed; is the package mirror reachable?" >&2; exit 2; }
  for deb in "debs-$name"/*.deb; do dpkg-deb -x "$deb" "$name"; done
  touch "$name/.done"
}

unpack notmuch notmuch libnotmuch5 libtalloc2 libsexp1 libxapian30 \
  libgmime-3.0-0 libgpgme11 libassuan0
unpack mpop mpop libgsasl18 libgssglue1 libidn12 libntlm0 libsecret-1-0
unpack getmail getmail6
