/* SPDX-License-Identifier: MIT */
/* drivers/vacpi*.c: a walk through the tables as a guest does it, for any number of processors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/vacpi.h"
#include "drivers/vacpi_tables.h"
#include "kernel/errno.h"

#define GPA 0xe0000

static uint8_t buffer[VACPI_SIZE_MAX];
static int used;

static uint8_t sum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t total = 0;

	while (size--)
		total += *bytes++;
	return total;
}

static const struct acpi_rsdp *build(unsigned cpus, const uint32_t *apic_ids)
{
	struct vacpi_config config = { .cpus = cpus, .apic_ids = apic_ids };
	uint64_t rsdp = 0;

	memset(buffer, 0xcc, sizeof(buffer));
	used = vacpi_build(&config, buffer, sizeof(buffer), GPA, &rsdp);
	assert_true(used > 0);
	assert_int_equal(rsdp, GPA);
	assert_int_equal(buffer[used], 0xcc);
	return (const struct acpi_rsdp *)buffer;
}

/* The table at this guest-physical address, its checksum verified. */
static const void *table(uint64_t gpa, const char *signature)
{
	const struct acpi_header *header = (const struct acpi_header *)(buffer + (gpa - GPA));

	assert_in_range(gpa, GPA, GPA + (uint64_t)used - sizeof(*header));
	assert_memory_equal(header->signature, signature, 4);
	assert_in_range(header->length, sizeof(*header), GPA + (uint64_t)used - gpa);
	assert_int_equal(sum(header, header->length), 0);
	return header;
}

/* From the XSDT, where the RSDT must have the same at the same place. */
static const void *find(const char *signature)
{
	const struct acpi_rsdp *rsdp = (const struct acpi_rsdp *)buffer;
	const uint8_t *xsdt = table(rsdp->xsdt, "XSDT"), *rsdt = table(rsdp->rsdt, "RSDT");
	uint32_t count = (((const struct acpi_header *)xsdt)->length - sizeof(struct acpi_header)) / 8;

	assert_int_equal(((const struct acpi_header *)rsdt)->length, sizeof(struct acpi_header) + count * 4);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t wide;
		uint32_t narrow;

		memcpy(&wide, xsdt + sizeof(struct acpi_header) + i * 8, 8);
		memcpy(&narrow, rsdt + sizeof(struct acpi_header) + i * 4, 4);
		assert_int_equal(wide, narrow);
		if (!memcmp(buffer + (wide - GPA), signature, 4))
			return table(wide, signature);
	}
	fail_msg("no %.4s", signature);
	return NULL;
}

static void root(void **state)
{
	const struct acpi_rsdp *rsdp = build(2, NULL);

	(void)state;
	assert_memory_equal(rsdp->signature, "RSD PTR ", 8);
	assert_int_equal(rsdp->revision, 2);
	assert_int_equal(rsdp->length, 36);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
}

static void fixed_hardware(void **state)
{
	const struct acpi_fadt *fadt;
	const struct acpi_facs *facs;

	(void)state;
	build(1, NULL);
	fadt = find("FACP");
	assert_int_equal(fadt->header.length, 276);
	assert_int_equal(fadt->sci, 9);
	assert_int_equal(fadt->smi_command, 0);
	assert_int_equal(fadt->pm1a_event, 0x600);
	assert_int_equal(fadt->pm1a_control, 0x604);
	assert_int_equal(fadt->pm_timer, 0x608);
	assert_int_equal(fadt->x_pm_timer.address, fadt->pm_timer);
	assert_int_equal(fadt->x_pm1a_event.address, fadt->pm1a_event);
	assert_int_equal(fadt->x_pm1a_event.bits, fadt->pm1_event_length * 8);
	assert_int_equal(fadt->x_pm1a_control.bits, fadt->pm1_control_length * 8);
	assert_int_equal(fadt->reset_register.address, 0xcf9);
	assert_int_equal(fadt->reset_value, 6);
	assert_true(fadt->flags & 1 << 10);
	assert_false(fadt->flags & 1 << 20); /* not hardware-reduced */
	assert_false(fadt->boot_architecture & 2); /* no 8042 */
	assert_int_equal(fadt->x_dsdt, fadt->dsdt);
	facs = (const struct acpi_facs *)(buffer + (fadt->facs - GPA));
	assert_memory_equal(facs->signature, "FACS", 4);
	assert_int_equal(facs->length, 64);
	assert_int_equal(fadt->facs % 64, 0);
}

