/* SPDX-License-Identifier: MIT */
/*
 * What a guest finds in its memory when it starts: nothing but itself and what its loader gave it. It fills all of its
 * memory, resets itself and looks again. A byte of CMOS, which a reset leaves alone, counts the starts.
 */
#include "guest.h"

#define CMOS_COUNT 0x50
#define STARTS     3
#define PAGE       4096ULL
#define LIMIT      0x100000000ULL /* what the runtime maps */
#define RANGES     16
#define RAM        1

struct range {
	uint64_t start, end; /* whole pages */
};

static struct range kept[RANGES];
static unsigned kept_count;

static uint8_t cmos_read(uint8_t index)
{
	out8(0x70, index);
	return in8(0x71);
}

static void cmos_write(uint8_t index, uint8_t value)
{
	out8(0x70, index);
	out8(0x71, value);
}

static void keep(uint64_t start, uint64_t size)
{
	if (start && size && kept_count < RANGES)
		kept[kept_count++] = (struct range){ start & ~(PAGE - 1), (start + size + PAGE - 1) & ~(PAGE - 1) };
}

static void keep_text(uint32_t address)
{
	if (address)
		keep(address, strlen((const char *)(uintptr_t)address) + 1);
}

static bool is_kept(uint64_t page)
{
	for (unsigned i = 0; i < kept_count; i++)
		if (page >= kept[i].start && page < kept[i].end)
			return true;
	return false;
}

static void find_kept(void)
{
	const struct multiboot_info *info = multiboot_info();

	keep(0x100000, (uint64_t)guest_end - 0x100000);
	keep(multiboot_info_address, sizeof(*info));
	keep_text(info->cmdline);
	keep_text(info->boot_loader_name);
	keep(info->mmap_addr, info->mmap_length);
}

/* Calls `visit` with each page of RAM that is nobody's. Returns how many there are. */
static uint64_t each_page(void (*visit)(uint64_t *page))
{
	const struct multiboot_info *info = multiboot_info();
	uint64_t pages = 0;
	uint32_t size;

	for (uint64_t at = info->mmap_addr; at < info->mmap_addr + info->mmap_length; at += size + 4) {
		uint64_t base, end;
		uint32_t type;

		memcpy(&size, (const void *)at, 4);
		memcpy(&base, (const void *)(at + 4), 8);
		memcpy(&end, (const void *)(at + 12), 8);
		memcpy(&type, (const void *)(at + 20), 4);
		end += base;
		for (uint64_t page = base; type == RAM && page + PAGE <= end && page < LIMIT; page += PAGE) {
			if (is_kept(page))
				continue;
			visit((uint64_t *)page);
			pages++;
		}
	}
	return pages;
}

static uint64_t dirty, first_dirty;

static void look(uint64_t *page)
{
	for (unsigned i = 0; i < PAGE / 8; i++) {
		if (!page[i])
			continue;
		if (!dirty++)
			first_dirty = (uint64_t)page;
		return;
	}
}

static void fill(uint64_t *page)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		page[i] = (uint64_t)&page[i] ^ 0x5ec2e75ec2e75ec2ULL;
}

int main(void)
{
	uint8_t start = (uint8_t)(cmos_read(CMOS_COUNT) + 1);
	uint64_t pages;

	cmos_write(CMOS_COUNT, start);
	find_kept();
	pages = each_page(look);
	check(pages > 1000 && !dirty, "start %u: %lu pages are zero (%lu are not, the first at %lx)", start, pages, dirty,
	      first_dirty);
	if (start >= STARTS || dirty)
		return results();
	each_page(fill);
	out8(0xcf9, 2);
	out8(0xcf9, 6);
	for (;;)
		__asm__ volatile("hlt");
}
