#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the parts of newlib that a kernel needs: newlib.sh TARBALL DIRECTORY CC
#
# newlib's own makefiles build all of it, and its double-returning functions do not compile without SSE. So configure
# makes the headers, and the string, character, integer and nano-formatted parts are compiled from the list below:
# once for the kernel (libc.a) and once position-independent for the boot loaders (libc-pic.a).
set -eu

tarball=$(readlink -f "$1")
cc=$3
target=$(readlink -m "$2")
work=$target.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
cd "$work"

STRING="bcmp bcopy bzero explicit_bzero ffsl ffsll fls flsl flsll memccpy memchr memcmp memmem memmove mempcpy memrchr
rawmemchr stpcpy stpncpy strcasecmp strcasestr strcat strchr strchrnul strcmp strcpy strcspn strlcat strlcpy strlen
strncasecmp strncat strncmp strncpy strnlen strpbrk strrchr strsep strspn strstr strtok_r swab"
CTYPE="ctype_ isalnum isalpha isascii isblank iscntrl isdigit islower isprint ispunct isspace isupper isxdigit
tolower toupper"
STDLIB="abs atoi atol atoll bsearch div imaxabs labs ldiv llabs lldiv qsort strtol strtoll strtoul strtoull strtoll_r
strtoull_r strtoimax strtoumax"
STDIO="snprintf sprintf vsnprintf vsprintf nano-vfprintf_i"
MACHINE="memcpy memset"

mkdir source configured kernel pic
tar -xf "$tarball" -C source --strip-components=1
libc=source/newlib/libc

# The nano printf knows the modifiers h, l and L only. On x86-64 all of ll, z, j and t are l; there is no L without SSE.
sed -i -e 's/flag_chars = "hlL"/flag_chars = "hlzjt"/' \
	-e 's/if ((cp = memchr (flag_chars, \*fmt, 3)) != NULL)/while ((cp = memchr (flag_chars, *fmt, 5)) != NULL)/' \
	-e 's/(SHORTINT << (cp - flag_chars))/(cp == flag_chars ? SHORTINT : LONGINT)/' $libc/stdio/nano-vfprintf.c
[ "$(grep -c 'hlzjt\|while ((cp = memchr (flag_chars\|cp == flag_chars' $libc/stdio/nano-vfprintf.c)" = 3 ] ||
	{ echo "newlib.sh: nano-vfprintf.c is not the one of newlib 3.3.0" >&2; exit 1; }

(cd configured && ../source/newlib/configure --no-recursion --host=x86_64-elf --disable-multilib \
	--disable-newlib-supplied-syscalls --disable-newlib-multithread --disable-newlib-io-float \
	--disable-newlib-wide-orient --disable-newlib-fvwrite-in-streamio --disable-newlib-unbuf-stream-opt \
	--disable-newlib-iconv --enable-newlib-nano-formatted-io --enable-newlib-reent-small --enable-lite-exit \
	CC="$cc" AR=ar RANLIB=ranlib AS=as) >configure.log 2>&1 || { cat configure.log >&2; exit 1; }

cp -r $libc/include include
cp configured/newlib.h configured/_newlib_version.h include
cp -r $libc/machine/x86_64/sys/. include/sys

# build DIRECTORY ARCHIVE FLAGS...
build()
{
	directory=$1
	archive=$2
	shift 2
	flags="-std=gnu17 -O2 -g -w -ffreestanding -fno-builtin -fno-stack-protector -ffunction-sections -fdata-sections
		-mno-red-zone -mgeneral-regs-only -fno-omit-frame-pointer -D_LIBC -DNO_FLOATING_POINT -D__ELIX_LEVEL__=4
		-nostdinc -isystem $($cc -print-file-name=include) -isystem include -I$libc/stdlib -I$libc/stdio
		-I$libc/string -I$libc/ctype $*"
	for unit in string:"$STRING" ctype:"$CTYPE" stdlib:"$STDLIB" stdio:"$STDIO"; do
		for name in ${unit#*:}; do
			source=$libc/${unit%%:*}/$name.c
			[ -e "$source" ] || source=$libc/search/$name.c # bsearch, qsort
			$cc $flags -c "$source" -o "$directory/$name.o"
		done
	done
	# Only the variant that prints into memory: no FILE is ever opened.
	$cc $flags -DSTRING_ONLY -c $libc/stdio/nano-vfprintf.c -o "$directory/nano-svfprintf.o"
	for name in $MACHINE; do
		$cc $flags -c "$libc/machine/x86_64/$name.S" -o "$directory/$name.o"
	done
	ar rcs "$archive" "$directory"/*.o
}

build kernel libc.a -mcmodel=kernel -fno-pic -fno-pie
build pic libc-pic.a -fpic -fvisibility=hidden -fshort-wchar

# In one step, and last: another make may be reading the old one.
mkdir result
mv include libc.a libc-pic.a result
rm -rf "$target"
mv result "$target"
