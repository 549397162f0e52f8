/* SPDX-License-Identifier: MIT */
/* drivers/vpci_endpoint.c, drivers/vpci_msix.c, drivers/ivshmem.c: three ends of one channel. */
#include "tests/unit/fake_host.h"

#include "drivers/ivshmem.h"
#include "kernel/errno.h"

#define ENDS 3
#define SIZE 0x10000ULL
#define REGISTERS 0xfe001000ULL
#define MSIX 0xfe000000ULL
#define MEMORY 0xf0000000ULL
#define CAPABILITY 0x40
#define MESSAGE 0xfee01000u

static struct vpci pci[ENDS];
static struct ivshmem ends[ENDS];
static struct ivshmem_channel channel;
static uint8_t memory[SIZE];
static unsigned moves, messages;
static uint64_t last_address;
static uint32_t last_data;

static void moved(struct ivshmem *ivshmem, void *context)
{
	assert_ptr_equal(context, ivshmem);
	moves++;
}

static void message(struct device_host *host, uint64_t address, uint32_t data)
{
	assert_ptr_equal(host, &fake.host);
	messages++;
	last_address = address;
	last_data = data;
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	fake.host.message = message;
	memset(memory, 0, sizeof(memory));
	memset(&channel, 0, sizeof(channel));
	channel.size = SIZE;
	for (unsigned i = 0; i < ENDS; i++) {
		const struct ivshmem_config config = {
			.channel = &channel, .position = (uint16_t)i, .devfn = VPCI_DEVFN(16, 0), .registers = REGISTERS,
			.msix = MSIX, .memory = MEMORY, .window = memory, .moved = moved, .context = &ends[i],
		};

		vpci_init(&pci[i], &fake.host, NULL, NULL);
		ivshmem_init(&ends[i], &fake.host, &config);
		assert_int_equal(vpci_add(&pci[i], &ends[i].endpoint.function), E_OK);
		channel.peers[i] = &ends[i];
	}
	messages = moves = 0;
	return 0;
}

/* --- configuration space --- */

static uint32_t get(unsigned end, unsigned offset, unsigned size)
{
	return (uint32_t)fake_read(vpci_ecam, &pci[end].device, 0, VPCI_DEVFN(16, 0) << 12 | offset, (uint8_t)size);
}

static void set(unsigned end, unsigned offset, unsigned size, uint32_t value)
{
	fake_write(vpci_ecam, &pci[end].device, 0, VPCI_DEVFN(16, 0) << 12 | offset, (uint8_t)size, value);
}

static bool touch(unsigned end, uint64_t address, uint8_t size, bool write, uint64_t *value)
{
	struct bus_access access = { .address = address, .size = size, .write = write, .value = *value };
	bool there = vpci_bar_access(&pci[end], &access);

	*value = access.value;
	return there;
}

static uint64_t load(unsigned end, uint64_t address, uint8_t size)
{
	uint64_t value = 0x5555555555555555;

	assert_true(touch(end, address, size, false, &value));
	return value;
}

static void store(unsigned end, uint64_t address, uint8_t size, uint64_t value)
{
	assert_true(touch(end, address, size, true, &value));
}

