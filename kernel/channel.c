/* SPDX-License-Identifier: MIT */
/* Channels: memory, one ivshmem device in each partition, and the stage-2 mapping that follows its BAR2. */
#include "kernel/channel.h"

#include <string.h>

#include "arch/x86/layout.h"
#include "drivers/ivshmem.h"
#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/partition.h"

#define LARGE_PAGE (2ULL << 20)
#define FIRST_DEVICE 16 /* channel n is device 16 + n of the partition's PCI bus */

/* Where a core of the partition reaches the memory, behind the largest guest's RAM in the guest window. */
#define WINDOW 0x6000000000ULL

_Static_assert(WINDOW + CONFIG_CHANNELS * CONFIG_CHANNEL_MAX <= GUEST_SIZE && WINDOW > CONFIG_MEMORY_MAX + (4ULL << 30),
	       "the channels' place in the guest window");
_Static_assert(CONFIG_PEERS <= IVSHMEM_PEERS, "one peer for each partition of a channel");

/* One partition's end. */
struct channel_end {
	struct ivshmem ivshmem;    /* first */
	struct channel_end *next;  /* of the same partition, in the order of the configuration */
	uint64_t phys, size;
	uint64_t mapped;           /* guest-physical address of the memory; 0: it is not mapped */
};

/*
 * The parts of the PCI hole in which the memory is mapped (those of _CRS); elsewhere, accesses are emulated. Large
 * pages have theirs, so that no guest can leave tables of small pages where a large BAR comes next: mapping one is some
 * hundred entries at the most.
 */
static bool in_its_place(uint64_t address, uint64_t size)
{
	uint64_t base = size >= LARGE_PAGE ? LAYOUT_SHARED_LARGE : LAYOUT_SHARED_SMALL;
	uint64_t end = size >= LARGE_PAGE ? LAYOUT_SHARED_LARGE_END : LAYOUT_SHARED_SMALL_END;

	return address >= base && address < end && size <= end - address;
}

/* 0: nowhere. */
static uint64_t wanted(const struct channel_end *end)
{
	uint64_t address;

	return ivshmem_memory(&end->ivshmem, &address) && in_its_place(address, end->size) ? address : 0;
}

/* Of two that overlap, the one that was there first stays. */
static bool is_free(const struct partition *partition, uint64_t address, uint64_t size)
{
	for (const struct channel_end *end = partition->channels; end; end = end->next)
		if (end->mapped && address < end->mapped + end->size && end->mapped < address + size)
			return false;
	return true;
}

static bool unmap_moved(struct partition *partition)
{
	bool any = false;

	for (struct channel_end *end = partition->channels; end; end = end->next) {
		if (!end->mapped || end->mapped == wanted(end))
			continue;
		/* It begins and ends where pages do: there is nothing to split, and so nothing that can fail. */
		ptab_unmap(&partition->stage2, end->mapped, end->size);
		end->mapped = 0;
		any = true;
	}
	return any;
}

/* Under the partition's device lock, or before it runs. */
static void moved(struct ivshmem *ivshmem, void *context)
{
	struct partition *partition = context;
	bool unmapped = unmap_moved(partition);

	(void)ivshmem;
	for (struct channel_end *end = partition->channels; end; end = end->next) {
		uint64_t address = wanted(end);

		if (!address || end->mapped || !is_free(partition, address, end->size))
			continue;
		/* Without memory for tables it is not there; the next change of a register tries again. */
		if (!ptab_map(&partition->stage2, address, end->phys, end->size, PTAB_READ | PTAB_WRITE | PTAB_USER))
			end->mapped = address;
	}
	for (unsigned i = 0; unmapped && i < partition->vcpu_count; i++)
		vcpu_todo(&partition->vcpus[i], TODO_FLUSH);
}

void channels_quiet(struct partition *partition)
{
	for (struct channel_end *end = partition->channels; end; end = end->next)
		ivshmem_quiet(&end->ivshmem);
}

