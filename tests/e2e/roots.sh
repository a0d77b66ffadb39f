#!/usr/bin/env bash
# roots.sh DIR: unpack the mail servers of the tests into DIR/postfix.  They
# exclude one another on a host and are never installed on it: a test lays the
# folder over the host's files in a mount namespace of its own.
set -euo pipefail
dir=$1
mkdir -p "$dir"
cd "$dir"
[ ! -e postfix/.done ] || exit 0
rm -rf postfix debs
mkdir -p postfix debs
(cd debs && apt-get download -qq postfix libdb5.3 libsasl2-2 libnsl2 liblmdb0 libtirpc3) ||
  { echo "roots.sh: apt-get download failed; is the package mirror reachable?" >&2; exit 2; }
for deb in debs/*.deb; do dpkg-deb -x "$deb" postfix; done
# /lib and /sbin are links on the host; a folder would hide what is behind.
for d in lib bin sbin lib64; do
  [ -d "postfix/$d" ] || continue
  mkdir -p "postfix/usr/$d"
  cp -a "postfix/$d/." "postfix/usr/$d/"
  rm -rf "postfix/$d"
done
touch postfix/.done
