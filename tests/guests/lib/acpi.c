/* SPDX-License-Identifier: MIT */
/* Just enough of ACPI to find a table and to turn the machine off (ACPI 5.2.5, 5.2.9, 7.4.1). */
#include "guest.h"

#define FADT_DSDT       40
#define FADT_PM1A       64
#define SLP_EN          (1u << 13)
#define AML_NAME        0x08
#define AML_PACKAGE     0x12
#define AML_BYTE        0x0a

struct header {
	char signature[4];
	uint32_t length;
};

static uint32_t get32(const void *base, size_t offset)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)base + offset, sizeof(value));
	return value;
}

static bool sums_to_zero(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	while (size--)
		sum += *bytes++;
	return sum == 0;
}

static const uint8_t *find_rsdp(void)
{
	for (uintptr_t at = 0xe0000; at < 0x100000; at += 16)
		if (!memcmp((const void *)at, "RSD PTR ", 8) && sums_to_zero((const void *)at, 20))
			return (const uint8_t *)at;
	return NULL;
}

const void *acpi_table(const char signature[4])
{
	const uint8_t *rsdp = find_rsdp();
	const struct header *rsdt, *table;

	if (!rsdp)
		return NULL;
	rsdt = (const struct header *)(uintptr_t)get32(rsdp, 16);
	for (uint32_t at = 36; at + 4 <= rsdt->length; at += 4) {
		table = (const struct header *)(uintptr_t)get32(rsdt, at);
		if (!memcmp(table->signature, signature, 4) && sums_to_zero(table, table->length))
			return table;
	}
	return NULL;
}

/* Name (_S5, Package (..) { SLP_TYPa, ... }): the first element, a byte constant, Zero or One. */
static bool find_s5(const uint8_t *aml, size_t size, uint8_t *type)
{
	for (size_t i = 36; i + 16 < size; i++) {
		const uint8_t *at = aml + i + 5;

		if (aml[i] != AML_NAME || memcmp(aml + i + 1, "_S5_", 4) != 0 || *at++ != AML_PACKAGE)
			continue;
		at += 1 + (*at >> 6); /* package length */
		at++;                 /* number of elements */
		*type = *at == AML_BYTE ? at[1] : *at;
		return true;
	}
	return false;
}

bool acpi_power_off(void)
{
	const void *fadt = acpi_table("FACP");
	const struct header *dsdt;
	uint8_t type;

	if (!fadt)
		return false;
	dsdt = (const struct header *)(uintptr_t)get32(fadt, FADT_DSDT);
	if (!find_s5((const uint8_t *)dsdt, dsdt->length, &type))
		return false;
	out16((uint16_t)get32(fadt, FADT_PM1A), (uint16_t)(type << 10 | SLP_EN));
	return true;
}
