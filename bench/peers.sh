#!/usr/bin/env bash
# peers.sh DIR: unpack what we measure ourselves against into DIR/postfix and
# DIR/notmuch.  Nothing is installed on the host.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
"$here/../tests/e2e/roots.sh" "$dir"
cd "$dir"
[ ! -e notmuch/.done ] || exit 0
rm -rf notmuch debs-notmuch
mkdir -p notmuch debs-notmuch
(cd debs-notmuch && apt-get download -qq notmuch libnotmuch5 libtalloc2 libsexp1 \
  libxapian30 libgmime-3.0-0 libgpgme11 libassuan0) ||
  { echo "peers.sh: apt-get download failed; is the package mirror reachable?" >&2; exit 2; }
for deb in debs-notmuch/*.deb; do dpkg-deb -x "$deb" notmuch; done
touch notmuch/.done
