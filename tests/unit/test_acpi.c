/* SPDX-License-Identifier: MIT */
/* ACPI parsers: the tables that QEMU's q35 machine gives, hand-made ones, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "arch/x86/acpi.h"

/* q35 with two processors, checksums included. */
static const char rsdp_q35[] = "52534420505452201c424f4348532000f722fe1f";
static const char madt_q35[] =
	"41504943800000000177424f4348532042585043202020200100000042585043010000000000e0fe0100000000080000010000000008010101"
	"000000010c00000000c0fe00000000020a0000020000000000020a0005050000000d00020a0009090000000d00020a000a0a0000000d00"
	"020a000b0b0000000d000406ff000001";
static const char fadt_q35[] =
	"46414350f400000003e0424f4348532042585043202020200100000042585043010000000000fe1f4000fe1f01000900b200000002030000"
	"00060000000000000406000000000000000000000806000020060000000000000402000410000000ff0fff0f000000000000000032020000"
	"a584000001080000f90c0000000000000f00000000000000000000004000fe1f000000000120000000060000000000000000000000000000"
	"00000000011000000406000000000000000000000000000000000000000000000000000000000000012000000806000000000000018000"
	"002006000000000000000000000000000000000000";
static const char hpet_q35[] =
	"485045543800000001b4424f43485320425850432020202001000000425850430100000001a28680000000000000d0fe0000000000000000";
static const char mcfg_q35[] =
	"4d4346473c000000018c424f4348532042585043202020200100000042585043010000000000000000000000000000b000000000000000ff"
	"00000000";
static const char s5_q35[] = "020000085f53355f12060400000000103b5c2e5f53425f504349305b";

static struct acpi_info info;

