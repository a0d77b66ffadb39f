#!/usr/bin/env bash
# bootroot.sh DIR: make DIR/debian, a small Debian with systemd and with what the
# package of Sealpost needs, which the test of the package boots
# (tests/e2e/deb.py).  Made once.  Where it cannot be made, DIR/debian.why says
# why, the test is skipped with that reason, and this script succeeds.
set -euo pipefail
dir=$1
# The libraries of the package; dbus and systemd-sysv to boot and be asked.
packages=systemd,systemd-sysv,dbus,tzdata,adduser,libssl3,libcurl4,libjansson4,libzstd1
packages=$packages,libarchive13,libpff1,libuv1,libmagic1,libxml2,libsqlite3-0,libicu72,libsystemd0
mkdir -p "$dir"
cd "$dir"
if [ "$(cat debian.done 2>/dev/null)" = "$packages" ]; then exit 0; fi
rm -rf debian debian.done debian.why debian.tmp
why() { echo "$*" >debian.why; echo "bootroot.sh: $*" >&2; exit 0; }
command -v mmdebstrap >/dev/null || why "mmdebstrap is not installed"
[ "$(id -u)" -eq 0 ] || why "making a root needs root"
log=$PWD/debian.log
mmdebstrap --variant=minbase --include="$packages" bookworm debian.tmp http://deb.debian.org/debian >"$log" 2>&1 ||
  why "mmdebstrap failed ($(tail -1 "$log")); is the package mirror reachable?"
mv debian.tmp debian
echo "$packages" >debian.done
