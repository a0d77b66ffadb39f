#!/usr/bin/env bash
# help_and_man.sh SEALPOST VERIFY SOURCE: every command has a help and a man
# page, the page formats without a warning, and names each option of the help,
# and the other way round.
set -uo pipefail
sealpost=$1 verify=$2 man=$3/doc/man bad=0

say() { echo "$*"; bad=1; }
options() { grep -oE -- '--[a-z][a-z-]*' | sort -u; }

commands=$("$sealpost" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 14 ] || say "only these commands in the help: $commands"
for page in "$man"/*.[157]; do
  warnings=$(MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null)
  [ -z "$warnings" ] || say "$page: $warnings"
done
compare() { # NAME PAGE HELP-COMMAND...
  local name=$1 page=$2; shift 2
  [ -e "$page" ] || { say "$name: no man page $page"; return; }
  local help page_options
  help=$("$@" | sed -n '/^options:/,$p' | options | grep -vx -- --help)
  page_options=$(sed 's/\\-/-/g' "$page" | sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' | grep '^\.B ' | options | grep -vx -- --help)
  [ "$help" = "$page_options" ] || say "$name: options of --help and of $page differ: $(diff <(echo "$help") <(echo "$page_options") | grep '^[<>]' | tr '\n' ' ')"
}
for c in $commands; do
  [ "$c" = verify ] && continue
  compare "$c" "$man/sealpost-$c.1" "$sealpost" "$c" --help
done
compare sealpost-verify "$man/sealpost-verify.1" "$verify" --help
exit $bad