/* --- at boot --- */

/* Behind those that the partition has, aligned to its size: largest first would leave no gap, any order leaves room. */
static uint64_t choose_address(const struct partition *partition, uint64_t size)
{
	uint64_t address = size >= LARGE_PAGE ? LAYOUT_SHARED_LARGE : LAYOUT_SHARED_SMALL;

	while (!is_free(partition, address, size))
		address += size;
	return address;
}

static void append(struct partition *partition, struct channel_end *end)
{
	struct channel_end **at = &partition->channels;

	while (*at)
		at = &(*at)->next;
	*at = end;
}

/* One end of channel `number`; NULL: no memory. */
static struct channel_end *plug(struct partition *partition, unsigned number, const struct ivshmem_channel *shared,
                                uint64_t phys, unsigned position)
{
	uint64_t window = WINDOW + number * CONFIG_CHANNEL_MAX;
	uint64_t registers = LAYOUT_SHARED_REGISTERS + number * 2 * PAGE_SIZE;
	struct channel_end *end = mem_alloc(sizeof(*end));
	const struct ivshmem_config config = {
		.channel = shared,
		.position = (uint16_t)position,
		.devfn = VPCI_DEVFN(FIRST_DEVICE + number, 0),
		.msix = registers,
		.registers = registers + PAGE_SIZE,
		.memory = choose_address(partition, shared->size),
		.window = (uint8_t *)GUEST_BASE + window,
		.moved = moved,
		.context = partition,
	};

	if (!end)
		return NULL;
	if (address_space_map(&partition->space, window, phys, shared->size)) {
		mem_free(end);
		return NULL;
	}
	end->phys = phys;
	end->size = shared->size;
	ivshmem_init(&end->ivshmem, &partition->pc->host, &config);
	if (pc_add_function(partition, &end->ivshmem.device, &end->ivshmem.endpoint.function)) {
		mem_free(end);
		return NULL;
	}
	append(partition, end);
	moved(&end->ivshmem, partition);
	return end;
}

/* Through the address space of the first partition that has it: there is no other map of it. */
static void zero(const struct partition *partition, unsigned number, uint64_t size)
{
	address_space_enter(&partition->space);
	memset((uint8_t *)GUEST_BASE + WINDOW + number * CONFIG_CHANNEL_MAX, 0, size);
	address_space_enter(NULL);
}

static void create(const struct config_channel *c, unsigned number)
{
	struct ivshmem_channel *shared = mem_alloc(sizeof(*shared));
	uint64_t phys = guest_alloc(c->size, c->size < LARGE_PAGE ? c->size : LARGE_PAGE);
	unsigned ends = 0;

	if (!shared || phys == UINT64_MAX) {
		mem_free(shared);
		log_error(NULL, "channel %s: there is no memory for it; its partitions start without it; make it "
		          "smaller", c->name);
		return;
	}
	shared->size = c->size;
	for (unsigned i = 0; i < c->count; i++) {
		struct partition *partition = &partitions[c->peers[i]];
		struct channel_end *end;

		if (atomic_load(&partition->state) == PARTITION_REFUSED)
			continue;
		end = plug(partition, number, shared, phys, i);
		if (!end) {
			log_error(partition->name, "starts without channel %s: the hypervisor has no memory left",
			          c->name);
			continue;
		}
		if (!ends++)
			zero(partition, number, c->size);
		shared->peers[i] = &end->ivshmem;
	}
	log_info(NULL, "channel %s: %llu KiB, for %u of %u partitions", c->name, (unsigned long long)(c->size >> 10),
	         ends, c->count);
}

void channels_create(const struct config *config)
{
	for (unsigned i = 0; i < config->channel_count && !config->fatal; i++) {
		const struct config_channel *c = &config->channels[i];

		if (c->bad)
			log_error(NULL, "channel %s: its configuration has errors, see above; its partitions start "
			          "without it", c->name);
		else
			create(c, i);
	}
}
