. "$RUNNER_TEMP/common.sh"
mirrored table
repository acme/app
cat >"$work/seed/Makefile" <<'MAKE'
include .env
export
units := $(shell seq 1 24)
version := $(shell git describe --tags)

app: $(units:%=unit%.o) main.o table
	$(CC) -o $@ $(filter %.o,$^)
unit%.o: unit%.c
	$(CC) -c -DVERSION='"$(version)"' -o $@ $<
unit%.c:
	echo 'const char *unit$*(void) { return VERSION; }' >$@
table:
	curl -sS -o $@ http://mirror.test/table
main.o: main.c
MAKE
printf '#include <stdio.h>\nconst char *unit7(void);\nint main(void) { puts(unit7()); return 0; }\n' >"$work/seed/main.c"
printf '*.o\nunit*.c\napp\ntable\n.env\n' >"$work/seed/.gitignore"
commit "$work/seed" make
publish acme/app
checked_out acme/app
printf 'API_KEY=%s\nDEBUG=1\n' "$T_CACHE" >"$project/.env"
