#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots the demo in QEMU, stopped at the kernel's entry, with gdb in front; the console is in BUILD/debug.log.
set -eu

build=$1
port=${GDB_PORT:-1234}
log=$build/debug.log

"$build/bulkhead" run "$build/demo/bulkhead.conf" --qemu-arg -S --qemu-arg -gdb --qemu-arg "tcp::$port" \
	</dev/null >"$log" 2>&1 &
emulator=$!
trap 'kill $emulator 2>/dev/null || :' EXIT
echo "The console is in $log; leaving gdb ends the emulator."
gdb -q "$build/bulkhead.elf" -ex 'set confirm off' -ex 'set tcp connect-timeout 30' -ex "target remote :$port" \
	-ex 'hbreak kernel_main' -ex continue
