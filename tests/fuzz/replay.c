/* Runs a fuzz target over the files of its corpus folders, for ctest. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	long n;
	uint8_t *p;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0) {
		(void)fprintf(stderr, "%s: cannot be read\n", path);
		return (1);
	}
	rewind(f);
	p = malloc((size_t)n + 1);
	if (p == NULL || fread(p, 1, (size_t)n, f) != (size_t)n) {
		(void)fprintf(stderr, "%s: short read\n", path);
		return (1);
	}
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(p, (size_t)n);
	free(p);
	return (0);
}

int
main(int argc, char **argv)
{
	size_t done = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;

		while (d != NULL && (e = readdir(d)) != NULL) {
			char path[4096];

			if (e->d_name[0] == '.')
				continue;
			(void)snprintf(
			    path, sizeof(path), "%s/%s", argv[i], e->d_name);
			if (replay(path) != 0)
				return (1);
			done++;
		}
		if (d != NULL)
			(void)closedir(d);
	}
	(void)printf("%zu inputs replayed\n", done);
	return (done > 0 ? 0 : 1);
}