/* The compiled DSDT is there, with what only it can say. */
static void dsdt(void **state)
{
	static const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 5, 0x0a, 5 };
	const struct acpi_header *header;

	(void)state;
	build(1, NULL);
	header = table(((const struct acpi_fadt *)find("FACP"))->dsdt, "DSDT");
	assert_int_equal(header->revision, 2); /* 64-bit integers */
	assert_non_null(memmem(header, header->length, s5, sizeof(s5)));
	assert_non_null(memmem(header, header->length, "COM1", 4));
}

static void mcfg(void **state)
{
	const struct acpi_mcfg *table_;

	(void)state;
	build(1, NULL);
	table_ = find("MCFG");
	assert_int_equal(table_->header.length, 60);
	assert_true(table_->base == 0xe0000000);
	assert_int_equal(table_->last_bus, 0);
}

struct madt_count {
	unsigned by_type[16];
};

static void madt_entry(const uint8_t *entry, const uint32_t *apic_ids, struct madt_count *count)
{
	static const uint8_t lengths[] = { [0] = 8, [1] = 12, [2] = 10, [4] = 6, [9] = 16, [10] = 12 };
	unsigned index = count->by_type[0] + count->by_type[9];
	bool processor = entry[0] == 0 || entry[0] == 9;
	uint32_t id = processor && apic_ids ? apic_ids[index] : index;

	assert_in_range(entry[0], 0, 10);
	assert_int_equal(entry[1], lengths[entry[0]]);
	if (entry[0] == 0) {
		assert_int_equal(entry[2], index);
		assert_int_equal(entry[3], id);
		assert_int_equal(entry[4], 1);
	} else if (entry[0] == 9) {
		assert_int_equal(((const struct acpi_madt_x2apic *)entry)->id, id);
		assert_int_equal(((const struct acpi_madt_x2apic *)entry)->uid, index);
		assert_int_equal(((const struct acpi_madt_x2apic *)entry)->flags, 1);
	} else if (entry[0] == 1) {
		assert_int_equal(((const struct acpi_madt_io_apic *)entry)->address, 0xfec00000);
	} else if (entry[0] == 2) {
		assert_int_equal(((const struct acpi_madt_override *)entry)->gsi, entry[3] ? 9 : 2);
		assert_int_equal(((const struct acpi_madt_override *)entry)->flags, entry[3] ? 0xd : 0);
	} else {
		assert_int_equal(entry[entry[0] == 4 ? 5 : 8], 1); /* LINT1 */
	}
	count->by_type[entry[0]]++;
}

static struct madt_count walk_madt(const uint32_t *apic_ids)
{
	const struct acpi_madt *madt = find("APIC");
	const uint8_t *bytes = (const uint8_t *)madt;
	struct madt_count count = { 0 };
	uint32_t at = sizeof(*madt);

	assert_int_equal(madt->local_apic, 0xfee00000);
	assert_int_equal(madt->flags, 1);
	while (at < madt->header.length) {
		madt_entry(bytes + at, apic_ids, &count);
		at += bytes[at + 1];
	}
	assert_int_equal(at, madt->header.length);
	assert_int_equal(count.by_type[1], 1);
	assert_int_equal(count.by_type[2], 2);
	assert_int_equal(count.by_type[4], 1);
	return count;
}

