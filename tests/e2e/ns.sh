#!/usr/bin/env bash
# ns.sh COMMAND...: run it in network and mount namespaces of its own, with
# loopback up: nothing in it can relay, look up names or meet another server.
if [ "$(id -u)" -ne 0 ]; then
  echo "tests that start servers need root (a network namespace of their own)" >&2
  exit 2
fi
exec unshare -n -m bash -c 'ip link set lo up && exec "$@"' ns "$@"
