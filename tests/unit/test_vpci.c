/* SPDX-License-Identifier: MIT */
/* drivers/vpci*.c: configuration mechanism 1, ECAM, the host bridge, and functions that are added. */
#include "tests/unit/fake_host.h"

#include "drivers/vpci.h"
#include "kernel/errno.h"

#define DISK VPCI_DEVFN(3, 1)

static struct vpci pci, copy;
static struct device reset_device;
static unsigned resets;
static uint64_t reset_value;

struct disk {
	struct vpci_function function;
	unsigned offset, size, resets;
	uint32_t value;
} disk;

static void reset_port(struct device *device, struct bus_access *access)
{
	assert_ptr_equal(device, &reset_device);
	if (access->write)
		reset_value = access->value;
	else
		access->value = 0x55;
	resets++;
}

static uint32_t disk_read(struct vpci_function *function, unsigned offset, unsigned size)
{
	struct disk *d = (struct disk *)function;

	d->offset = offset;
	d->size = size;
	return 0x44332211;
}

static void disk_write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
	struct disk *d = (struct disk *)function;

	d->offset = offset;
	d->size = size;
	d->value = value;
}

static void disk_reset(struct vpci_function *function)
{
	((struct disk *)function)->resets++;
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	resets = 0;
	disk = (struct disk){
		.function = {
			.devfn = DISK, .config_read = disk_read, .config_write = disk_write, .reset = disk_reset,
		},
	};
	vpci_init(&pci, &fake.host, reset_port, &reset_device);
	return 0;
}

static void out(uint16_t port, uint8_t size, uint32_t value)
{
	fake_write(vpci_io, &pci.device, 0xcf8, port, size, value);
}

static uint32_t in(uint16_t port, uint8_t size)
{
	return (uint32_t)fake_read(vpci_io, &pci.device, 0xcf8, port, size);
}

static uint32_t config(unsigned bus, unsigned devfn, unsigned reg)
{
	out(0xcf8, 4, 0x80000000 | bus << 16 | devfn << 8 | reg);
	return in(0xcfc, 4);
}

static void host_bridge(void **state)
{
	(void)state;
	assert_int_equal(config(0, 0, 0), 0x12378086);
	assert_int_equal(config(0, 0, 8), 0x06000002);
	assert_int_equal(config(0, 0, 4) & 0xffff, 0x0006);
	assert_int_equal(in(0xcfc, 2), 0x0006);
	assert_int_equal(in(0xcfd, 1), 0x00);
	assert_int_equal(config(0, 0, 0xc), 0);
	out(0xcfd, 1, 0xff); /* latency timer: its low bits are read-only */
	assert_int_equal(in(0xcfc, 4), 0xf800);
	out(0xcf8, 4, 0x80000000);
	out(0xcfc, 4, 0xdeadbeef);
	assert_int_equal(in(0xcfc, 4), 0x12378086);
	for (unsigned reg = 0x10; reg < 0x100; reg += 4) { /* no BARs */
		config(0, 0, reg);
		out(0xcfc, 4, 0xffffffff);
		assert_int_equal(in(0xcfc, 4), 0);
	}
}

static void absent_functions_are_all_ones(void **state)
{
	(void)state;
	for (unsigned devfn = 1; devfn < 256; devfn++)
		assert_int_equal(config(0, devfn, 0), 0xffffffff);
	for (unsigned bus = 1; bus < 256; bus++)
		assert_int_equal(config(bus, 0, 0), 0xffffffff);
	out(0xcf8, 4, 0x00000000); /* not enabled */
	assert_int_equal(in(0xcfc, 4), 0xffffffff);
	assert_int_equal(in(0xcfe, 2), 0xffff);
	assert_int_equal(in(0xcff, 1), 0xff);
	out(0xcfc, 4, 0);
}

/* pci_check_type1() of Linux, and that its type 2 test fails. */
static void linux_finds_mechanism_1(void **state)
{
	(void)state;
	out(0xcfb, 1, 1);
	out(0xcf8, 4, 0x80000000);
	assert_int_equal(in(0xcf8, 4), 0x80000000);
	out(0xcfb, 1, 0);
	out(0xcf8, 1, 0);
	out(0xcfa, 1, 0);
	assert_int_equal(in(0xcf8, 1), 0xff);
	assert_int_equal(in(0xcf8, 4), 0x80000000);
	out(0xcf8, 4, 0xffffffff); /* reserved bits stay zero */
	assert_int_equal(in(0xcf8, 4), 0x80fffffc);
	out(0xcf8, 2, 0x1234);
	assert_int_equal(in(0xcf8, 4), 0x80fffffc);
	assert_int_equal(in(0xcf8, 2), 0xffff);
}