/* Scope (\_SB) of exactly the table's rest, then a device for each processor. */
static void walk_ssdt(unsigned cpus)
{
	static const char digits[] = "0123456789ABCDEF";
	const struct acpi_header *ssdt = find("SSDT");
	const uint8_t *aml = (const uint8_t *)(ssdt + 1), *end = (const uint8_t *)ssdt + ssdt->length;

	assert_int_equal(aml[0], 0x10);
	assert_int_equal(aml[1] >> 6, 1);
	assert_ptr_equal(aml + 1 + (aml[1] & 15) + (aml[2] << 4), end);
	assert_memory_equal(aml + 3, "\\_SB_", 5);
	aml += 8;
	for (unsigned i = 0; i < cpus; i++) {
		const uint8_t name[] = { 'C', '0', (uint8_t)digits[i / 16], (uint8_t)digits[i % 16] };

		assert_true(aml + 29 <= end);
		assert_memory_equal(aml, "\x5b\x82\x1b", 3);
		assert_memory_equal(aml + 3, name, 4);
		assert_memory_equal(aml + 7, "\x08_HID\x0d" "ACPI0007", 15);
		assert_memory_equal(aml + 22, "\x08_UID\x0a", 6);
		assert_int_equal(aml[28], i);
		aml += 29;
	}
	assert_ptr_equal(aml, end);
}

static void any_number_of_processors(void **state)
{
	(void)state;
	for (unsigned cpus = 1; cpus <= VACPI_CPUS; cpus++) {
		struct madt_count count;

		build(cpus, NULL);
		count = walk_madt(NULL);
		assert_int_equal(count.by_type[0], cpus);
		assert_int_equal(count.by_type[9], 0);
		walk_ssdt(cpus);
	}
}

static void wide_apic_ids(void **state)
{
	static const uint32_t ids[] = { 0, 254, 255, 256, 0x12345678 };
	struct madt_count count;

	(void)state;
	build(5, ids);
	count = walk_madt(ids);
	assert_int_equal(count.by_type[0], 2);
	assert_int_equal(count.by_type[9], 3);
	assert_int_equal(count.by_type[10], 1);
	walk_ssdt(5);
}

static void buffer_too_small(void **state)
{
	struct vacpi_config config = { .cpus = 3 };
	uint64_t rsdp;

	(void)state;
	build(3, NULL);
	for (size_t size = 0; size <= (size_t)used; size++) {
		uint8_t *exact = malloc(size ? size : 1); /* the sanitizer watches its end */

		assert_int_equal(vacpi_build(&config, exact, size, GPA, &rsdp), size < (size_t)used ? E_FULL : used);
		free(exact);
	}
}

static void bad_requests(void **state)
{
	struct vacpi_config none = { .cpus = 0 }, many = { .cpus = VACPI_CPUS + 1 }, one = { .cpus = 1 };
	uint64_t rsdp;

	(void)state;
	assert_int_equal(vacpi_build(&none, buffer, sizeof(buffer), GPA, &rsdp), E_INVALID);
	assert_int_equal(vacpi_build(&many, buffer, sizeof(buffer), GPA, &rsdp), E_INVALID);
	assert_int_equal(vacpi_build(&one, buffer, sizeof(buffer), GPA + 16, &rsdp), E_INVALID);
	assert_int_equal(vacpi_build(&one, buffer, sizeof(buffer), 1ULL << 32, &rsdp), E_INVALID);
	assert_int_equal(vacpi_build(&one, buffer, sizeof(buffer), (1ULL << 32) - 64, &rsdp), E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root),
		cmocka_unit_test(fixed_hardware),
		cmocka_unit_test(dsdt),
		cmocka_unit_test(mcfg),
		cmocka_unit_test(any_number_of_processors),
		cmocka_unit_test(wide_apic_ids),
		cmocka_unit_test(buffer_too_small),
		cmocka_unit_test(bad_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
