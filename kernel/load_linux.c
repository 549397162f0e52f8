/* SPDX-License-Identifier: MIT */
/* Linux by the 64-bit boot protocol (Documentation/arch/x86/boot.rst and zero-page.rst of the Linux sources). */
#include <string.h>

#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/load.h"

/* The setup header in the file; in struct boot_params it is at the same offsets. */
#define SETUP_SECTS        0x1f1 /* u8 */
#define SYSSIZE            0x1f4 /* u32, in 16 bytes */
#define BOOT_FLAG          0x1fe /* u16, 0xaa55 */
#define JUMP_DISTANCE      0x201 /* u8: the header ends at 0x202 + this */
#define MAGIC              0x202 /* "HdrS" */
#define VERSION            0x206 /* u16 */
#define TYPE_OF_LOADER     0x210 /* u8 */
#define CODE32_START       0x214
#define RAMDISK_IMAGE      0x218
#define RAMDISK_SIZE       0x21c
#define CMD_LINE_PTR       0x228
#define INITRD_ADDR_MAX    0x22c
#define KERNEL_ALIGNMENT   0x230
#define RELOCATABLE_KERNEL 0x234 /* u8 */
#define XLOADFLAGS         0x236 /* u16 */
#define CMDLINE_SIZE       0x238
#define SETUP_DATA         0x250 /* u64 */
#define PREF_ADDRESS       0x258 /* u64 */
#define INIT_SIZE          0x260
#define HEADER_END         0x264 /* the least that version 2.12 has */
#define HEADER_MAX         0x290 /* where struct boot_params goes on with other things */

/* Other fields of struct boot_params. */
#define ACPI_RSDP_ADDR 0x070 /* u64 */
#define E820_COUNT     0x1e8 /* u8 */
#define E820_TABLE     0x2d0 /* 20 bytes each */

#define XLF_KERNEL_64      1
#define LOADER_UNDEFINED   0xff
#define VERSION_XLOADFLAGS 0x20c
#define ENTRY_64           0x200

/* Low RAM, free until the kernel reads the E820 map; it copies what it wants to keep. */
#define BOOT_GDT      0x6000
#define BOOT_PARAMS   0x7000
#define BOOT_TABLES   0x9000 /* PML4, PDPT, 4 page directories: 0x9000..0xefff */
#define BOOT_STACK    0x20000
#define BOOT_CMDLINE  0x20000
#define CMDLINE_LIMIT 0x10000

#define BOOT_CS   0x10
#define BOOT_DS   0x18
#define CODE_64   0xa09b /* execute/read, accessed, present, L, G */
#define DATA_FLAT 0xc093 /* read/write, accessed, present, B, G */

#define RSI 6
#define RSP 4

/* Checked facts of the file. */
struct bzimage {
	uint64_t payload;      /* offset of the protected-mode part */
	uint64_t payload_size; /* that the file has */
	uint64_t address;      /* where it goes */
	uint64_t end;          /* of what it uses until it reads the memory map */
	uint64_t initrd_max;   /* last byte that the initrd may use */
	uint64_t initrd;
	uint32_t cmdline_size;
};

/* Little-endian, unaligned. */
static uint64_t get(const struct load_file *file, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, file->data + offset, size);
	return value;
}

static void put(uint8_t *page, unsigned offset, unsigned size, uint64_t value)
{
	memcpy(page + offset, &value, size);
}

bool load_linux_is(const struct load_file *kernel)
{
	return kernel->size >= VERSION + 2 && get(kernel, BOOT_FLAG, 2) == 0xaa55 &&
	       !memcmp(kernel->data + MAGIC, "HdrS", 4);
}

static int check_header(const struct load_file *kernel, struct bzimage *image, char *why, size_t size)
{
	uint64_t version = get(kernel, VERSION, 2), sectors = get(kernel, SETUP_SECTS, 1), wanted;

	if (kernel->size < HEADER_END)
		return load_refuse(E_INVALID, kernel, why, size, "cut short: it ends within its header: copy it again");
	if (version < VERSION_XLOADFLAGS || !(get(kernel, XLOADFLAGS, 2) & XLF_KERNEL_64))
		return load_refuse(E_UNSUPPORTED, kernel, why, size,
		                   "no 64-bit entry (boot protocol %u.%02u): use a 64-bit kernel, Linux 3.8 or later",
		                   (unsigned)version >> 8, (unsigned)version & 0xff);
	image->payload = ((sectors ? sectors : 4) + 1) * 512;
	wanted = image->payload + get(kernel, SYSSIZE, 4) * 16;
	if (wanted <= image->payload)
		return load_refuse(E_INVALID, kernel, why, size, "a bzImage without a kernel in it: copy it again");
	/* The size is rounded up in the header, and need not be in the file. */
	if (kernel->size + 15 < wanted || kernel->size <= image->payload)
		return load_refuse(E_INVALID, kernel, why, size,
		                   "cut short: its header says %llu bytes, the file has %llu: copy it again",
		                   (unsigned long long)wanted, (unsigned long long)kernel->size);
	image->payload_size = (kernel->size < wanted ? kernel->size : wanted) - image->payload;
	image->cmdline_size = (uint32_t)get(kernel, CMDLINE_SIZE, 4);
	return E_OK;
}

