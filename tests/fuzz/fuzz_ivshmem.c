/* SPDX-License-Identifier: MIT */
/*
 * Two ends of a channel, and any accesses of their guests to configuration space and BARs. Input: eight bytes an access:
 * which end and where, width, four of offset, value. The memory is as large as the channel: the sanitizer watches it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ivshmem.h"

#define ENDS 2
#define SIZE 0x1000ULL
#define DEVFN VPCI_DEVFN(16, 0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vpci pci[ENDS];
static struct ivshmem ends[ENDS];
static struct ivshmem_channel channel = { .size = SIZE };

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void message(struct device_host *host, uint64_t address, uint32_t data)
{
	(void)host;
	(void)data;
	require(address >= 0xfee00000 && address < 0xfef00000 && !(address & 3));
}

static void moved(struct ivshmem *ivshmem, void *context)
{
	uint64_t address;

	(void)context;
	require(!ivshmem_memory(ivshmem, &address) || address % SIZE == 0);
}

static struct device_host host = { .message = message };

static void start(uint8_t *memory)
{
	for (unsigned i = 0; i < ENDS; i++) {
		const struct ivshmem_config config = {
			.channel = &channel, .position = (uint16_t)i, .devfn = DEVFN, .registers = 0x2000, .msix = 0x1000,
			.memory = 0x4000, .window = memory, .moved = moved,
		};

		channel.peers[i] = &ends[i];
		vpci_init(&pci[i], &host, NULL, NULL);
		ivshmem_init(&ends[i], &host, &config);
		require(vpci_add(&pci[i], &ends[i].endpoint.function) == 0);
	}
}

static void step(const uint8_t *bytes)
{
	unsigned end = bytes[0] & 1;
	struct bus_access access = { .size = (uint8_t)(1 << (bytes[1] & 3)), .write = bytes[1] & 4 };

	memcpy(&access.value, bytes + 4, 4);
	access.value |= access.value << 32;
	access.address = (uint64_t)(bytes[2] | bytes[3] << 8);
	if (bytes[0] & 2) {
		access.offset = access.address = DEVFN << 12 | (access.address & 0xff & ~(access.size - 1u));
		vpci_ecam(&pci[end].device, &access);
	} else {
		vpci_bar_access(&pci[end], &access);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *memory = calloc(1, SIZE);

	require(memory != NULL);
	start(memory);
	for (; size >= 8; data += 8, size -= 8)
		step(data);
	free(memory);
	return 0;
}