static void test_identity(void **state)
{
	(void)state;
	assert_int_equal(get(0, 0, 4), 0x11101af4);
	assert_int_equal(get(0, 8, 4), 0x05000001);
	assert_int_equal(get(0, 0x0e, 1), 0);
	assert_int_equal(get(0, 0x2c, 4), 0x11101af4);
	assert_int_equal(get(0, 0x3d, 1), 0);
	assert_int_equal(get(0, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	assert_int_equal(get(0, PCI_STATUS, 2), PCI_STATUS_CAPABILITIES);
	assert_int_equal(get(0, PCI_CAPABILITIES, 1), CAPABILITY);
	assert_int_equal(get(0, CAPABILITY, 4), (VPCI_MSIX_VECTORS - 1) << 16 | 0x11);
	assert_int_equal(get(0, CAPABILITY + 4, 4), 1);
	assert_int_equal(get(0, CAPABILITY + 8, 4), VPCI_MSIX_PBA | 1);
	assert_int_equal(get(0, PCI_BAR(0), 4), REGISTERS);
	assert_int_equal(get(0, PCI_BAR(1), 4), MSIX);
	assert_int_equal(get(0, PCI_BAR(2), 4), MEMORY | PCI_BAR_64 | PCI_BAR_PREFETCH);
	assert_int_equal(get(0, PCI_BAR(3), 4), 0);
	assert_int_equal(get(0, PCI_BAR(4), 4), 0);
	assert_int_equal(get(0, 0x100, 4), 0);
}

static void test_only_what_can_be_written_is(void **state)
{
	static const struct { unsigned offset; uint32_t value; } after[] = {
		{ 0x00, 0x11101af4 }, { 0x04, 0x00100506 }, { 0x08, 0x05000001 }, { 0x0c, 0x0000f8ff },
		{ PCI_BAR(0), 0xffffff00 }, { PCI_BAR(1), 0xfffff000 }, { PCI_BAR(2), 0xffff000c }, { PCI_BAR(3), 0xffffffff },
		{ PCI_BAR(4), 0 }, { PCI_BAR(5), 0 }, { 0x28, 0 }, { 0x2c, 0x11101af4 }, { 0x30, 0 }, { 0x34, CAPABILITY },
		{ 0x38, 0 }, { 0x3c, 0xff }, { CAPABILITY, 0xc0030011 }, { CAPABILITY + 4, 1 }, { CAPABILITY + 12, 0 },
	};

	(void)state;
	for (unsigned offset = 0; offset < 4096; offset += 4)
		set(0, offset, 4, UINT32_MAX);
	for (unsigned i = 0; i < sizeof(after) / sizeof(after[0]); i++)
		assert_int_equal(get(0, after[i].offset, 4), after[i].value);
	pci[0].device.ops->reset(&pci[0].device);
	ends[0].device.ops->reset(&ends[0].device);
	test_identity(NULL);
}

static void test_bars_move_and_go(void **state)
{
	uint64_t address, value = 1;

	(void)state;
	assert_true(ivshmem_memory(&ends[1], &address));
	assert_int_equal(address, MEMORY);
	assert_int_equal(load(1, REGISTERS + 8, 4), 1);
	set(1, PCI_BAR(0), 4, 0xd0000000);
	assert_int_equal(load(1, 0xd0000008, 4), 1);
	assert_false(touch(1, REGISTERS + 8, 4, false, &value));
	set(1, PCI_BAR(2), 4, 0x12345678);
	set(1, PCI_BAR(3), 4, 0x9a);
	assert_true(moves > 0);
	assert_true(ivshmem_memory(&ends[1], &address));
	assert_true(address == 0x9a12340000);
	/* The memory, where an instruction is emulated. */
	store(1, address + SIZE - 8, 8, 0x1122334455667788);
	assert_int_equal(memory[SIZE - 1], 0x11);
	assert_true(load(1, address + SIZE - 4, 4) == 0x11223344);
	assert_false(touch(1, address + SIZE - 4, 8, false, &value));
	assert_false(touch(1, address - 1, 2, false, &value));
	set(1, PCI_COMMAND, 2, 0);
	assert_false(ivshmem_memory(&ends[1], &address));
	assert_false(touch(1, 0xd0000008, 4, false, &value));
	/* At the ends of the address space nothing wraps. */
	set(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	set(1, PCI_BAR(2), 4, UINT32_MAX);
	set(1, PCI_BAR(3), 4, UINT32_MAX);
	assert_true(load(1, UINT64_MAX - 7, 8) == 0x1122334455667788);
	assert_false(touch(1, UINT64_MAX, 8, false, &value));
	assert_false(touch(1, 0, 8, false, &value));
}

static void test_overlapping_bars(void **state)
{
	(void)state;
	set(2, PCI_BAR(1), 4, REGISTERS);
	assert_int_equal(load(2, REGISTERS + 8, 4), 2); /* BAR0 comes first */
	assert_int_equal(load(2, REGISTERS + 0x800, 4), 0);
	set(2, PCI_BAR(2), 4, (uint32_t)REGISTERS);
	assert_int_equal(load(2, REGISTERS + 8, 4), 2);
}

/* --- registers --- */

static void test_registers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ENDS; i++)
		assert_int_equal(load(i, REGISTERS + 8, 4), i);
	for (unsigned offset = 0; offset < IVSHMEM_REGISTERS; offset += 4) {
		store(0, REGISTERS + offset, 4, 0xffffffff);
		assert_int_equal(load(0, REGISTERS + offset, 4), 0);
	}
	assert_int_equal(load(2, REGISTERS + 8, 2), 0);
	assert_int_equal(load(2, REGISTERS + 8, 8), 0);
	assert_int_equal(load(2, REGISTERS + 9, 1), 0);
	assert_int_equal(messages, 0);
}

/* --- MSI-X --- */

static void arm(unsigned end, unsigned vector, uint32_t address, uint32_t data)
{
	store(end, MSIX + vector * 16, 4, address);
	store(end, MSIX + vector * 16 + 8, 4, data);
	store(end, MSIX + vector * 16 + 12, 4, 0);
}

static void enable(unsigned end)
{
	set(end, CAPABILITY + 2, 2, 0x8000);
	set(end, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void ring(unsigned from, unsigned to, unsigned vector)
{
	store(from, REGISTERS + 12, 4, to << 16 | vector);
}

static void test_doorbell(void **state)
{
	(void)state;
	arm(1, 2, MESSAGE, 0x41);
	enable(1);
	ring(0, 1, 2);
	assert_int_equal(messages, 1);
	assert_int_equal(last_address, MESSAGE);
	assert_int_equal(last_data, 0x41);
	ring(2, 1, 2);
	ring(1, 1, 2); /* itself */
	assert_int_equal(messages, 3);
	ring(0, 1, 1);                 /* masked */
	ring(0, 1, VPCI_MSIX_VECTORS); /* no such vectors */
	ring(0, 1, 0xffff);
	ring(0, 2, 2);                 /* not enabled */
	for (unsigned peer = ENDS; peer < 0x10000; peer++)
		ring(0, peer, 2);
	assert_int_equal(messages, 3);
	channel.peers[1] = NULL;
	ring(0, 1, 2);
	assert_int_equal(messages, 3);
}

static void test_pending(void **state)
{
	(void)state;
	enable(1);
	arm(1, 0, MESSAGE, 0x50);
	ring(0, 1, 3);
	assert_int_equal(load(1, MSIX + VPCI_MSIX_PBA, 8), 1 << 3);
	ring(0, 1, 3);
	store(1, MSIX + VPCI_MSIX_PBA, 8, 0); /* read-only */
	arm(1, 3, MESSAGE, 0x53);
	assert_int_equal(messages, 1); /* two came, one is sent */
	assert_int_equal(last_data, 0x53);
	assert_int_equal(load(1, MSIX + VPCI_MSIX_PBA, 4), 0);
	/* The function's mask, and the right to write. */
	set(1, CAPABILITY + 2, 2, 0xc000);
	ring(0, 1, 0);
	assert_int_equal(messages, 1);
	set(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	set(1, CAPABILITY + 2, 2, 0x8000);
	assert_int_equal(messages, 1);
	set(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(messages, 2);
	assert_int_equal(last_data, 0x50);
	/* Turned off, it forgets. */
	store(1, MSIX + 12, 4, 1);
	ring(0, 1, 0);
	assert_int_equal(load(1, MSIX + VPCI_MSIX_PBA, 4), 1);
	set(1, CAPABILITY + 2, 2, 0);
	assert_int_equal(load(1, MSIX + VPCI_MSIX_PBA, 4), 0);
	ring(0, 1, 0);
	set(1, CAPABILITY + 2, 2, 0x8000);
	store(1, MSIX + 12, 4, 0);
	assert_int_equal(messages, 2);
}

/* A message is never a write to memory. */
static void test_addresses(void **state)
{
	static const uint32_t bad[] = { 0, 0x1000, 0xfed00000, 0xfef00000, 0xfec00000, 0xfffff000 };

	(void)state;
	enable(1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		arm(1, 0, bad[i], 0x40);
		ring(0, 1, 0);
	}
	arm(1, 0, MESSAGE, 0x40);
	store(1, MSIX + 4, 4, 1);
	ring(0, 1, 0);
	assert_int_equal(messages, 0);
	store(1, MSIX + 4, 4, 0);
	ring(0, 1, 0);
	assert_int_equal(messages, 1);
	arm(1, 0, 0xfeeff00f, 0x40);
	assert_int_equal(load(1, MSIX, 4), 0xfeeff00c);
	ring(0, 1, 0);
	assert_int_equal(last_address, 0xfeeff00c);
}

static void test_table_accesses(void **state)
{
	(void)state;
	store(0, MSIX + 16, 8, 0x00000000fee02000);
	store(0, MSIX + 24, 8, 0xffffffff00000061);
	assert_true(load(0, MSIX + 16, 8) == 0xfee02000);
	assert_true(load(0, MSIX + 24, 8) == 0x100000061);
	store(0, MSIX + 16, 2, 0xffff);
	store(0, MSIX + 17, 1, 0xff);
	store(0, MSIX + 18, 4, 0xffffffff);
	store(0, MSIX + 20, 8, UINT64_MAX);
	assert_true(load(0, MSIX + 16, 8) == 0xfee02000);
	assert_int_equal(load(0, MSIX + 16, 1), 0);
	store(0, MSIX + VPCI_MSIX_VECTORS * 16, 4, 0xffffffff);
	assert_int_equal(load(0, MSIX + VPCI_MSIX_VECTORS * 16, 4), 0);
	store(0, MSIX + VPCI_MSIX_BAR_SIZE - 8, 8, UINT64_MAX);
	assert_int_equal(load(0, MSIX + VPCI_MSIX_BAR_SIZE - 8, 8), 0);
}

static void test_end_and_reset(void **state)
{
	(void)state;
	arm(1, 0, MESSAGE, 0x40);
	enable(1);
	ivshmem_quiet(&ends[1]);
	ring(0, 1, 0);
	assert_int_equal(messages, 0);
	ends[1].device.ops->reset(&ends[1].device);
	enable(1);
	ring(0, 1, 0); /* every entry is masked */
	assert_int_equal(messages, 0);
	assert_int_equal(load(1, MSIX + 12, 4), 1);
}

static void use(void)
{
	uint64_t address;

	ring(0, 1, 0);
	ring(0, 1, 3);
	set(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ivshmem_memory(&ends[1], &address);
}

static void test_save_and_restore(void **state)
{
	(void)state;
	arm(1, 1, MESSAGE, 0x40);
	enable(1);
	ring(0, 1, 2);
	set(1, PCI_BAR(0), 4, 0xd0000000);
	set(1, PCI_LINE, 1, 11);
	fake_round_trip(&ends[1].device, &ends[2].device);
	assert_int_equal(get(2, PCI_BAR(0), 4), 0xd0000000);
	assert_int_equal(load(2, MSIX + VPCI_MSIX_PBA, 4), 1 << 2);
	ring(0, 2, 1);
	assert_int_equal(messages, 1);
	fake_hostile_restore(&ends[1].device, use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_only_what_can_be_written_is, setup),
		cmocka_unit_test_setup(test_bars_move_and_go, setup),
		cmocka_unit_test_setup(test_overlapping_bars, setup),
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_doorbell, setup),
		cmocka_unit_test_setup(test_pending, setup),
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_table_accesses, setup),
		cmocka_unit_test_setup(test_end_and_reset, setup),
		cmocka_unit_test_setup(test_save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