/* A relocatable kernel runs where it is loaded, but never below its preferred address. */
static int place(const struct load_request *request, struct bzimage *image, char *why, size_t size)
{
	const struct load_file *kernel = &request->kernel;
	uint64_t align = get(kernel, KERNEL_ALIGNMENT, 4), address = get(kernel, PREF_ADDRESS, 8);
	uint64_t needs = get(kernel, INIT_SIZE, 4), low = guest_low_end(request->memory);

	if (get(kernel, RELOCATABLE_KERNEL, 1)) {
		if (!align || align & (align - 1))
			return load_refuse(E_INVALID, kernel, why, size,
			                   "its header asks for an alignment of 0x%llx: copy it again",
			                   (unsigned long long)align);
		if (address < LAYOUT_HIGH)
			address = LAYOUT_HIGH;
		if (address < LAYOUT_LOW_END) /* else it is refused below */
			address = (address + align - 1) & ~(align - 1);
	}
	if (address < LAYOUT_HIGH)
		return load_refuse(E_INVALID, kernel, why, size,
		                   "its header asks for the address 0x%llx, below 1 MiB: copy it again",
		                   (unsigned long long)address);
	if (needs < image->payload_size)
		needs = image->payload_size;
	if (address >= LAYOUT_LOW_END || needs > LAYOUT_LOW_END - address)
		return load_refuse(
			E_RANGE, kernel, why, size,
			"it wants %llu MiB at 0x%llx, which no guest has below 3 GiB: use a relocatable kernel",
			load_mib(needs), (unsigned long long)address);
	if (address + needs > low)
		return load_refuse(E_NO_MEMORY, kernel, why, size,
		                   "it needs %llu MiB of memory to start, the partition has %llu MiB: raise `memory`",
		                   load_mib(address + needs), load_mib(request->memory->size));
	image->address = address;
	image->end = address + needs;
	return E_OK;
}

/* As high as the kernel and the RAM allow, so that it is out of the way of everything. */
static int place_initrd(const struct load_request *request, struct bzimage *image, char *why, size_t size)
{
	const struct load_file *initrd = &request->initrd;
	uint64_t top = get(&request->kernel, INITRD_ADDR_MAX, 4) + 1, low = guest_low_end(request->memory);

	if (!initrd->data || !initrd->size)
		return E_OK;
	if (top > low)
		top = low;
	if (top < image->end || initrd->size > top - image->end || (top - initrd->size) / 4096 * 4096 < image->end)
		return load_refuse(
			E_NO_MEMORY, initrd, why, size,
			"the initrd (%llu MiB) does not fit in %llu MiB of memory beside the kernel (up to %llu MiB): "
			"raise `memory` or use a smaller one",
			load_mib(initrd->size), load_mib(request->memory->size), load_mib(image->end));
	image->initrd = (top - initrd->size) / 4096 * 4096;
	return E_OK;
}

static int check_cmdline(const struct load_request *request, const struct bzimage *image, char *why, size_t size)
{
	size_t length = strlen(request->cmdline), limit = image->cmdline_size ? image->cmdline_size : 255;

	if (limit >= CMDLINE_LIMIT)
		limit = CMDLINE_LIMIT - 1;
	if (length <= limit)
		return E_OK;
	return load_refuse(E_INVALID, &request->kernel, why, size,
	                   "the command line has %llu characters, this kernel takes %llu: shorten `cmdline`",
	                   (unsigned long long)length, (unsigned long long)limit);
}

