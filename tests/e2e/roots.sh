#!/usr/bin/env bash
# roots.sh DIR: unpack the mail servers of the tests into DIR/NAME.  They exclude
# one another on a host and are never installed on it: a test lays the folder
# over the host's files in a mount namespace of its own.
set -euo pipefail
dir=$1
mkdir -p "$dir"
cd "$dir"

# unpack NAME PACKAGE...
unpack() {
  name=$1
  shift
  [ "$(cat "$name/.done" 2>/dev/null)" != "$*" ] || return 0
  rm -rf "$name" "debs-$name"
  mkdir -p "$name" "debs-$name"
  (cd "debs-$name" && apt-get download -qq "$@") ||
    { echo "roots.sh: apt-get download failed; is the package mirror reachable?" >&2; exit 2; }
  for deb in "debs-$name"/*.deb; do dpkg-deb -x "$deb" "$name"; done
  # /lib and /sbin are links on the host; a folder would hide what is behind.
  for d in lib bin sbin lib64; do
    [ -d "$name/$d" ] || continue
    mkdir -p "$name/usr/$d"
    cp -a "$name/$d/." "$name/usr/$d/"
    rm -rf "${name:?}/$d"
  done
  echo "$*" >"$name/.done"
}

unpack postfix postfix libdb5.3 libsasl2-2 libnsl2 liblmdb0 libtirpc3
unpack dovecot dovecot-core dovecot-pop3d dovecot-imapd libexttextcat-2.0-0 \
  liblua5.4-0 libstemmer0d libwrap0 libtirpc3 libnsl2 libunwind8 libsodium23 libapparmor1 liblz4-1
unpack exim exim4-daemon-light exim4-base exim4-config libidn12 libdb5.3 libnsl2 libtirpc3
unpack sendmail sendmail-bin sendmail-base sendmail-cf libdb5.3 libsasl2-2 libnsl2 liblockfile1 \
  libwrap0 libldap-2.5-0 libtirpc3 m4
