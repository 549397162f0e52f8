# SPDX-License-Identifier: MIT
# `nm -n` of the kernel into the table that arch/x86/symbols.c reads: count, then {offset from KERNEL_BASE, name} pairs
# sorted by offset, then the names.
BEGIN {
	base = "ffffffff8"
	count = 0
	print ".section .symbols,\"a\",@progbits"
	print ".balign 8"
}
$2 ~ /^[tT]$/ && index($1, base) == 1 && $3 !~ /^\.|^__(text|data|rodata|bss|symbols|image)_/ {
	offset[count] = substr($1, length(base) + 1)
	name[count++] = $3
}
END {
	printf ".long %d, 0\n", count
	for (i = 0; i < count; i++)
		printf ".long 0x%s, .Ln%d - .Lnames\n", offset[i], i
	print ".Lnames:"
	for (i = 0; i < count; i++)
		printf ".Ln%d: .asciz \"%s\"\n", i, name[i]
	print ".section .note.GNU-stack,\"\",@progbits"
}
