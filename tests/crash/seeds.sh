#!/bin/sh
# Takes one protection out of the code at a time, in a copy of the tree, and
# asserts that the crash harness notices.  A seed that no longer changes the
# code, does not compile or is not noticed fails this script.
# Usage: seeds.sh SOURCE-DIR [NAME-PATTERN]
# Takes minutes: without a pattern it wants SP_LONG=1.
set -u
[ "${SP_LONG:-0}" = 1 ] || [ -n "${2:-}" ] ||
	{ echo "builds the tree once for each of its bugs: only with --long"; exit 77; }
unset SP_LONG
src=$(cd "$1" && pwd)
pattern=${2:-.}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/sp-seeds-XXXXXX") || exit 2
trap 'rm -rf "$tmp"' EXIT INT TERM

# NAME  SCENARIO  FILE  SED-EXPRESSION
seeds() {
	grep -v '^#' <<'END'
replace-no-sync io base/io_file.c /^prepare(/,/^}/s/rc = sp_io_fsync(fd, err);/rc = SP_OK;/
replace-no-dirsync io base/io_file.c /^sp_io_replace(/,/^}/s/sync_parent(path, err) : rc/rc : rc/
publish-no-dirsync io base/io_file.c /^sp_io_publish(/,/^}/s/sync_parent(path, err) : rc/rc : rc/
replace-in-place io base/io_file.c /^sp_io_replace(/,/^}/s/rc = prepare(path, p, n, mode, &tmp, err);/{ int f = -1; rc = sp_io_open(path, 0102, mode, \&f, err); if (rc == SP_OK) rc = sp_io_pwrite(f, p, n, 0, err); if (rc == SP_OK) rc = sp_io_fsync(f, err); (void)sp_io_close(f, NULL); if (rc == SP_OK) return (sync_parent(path, err)); }/
mkdirs-no-dirsync io base/io_file.c /^mkdir_synced(/,/^}/s/rc = sp_io_syncdir(dir, err);/rc = SP_OK;/
intake-no-sync intake journal/log/intake.c /^sp_intake_commit(/,/^}/s/rc = sp_io_fdatasync(in->fd, err);/rc = SP_OK;/
intake-new-file-no-sync intake journal/log/intake_dir.c s/rc = sp_io_fsync(\*fd, err);/rc = SP_OK;/
intake-new-file-no-dirsync intake journal/log/intake_dir.c s/rc = sp_io_syncdir(folder, err);/rc = SP_OK;/
intake-no-truncate intake journal/log/intake.c s/if (sp_io_ftruncate(in->fd, in->at.end, NULL) != SP_OK)/in->at.end += 56;\n\t\tif (0)/
intake-sync-again intake journal/log/intake.c /^sp_intake_commit(/,/^}/s/rc = sp_io_fdatasync(in->fd, err);/if ((rc = sp_io_fdatasync(in->fd, err)) == SP_ESYNC) rc = sp_io_fdatasync(in->fd, err);/
intake-no-tail-cut intake journal/log/intake_recover.c s/rc = sp_io_ftruncate(w.fd, w.off, err);/rc = SP_OK;/;s/rc = sp_io_ftruncate(w->fd, w->off, err);/rc = SP_OK;/
intake-no-checksum intake journal/log/intake_recover.c s/if (crc != f.record_crc ||/if (crc == 1 \&\& f.record_crc == 2 \&\&/;s/\*whole = rec_crc == f.record_crc && msg_crc == f.msg_crc;/*whole = true;/
intake-mark-early intake journal/log/intake.c /^sp_intake_commit(/,/^}/s/rc = sp_io_fdatasync(in->fd, err);/batch_committed(in, n, length); return (SP_OK);/
create-no-dirsync create journal/seal/create.c s/rc = sp_io_syncdir(m->c->dir, err);/rc = SP_OK;/
segment-no-sync seal journal/segment/segment_write.c s/rc = sp_io_fsync(w->fd, err);/rc = SP_OK;/
segment-no-dirsync seal journal/seal/seal_pack.c /^commit_segment(/,/^}/s/rc = sp_io_syncdir(j->dir, err);/rc = SP_OK;/
segment-signed-late seal journal/seal/seal_pack.c /^commit_segment(/,/^}/{s/rc = sp_io_rename(j->tmp, j->path, err);/rc = SP_OK;/;s/rc = sp_io_replace(j->p7s, der.p, der.n, 0440, err);/if ((rc = sp_io_rename(j->tmp, j->path, err)) == SP_OK) rc = sp_io_replace(j->p7s, der.p, der.n, 0440, err);/}
intake-removed-early seal journal/seal/seal_pack.c /^pack(/,/^}/s/rc = commit_segment(s, j, err);/if ((rc = remove_intake(s, j, err)) == SP_OK) rc = commit_segment(s, j, err);/
tiles-no-dirsync seal journal/tree/tree_publish.c s/enum sp_code rc = sp_io_syncdir(t->dirty\[i\], err);/enum sp_code rc = SP_OK; (void)err;/
tail-before-tiles seal journal/tree/tree.c /^sp_tree_commit(/,/^}/s/rc = sp_tree_flush(t, err);/if ((rc = replace_tail(t, err)) == SP_OK) rc = sp_tree_flush(t, err);/
tiles-no-sync tree journal/tree/tree_batch.c s/j->rc = sp_io_fsync(j->b->files\[i\].fd, &j->err);/j->rc = SP_OK;/
export-folder-no-sync export export/container.c s/rc = sp_io_syncfs(c->partial, err);/rc = SP_OK;/
export-file-no-sync export export/container.c s/rc = sp_io_fsync(c->fd, err);/rc = SP_OK;/
export-no-dirsync export export/container.c s/rc = sp_io_syncdir(parent, err);/rc = SP_OK;/
export-in-place export export/container.c s/c->partial = sp_xasprintf("%s.partial", path);/c->partial = sp_xstrdup(path);/;s/rc = sp_io_rename(c->partial, c->path, err);/rc = SP_OK;/
END
}

cp -a "$src/." "$tmp/tree" && rm -rf "$tmp/tree/.git" "$tmp/tree/build"
# Only what the harness needs.
: >"$tmp/tree/app/CMakeLists.txt"
cat >"$tmp/tree/tests/CMakeLists.txt" <<'END'
add_subdirectory(crash)
END
(cd "$tmp/tree" && cmake -S . -B "$tmp/build" -G Ninja -DSP_FAULTS=ON \
	-DCMAKE_BUILD_TYPE=Debug >"$tmp/log" 2>&1) || { cat "$tmp/log"; exit 2; }
seeds | grep -E "^[^ ]*$pattern" >"$tmp/seeds"
bad=0
while read -r name scenario file expr; do
	cp "$tmp/tree/$file" "$tmp/orig"
	sed "$expr" "$tmp/orig" >"$tmp/tree/$file"
	if cmp -s "$tmp/orig" "$tmp/tree/$file"; then
		echo "not ok $name: the seed no longer changes $file"
		bad=1
	elif ! ninja -C "$tmp/build" "crash_$scenario" >"$tmp/log" 2>&1; then
		echo "not ok $name: does not compile"
		grep error: "$tmp/log"
		bad=1
	elif "$tmp/build/tests/crash/crash_$scenario" --stride 1 >"$tmp/log" 2>&1
	then
		echo "not ok $name: the harness did not notice"
		bad=1
	else
		echo "ok $name: $(tail -n 1 "$tmp/log")"
	fi
	cp "$tmp/orig" "$tmp/tree/$file"
done <"$tmp/seeds"
exit $bad