/* A heap block of exactly the size, so that the sanitizer sees a read past it. */
static uint8_t *from_hex(const char *hex, size_t *size)
{
	uint8_t *bytes;
	size_t i;

	*size = strlen(hex) / 2;
	bytes = malloc(*size);
	for (i = 0; i < *size; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return bytes;
}

static void put(uint8_t *bytes, size_t offset, uint64_t value, unsigned size)
{
	memcpy(bytes + offset, &value, size);
}

/* A table of `size` zero bytes with a header. */
static uint8_t *new_table(const char *signature, size_t size)
{
	uint8_t *bytes = calloc(1, size);

	memcpy(bytes, signature, 4);
	put(bytes, 4, size, 4);
	return bytes;
}

static void seal(uint8_t *bytes, size_t size, size_t at)
{
	uint8_t sum = 0;
	size_t i;

	bytes[at] = 0;
	for (i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[at] = (uint8_t)-sum;
}

static bool parse_hex(const char *hex)
{
	size_t size;
	uint8_t *bytes = from_hex(hex, &size);
	bool good;

	assert_true(acpi_table_valid(bytes, size));
	good = acpi_parse_table(bytes, size, &info);
	free(bytes);
	return good;
}

static bool parse_and_free(uint8_t *bytes, size_t size)
{
	bool good = acpi_parse_table(bytes, size, &info);

	free(bytes);
	return good;
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	return 0;
}

static void madt_of_q35(void **state)
{
	(void)state;
	assert_true(parse_hex(madt_q35));
	assert_int_equal(info.lapic, 0xfee00000);
	assert_true(info.has_8259);
	assert_int_equal(info.cpu_count, 2);
	assert_int_equal(info.cpus[1].apic_id, 1);
	assert_true(info.cpus[1].enabled);
	assert_false(info.cpus[1].x2apic);
	assert_int_equal(info.ioapic_count, 1);
	assert_int_equal(info.ioapics[0].address, 0xfec00000);
	assert_int_equal(info.ioapics[0].gsi_base, 0);
	assert_int_equal(info.override_count, 5);
	assert_int_equal(info.overrides[0].isa, 0);
	assert_int_equal(info.overrides[0].gsi, 2);
	assert_false(info.overrides[0].level);
	assert_false(info.overrides[0].active_low);
	assert_int_equal(info.overrides[2].gsi, 9);
	assert_true(info.overrides[2].level);
	assert_false(info.overrides[2].active_low); /* flags 0xd: level, active high */
	assert_int_equal(info.lapic_nmi_count, 1);
	assert_int_equal(info.lapic_nmis[0].uid, ACPI_ALL_CPUS);
	assert_int_equal(info.lapic_nmis[0].lint, 1);
}

static void fadt_of_q35(void **state)
{
	(void)state;
	assert_true(parse_hex(fadt_q35));
	assert_true(info.has_fadt);
	assert_int_equal(info.dsdt, 0x1ffe0040);
	assert_int_equal(info.sci, 9);
	assert_int_equal(info.pm_timer.address, 0x608);
	assert_int_equal(info.pm_timer.space, ACPI_IO);
	assert_false(info.pm_timer_32); /* flags 0x84a5 */
	assert_int_equal(info.pm1a_control.address, 0x604);
	assert_int_equal(info.pm1a_event.address, 0x600);
	assert_int_equal(info.pm1b_control.address, 0);
	assert_int_equal(info.smi_command, 0xb2);
	assert_int_equal(info.acpi_enable, 2);
	assert_int_equal(info.reset.address, 0xcf9);
	assert_int_equal(info.reset_value, 0x0f);
}

static void hpet_and_mcfg_of_q35(void **state)
{
	(void)state;
	assert_true(parse_hex(hpet_q35));
	assert_true(parse_hex(mcfg_q35));
	assert_int_equal(info.hpet, 0xfed00000);
	assert_int_equal(info.mcfg_count, 1);
	assert_int_equal(info.mcfgs[0].base, 0xb0000000);
	assert_int_equal(info.mcfgs[0].last_bus, 255);
}

static void soft_off_of_q35(void **state)
{
	size_t size;
	uint8_t *aml = from_hex(s5_q35, &size), a = 9, b = 9;

	(void)state;
	assert_true(acpi_find_s5(aml, size, &a, &b));
	assert_int_equal(a, 0);
	assert_int_equal(b, 0);
	free(aml);
}

static void soft_off_encodings(void **state)
{
	static const struct {
		const char *aml;
		int a, b; /* -1: none */
	} cases[] = {
		{"085f53355f120804" "0a050a050000", 5, 5},
		{"085c5f53355f120804" "0a070a000000", 7, 0}, /* \_S5_ */
		{"085f53355f12070201" "01", 1, 1},
		{"085f53355f1240080400050a06", -1, -1},      /* element that is no constant */
		{"085f53355f124008040a050b0600", 5, 6},      /* two-byte package length, word constant */
		{"085f53355f12060101", 1, 1},                /* one element: both alike */
		{"085f53355f120802" "0a0a0a05", -1, -1},     /* SLP_TYP has three bits */
		{"085f53355f120804" "0a05", -1, -1},         /* cut */
		{"085f53355f12", -1, -1},
		{"085f53355f12c0", -1, -1},
		{"085f53355f", -1, -1},
		{"105f53355f1208040a050a05", -1, -1},        /* no Name() before it */
		{"085f53345f1208040a050a05", -1, -1},        /* _S4_ */
		{"105f53355f085f53355f1208040a030a04", 3, 4}, /* a reference first, then the object */
	};
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *aml = from_hex(cases[i].aml, &size), a, b;
		bool found = acpi_find_s5(aml, size, &a, &b);

		assert_int_equal(found, cases[i].a >= 0);
		if (found) {
			assert_int_equal(a, cases[i].a);
			assert_int_equal(b, cases[i].b);
		}
		free(aml);
	}
}

static void rsdp_of_acpi_1(void **state)
{
	size_t size;
	uint8_t *bytes = from_hex(rsdp_q35, &size);
	struct acpi_rsdp rsdp;

	(void)state;
	assert_true(acpi_parse_rsdp(bytes, size, &rsdp));
	assert_int_equal(rsdp.rsdt, 0x1ffe22f7);
	assert_int_equal(rsdp.xsdt, 0);
	assert_false(acpi_parse_rsdp(bytes, size - 1, &rsdp));
	bytes[17] ^= 1;
	assert_false(acpi_parse_rsdp(bytes, size, &rsdp));
	free(bytes);
}

static void rsdp_of_acpi_2(void **state)
{
	uint8_t bytes[36] = "RSD PTR ";
	struct acpi_rsdp rsdp;

	(void)state;
	bytes[15] = 2;
	put(bytes, 16, 0x1000, 4);
	put(bytes, 20, 36, 4);
	put(bytes, 24, 0x123456789000, 8);
	seal(bytes, 20, 8);
	seal(bytes, 36, 32);
	assert_true(acpi_parse_rsdp(bytes, sizeof(bytes), &rsdp));
	assert_int_equal(rsdp.xsdt, 0x123456789000);
	assert_int_equal(rsdp.rsdt, 0x1000);
	bytes[32] ^= 1; /* the extension is broken: the first part still counts */
	assert_true(acpi_parse_rsdp(bytes, sizeof(bytes), &rsdp));
	assert_int_equal(rsdp.xsdt, 0);
	put(bytes, 20, 0xffffffff, 4);
	seal(bytes, 36, 32);
	assert_true(acpi_parse_rsdp(bytes, sizeof(bytes), &rsdp));
	assert_int_equal(rsdp.xsdt, 0);
}

static void rsdp_search(void **state)
{
	size_t size;
	uint8_t *rsdp = from_hex(rsdp_q35, &size), *area = calloc(1, 1024);

	(void)state;
	assert_true(acpi_find_rsdp(area, 1024) == SIZE_MAX);
	memcpy(area + 100, rsdp, size); /* not on a 16-byte boundary */
	assert_true(acpi_find_rsdp(area, 1024) == SIZE_MAX);
	memcpy(area + 992, rsdp, size);
	assert_true(acpi_find_rsdp(area, 1024) == 992);
	memcpy(area + 512, rsdp, size);
	area[520] ^= 0xff;
	assert_true(acpi_find_rsdp(area, 1024) == 992);
	free(area);
	free(rsdp);
}

static void headers(void **state)
{
	uint8_t *t = new_table("TEST", 64);

	(void)state;
	seal(t, 64, 9);
	assert_int_equal(acpi_table_length(t), 64);
	assert_true(acpi_table_valid(t, 64));
	assert_false(acpi_table_valid(t, 63));
	t[50] = 1;
	assert_false(acpi_table_valid(t, 64));
	assert_true(acpi_parse_table(t, 64, &info)); /* an unknown table is no error */
	put(t, 4, 35, 4);
	assert_int_equal(acpi_table_length(t), 0);
	put(t, 4, 0xffffffff, 4);
	assert_int_equal(acpi_table_length(t), 0);
	assert_false(acpi_parse_table(t, 35, &info));
	free(t);
}

static void root_tables(void **state)
{
	uint8_t *x = new_table("XSDT", 36 + 17), *r = new_table("RSDT", 36 + 8), *other = new_table("APIC", 60);

	(void)state;
	put(x, 36, 0x100000001, 8);
	put(x, 44, 0x200000002, 8);
	assert_int_equal(acpi_root_count(x, 36 + 17), 2); /* half an entry at the end does not count */
	assert_int_equal(acpi_root_entry(x, 36 + 17, 1), 0x200000002);
	assert_int_equal(acpi_root_entry(x, 36 + 17, 2), 0);
	put(r, 40, 0x1234, 4);
	assert_int_equal(acpi_root_count(r, 36 + 8), 2);
	assert_int_equal(acpi_root_entry(r, 36 + 8, 1), 0x1234);
	assert_int_equal(acpi_root_count(other, 60), 0);
	assert_int_equal(acpi_root_count(x, 20), 0);
	free(x);
	free(r);
	free(other);
}

static void madt_x2apic_and_more(void **state)
{
	static const uint8_t entries[] = {
		0, 8, 0, 5, 1, 0, 0, 0,                                      /* local APIC 5, UID 0 */
		0, 8, 1, 0xff, 1, 0, 0, 0,                                   /* unused */
		0, 8, 2, 7, 0, 0, 0, 0,                                      /* local APIC 7, not enabled */
		9, 16, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,             /* x2APIC 5 once more */
		9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0,       /* x2APIC 0x1234, UID 9 */
		5, 12, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0,                      /* local APIC address */
		10, 12, 0x0f, 0, 9, 0, 0, 0, 0, 0, 0, 0,                     /* NMI of UID 9 at LINT0, level, low */
		4, 6, 2, 0, 0, 7,                                            /* LINT7 does not exist */
		2, 10, 0, 99, 1, 0, 0, 0, 0, 0,                              /* there is no ISA interrupt 99 */
		200, 4, 1, 2,                                                /* unknown: skipped */
	};
	size_t size = 44 + sizeof(entries);
	uint8_t *t = new_table("APIC", size);

	(void)state;
	memcpy(t + 44, entries, sizeof(entries));
	assert_true(parse_and_free(t, size));
	assert_int_equal(info.cpu_count, 3);
	assert_int_equal(info.cpus[0].apic_id, 5);
	assert_true(info.cpus[0].enabled);
	assert_int_equal(info.cpus[1].apic_id, 7);
	assert_false(info.cpus[1].enabled);
	assert_int_equal(info.cpus[2].apic_id, 0x1234);
	assert_true(info.cpus[2].x2apic);
	assert_int_equal(info.cpus[2].uid, 9);
	assert_int_equal(info.lapic, 0xfd000000);
	assert_int_equal(info.lapic_nmi_count, 1);
	assert_int_equal(info.lapic_nmis[0].uid, 9);
	assert_true(info.lapic_nmis[0].level);
	assert_true(info.lapic_nmis[0].active_low);
	assert_int_equal(info.override_count, 0);
}

static void madt_broken_entries(void **state)
{
	static const uint8_t broken[][4] = {
		{0, 0, 0, 0}, {0, 1, 0, 0}, {0, 200, 0, 0}, {0, 4, 0, 0}, {1, 4, 0, 0}, {9, 4, 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		uint8_t *t = new_table("APIC", 48);

		memcpy(t + 44, broken[i], 4);
		assert_false(parse_and_free(t, 48));
	}
	assert_false(parse_and_free(new_table("APIC", 45), 45)); /* an entry of one byte */
	assert_false(parse_and_free(new_table("APIC", 40), 40));
	assert_int_equal(info.cpu_count, 0);
}

static void madt_more_than_fits(void **state)
{
	size_t size = 44 + 300 * 16 + 40 * 12 + 40 * 10 + 40 * 6, at = 44;
	uint8_t *t = new_table("APIC", size);
	unsigned i;

	(void)state;
	for (i = 0; i < 300; i++, at += 16) {
		put(t, at, 9 | 16 << 8, 2);
		put(t, at + 4, i, 4);
		put(t, at + 8, 1, 4);
	}
	for (i = 0; i < 40; i++, at += 12) {
		put(t, at, 1 | 12 << 8, 2);
		put(t, at + 4, 0xfec00000, 4);
	}
	for (i = 0; i < 40; i++, at += 10)
		put(t, at, 2 | 10 << 8, 2);
	for (i = 0; i < 40; i++, at += 6)
		put(t, at, 4 | 6 << 8, 2);
	assert_true(parse_and_free(t, size));
	assert_int_equal(info.cpu_count, ACPI_CPUS);
	assert_int_equal(info.cpus_dropped, 300 - ACPI_CPUS);
	assert_int_equal(info.ioapic_count, ACPI_IOAPICS);
	assert_int_equal(info.override_count, ACPI_OVERRIDES);
	assert_int_equal(info.lapic_nmi_count, ACPI_LAPIC_NMIS);
}

static void fadt_revisions(void **state)
{
	uint8_t *t = new_table("FACP", 116); /* ACPI 1.0: 32-bit fields only, no reset register */

	(void)state;
	put(t, 40, 0x7000, 4);
	put(t, 64, 0xb004, 4);
	put(t, 89, 2, 1);
	put(t, 76, 0xb008, 4);
	put(t, 91, 4, 1);
	put(t, 112, 1u << 10 | 1u << 8, 4);
	assert_true(parse_and_free(t, 116));
	assert_int_equal(info.dsdt, 0x7000);
	assert_int_equal(info.pm1a_control.address, 0xb004);
	assert_int_equal(info.pm1a_control.width, 16);
	assert_int_equal(info.pm_timer.address, 0xb008);
	assert_true(info.pm_timer_32);
	assert_int_equal(info.reset.address, 0);

	memset(&info, 0, sizeof(info));
	t = new_table("FACP", 276); /* hardware-reduced, everything 64-bit */
	put(t, 112, 1u << 20 | 1u << 10, 4);
	put(t, 40, 0x7000, 4);
	put(t, 140, 0x100007000, 8);
	put(t, 116, ACPI_MEMORY | 8 << 8, 4);
	put(t, 120, 0xfed80000, 8);
	put(t, 128, 3, 1);
	put(t, 76, 0xb008, 4);
	put(t, 91, 4, 1);
	assert_true(parse_and_free(t, 276));
	assert_int_equal(info.dsdt, 0x100007000);
	assert_int_equal(info.reset.space, ACPI_MEMORY);
	assert_int_equal(info.reset.address, 0xfed80000);
	assert_int_equal(info.reset_value, 3);
	assert_int_equal(info.pm_timer.address, 0);

	assert_false(parse_and_free(new_table("FACP", 115), 115));
}

static void broken_hpet_and_mcfg(void **state)
{
	uint8_t *t = new_table("HPET", 56);

	(void)state;
	put(t, 40, ACPI_IO, 1);
	put(t, 44, 0x1000, 8);
	assert_false(parse_and_free(t, 56));
	assert_false(parse_and_free(new_table("HPET", 55), 55));
	assert_int_equal(info.hpet, 0);

	t = new_table("MCFG", 60);
	put(t, 44, 0xb0000000, 8);
	put(t, 54, 0x0010, 2); /* first bus 16, last bus 0 */
	assert_false(parse_and_free(t, 60));
	t = new_table("MCFG", 60);
	put(t, 44, 0xb0000100, 8);
	assert_false(parse_and_free(t, 60));
	assert_false(parse_and_free(new_table("MCFG", 40), 40));
	assert_int_equal(info.mcfg_count, 0);
}

static uint8_t *new_spcr(uint8_t kind, uint8_t space, uint64_t base)
{
	uint8_t *t = new_table("SPCR", 80);

	put(t, 36, kind, 1);
	put(t, 40, space, 1);
	put(t, 44, base, 8);
	put(t, 52, 3, 1);
	put(t, 53, 4, 1);
	put(t, 54, 20, 4);
	put(t, 58, 7, 1);
	return t;
}

static void spcr_kinds(void **state)
{
	(void)state;
	assert_true(parse_and_free(new_spcr(3, ACPI_MEMORY, 0x9000000), 80)); /* a PL011: not for us */
	assert_int_equal(info.spcr.base.address, 0);
	assert_false(parse_and_free(new_spcr(0, ACPI_IO, 0x10000), 80));
	assert_int_equal(info.spcr.base.address, 0);
	assert_true(parse_and_free(new_spcr(0, ACPI_IO, 0x2f8), 80));
	assert_int_equal(info.spcr.base.address, 0x2f8);
	assert_int_equal(info.spcr.baud, 115200);
	assert_true(info.spcr.has_irq && info.spcr.irq == 4);
	assert_true(info.spcr.has_gsi && info.spcr.gsi == 20);
	assert_true(parse_and_free(new_spcr(0x12, ACPI_MEMORY, 0xfe034000), 80));
	assert_int_equal(info.spcr.base.address, 0xfe034000);
	assert_false(parse_and_free(new_table("SPCR", 79), 79));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(madt_of_q35, setup),
		cmocka_unit_test_setup(fadt_of_q35, setup),
		cmocka_unit_test_setup(hpet_and_mcfg_of_q35, setup),
		cmocka_unit_test_setup(soft_off_of_q35, setup),
		cmocka_unit_test_setup(soft_off_encodings, setup),
		cmocka_unit_test_setup(rsdp_of_acpi_1, setup),
		cmocka_unit_test_setup(rsdp_of_acpi_2, setup),
		cmocka_unit_test_setup(rsdp_search, setup),
		cmocka_unit_test_setup(headers, setup),
		cmocka_unit_test_setup(root_tables, setup),
		cmocka_unit_test_setup(madt_x2apic_and_more, setup),
		cmocka_unit_test_setup(madt_broken_entries, setup),
		cmocka_unit_test_setup(madt_more_than_fits, setup),
		cmocka_unit_test_setup(fadt_revisions, setup),
		cmocka_unit_test_setup(broken_hpet_and_mcfg, setup),
		cmocka_unit_test_setup(spcr_kinds, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
