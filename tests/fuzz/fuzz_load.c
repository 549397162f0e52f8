/* SPDX-License-Identifier: MIT */
/* libFuzzer: hostile kernels of both boot protocols. The input's second half is the initrd or a module. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/guest_layout.h"
#include "kernel/load.h"

#define MEMORY (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *window;
	struct guest_memory memory = { .size = MEMORY };
	struct load_state state;
	struct load_module module = { .cmdline = "word" };
	struct load_request request = { .memory = &memory, .cmdline = "console=ttyS0", .rsdp = 0xe0000 };
	char why[256];

	if (!window)
		window = malloc(MEMORY); /* not larger: the sanitizer guards its end */
	memory.window = window;
	memory.count = guest_layout_ranges(MEMORY, memory.ranges);
	request.kernel = (struct load_file){ "kernel", data, size };
	module.file = (struct load_file){ "file", data + size / 2, size - size / 2 };
	request.modules = &module;
	request.module_count = size & 1;
	if (size & 2)
		request.initrd = module.file;
	why[0] = 0;
	if (load_kernel(&request, &state, why, sizeof(why)) && !why[0])
		abort(); /* every refusal has a reason */
	return 0;
}