static void reset_port_is_passed_on(void **state)
{
	(void)state;
	out(0xcf9, 1, 6);
	assert_int_equal(resets, 1);
	assert_int_equal(reset_value, 6);
	assert_int_equal(in(0xcf9, 1), 0x55);
	assert_int_equal(in(0xcf9, 2), 0xffff);
	out(0xcf8, 4, 0x80000600);
	assert_int_equal(resets, 2);
	vpci_init(&pci, &fake.host, NULL, NULL);
	assert_int_equal(in(0xcf9, 1), 0xff);
}

static void functions_can_be_added(void **state)
{
	struct disk more[VPCI_FUNCTIONS];

	(void)state;
	assert_int_equal(vpci_add(&pci, &disk.function), E_OK);
	assert_int_equal(vpci_add(&pci, &disk.function), E_BUSY);
	assert_int_equal(config(0, DISK, 0x44), 0x44332211);
	assert_int_equal(disk.offset, 0x44);
	assert_int_equal(in(0xcfe, 2), 0x2211);
	assert_int_equal(disk.offset, 0x46);
	assert_int_equal(disk.size, 2);
	out(0xcff, 1, 0x9a);
	assert_int_equal(disk.offset, 0x47);
	assert_int_equal(disk.value, 0x9a);
	pci.device.ops->reset(&pci.device);
	assert_int_equal(disk.resets, 1);
	memset(more, 0, sizeof(more));
	for (unsigned i = 0; i < VPCI_FUNCTIONS - 2; i++) {
		more[i].function.devfn = (uint8_t)VPCI_DEVFN(4 + i / 8, i % 8);
		assert_int_equal(vpci_add(&pci, &more[i].function), E_OK);
	}
	more[VPCI_FUNCTIONS - 1].function.devfn = 255;
	assert_int_equal(vpci_add(&pci, &more[VPCI_FUNCTIONS - 1].function), E_FULL);
}

static uint64_t ecam(unsigned devfn, unsigned reg, uint8_t size)
{
	return fake_read(vpci_ecam, &pci.device, VPCI_ECAM_BASE, VPCI_ECAM_BASE + (devfn << 12) + reg, size);
}

static void ecam_reaches_the_same_functions(void **state)
{
	(void)state;
	vpci_add(&pci, &disk.function);
	assert_int_equal(ecam(0, 0, 4), 0x12378086);
	assert_int_equal(ecam(0, 2, 2), 0x1237);
	assert_int_equal(ecam(0, 0x100, 4), 0);
	assert_int_equal(ecam(0, 0xffc, 4), 0);
	assert_int_equal(ecam(1, 0, 4), 0xffffffff);
	assert_int_equal(ecam(DISK, 0xabc, 4), 0x44332211);
	assert_int_equal(disk.offset, 0xabc);
	assert_int_equal(ecam(0, 1, 4), 0xffffffff); /* across a doubleword */
	assert_true(ecam(0, 0, 8) == UINT64_MAX);
	fake_write(vpci_ecam, &pci.device, VPCI_ECAM_BASE, VPCI_ECAM_BASE + (DISK << 12) + 0x10, 4, 0x1ffffffff);
	assert_int_equal(disk.value, 0xffffffff);
	fake_write(vpci_ecam, &pci.device, VPCI_ECAM_BASE, VPCI_ECAM_BASE + 0xfff, 8, 0);
}

static void use(void)
{
	config(0, 0, 0);
	assert_int_equal(in(0xcfc, 4), 0x12378086); /* nobody forges the identity */
}

static void save_and_restore(void **state)
{
	(void)state;
	config(0, 0, 0xc);
	out(0xcfd, 1, 0x40);
	vpci_init(&copy, &fake.host, NULL, NULL);
	fake_round_trip(&pci.device, &copy.device);
	assert_int_equal(copy.address, 0x8000000c);
	assert_int_equal(copy.bridge.config[0xd], 0x40);
	fake_hostile_restore(&pci.device, use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(host_bridge, setup),
		cmocka_unit_test_setup(absent_functions_are_all_ones, setup),
		cmocka_unit_test_setup(linux_finds_mechanism_1, setup),
		cmocka_unit_test_setup(reset_port_is_passed_on, setup),
		cmocka_unit_test_setup(functions_can_be_added, setup),
		cmocka_unit_test_setup(ecam_reaches_the_same_functions, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