static void fill_e820(const struct guest_memory *memory, uint8_t *params)
{
	struct e820_entry map[E820_ENTRIES];
	unsigned count = guest_e820(memory, map);

	for (unsigned i = 0; i < count; i++) {
		put(params, E820_TABLE + i * 20, 8, map[i].base);
		put(params, E820_TABLE + i * 20 + 8, 8, map[i].size);
		put(params, E820_TABLE + i * 20 + 16, 4, map[i].type);
	}
	put(params, E820_COUNT, 1, count);
}

/* The zero page. What the loader must decide replaces what the file had there. */
static int write_params(const struct load_request *request, const struct bzimage *image)
{
	uint64_t header_end = MAGIC + get(&request->kernel, JUMP_DISTANCE, 1);
	uint8_t params[4096];

	memset(params, 0, sizeof(params));
	if (header_end < HEADER_END)
		header_end = HEADER_END;
	if (header_end > HEADER_MAX)
		header_end = HEADER_MAX;
	if (header_end > request->kernel.size)
		header_end = request->kernel.size;
	memcpy(params + SETUP_SECTS, request->kernel.data + SETUP_SECTS, header_end - SETUP_SECTS);
	put(params, TYPE_OF_LOADER, 1, LOADER_UNDEFINED);
	put(params, CODE32_START, 4, image->address);
	put(params, CMD_LINE_PTR, 4, BOOT_CMDLINE);
	put(params, RAMDISK_IMAGE, 4, image->initrd);
	put(params, RAMDISK_SIZE, 4, image->initrd ? request->initrd.size : 0);
	put(params, SETUP_DATA, 8, 0);
	put(params, ACPI_RSDP_ADDR, 8, request->rsdp);
	fill_e820(request->memory, params);
	return guest_write(request->memory, BOOT_PARAMS, params, sizeof(params));
}

/* The first 4 GiB, one to one, in pages of 2 MiB. */
static int write_tables(const struct guest_memory *memory)
{
	const uint64_t table = 3, large = 0x83; /* present, writable; page size */
	uint64_t *tables = guest_map(memory, BOOT_TABLES, 6 * 4096);

	if (!tables)
		return E_RANGE;
	memset(tables, 0, 2 * 4096);
	tables[0] = (BOOT_TABLES + 4096) | table;
	for (unsigned i = 0; i < 4; i++)
		tables[512 + i] = (BOOT_TABLES + (2 + i) * 4096) | table;
	for (uint64_t i = 0; i < 4 * 512; i++)
		tables[1024 + i] = i << 21 | large;
	return E_OK;
}

static int write_all(const struct load_request *request, const struct bzimage *image)
{
	static const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	const struct guest_memory *memory = request->memory;
	int error = load_copy_add(request->copies, memory, image->address, request->kernel.data + image->payload,
	                          image->payload_size);

	if (!error && image->initrd)
		error = load_copy_add(request->copies, memory, image->initrd, request->initrd.data, request->initrd.size);
	if (!error)
		error = guest_write(memory, BOOT_CMDLINE, request->cmdline, strlen(request->cmdline) + 1);
	if (!error)
		error = guest_write(memory, BOOT_GDT, gdt, sizeof(gdt));
	if (!error)
		error = write_tables(memory);
	return error ? error : write_params(request, image);
}

static void start_state(const struct bzimage *image, struct load_state *out)
{
	load_flat_segments(out, BOOT_CS, CODE_64, BOOT_DS, DATA_FLAT);
	out->segments[VCPU_GDTR] = (struct segment){ .base = BOOT_GDT, .limit = 4 * 8 - 1 };
	out->rip = image->address + ENTRY_64;
	out->gpr[RSI] = BOOT_PARAMS;
	out->gpr[RSP] = BOOT_STACK;
	out->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	out->cr3 = BOOT_TABLES;
	out->cr4 = CR4_PAE;
	out->efer = EFER_LME | EFER_LMA;
}

int load_linux(const struct load_request *request, struct load_state *out, char *why, size_t size)
{
	struct bzimage image = { 0 };
	int error = check_header(&request->kernel, &image, why, size);

	if (!error && request->module_count)
		error = load_refuse(E_INVALID, &request->kernel, why, size,
		                    "Linux takes no modules: use `initrd` instead of `module`");
	if (!error)
		error = check_cmdline(request, &image, why, size);
	if (!error)
		error = place(request, &image, why, size);
	if (!error)
		error = place_initrd(request, &image, why, size);
	if (error)
		return error;
	error = write_all(request, &image);
	if (error)
		return load_refuse(error, &request->kernel, why, size,
		                   "it does not fit in the partition's memory: raise `memory`");
	start_state(&image, out);
	return E_OK;
}
