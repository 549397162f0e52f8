/* SPDX-License-Identifier: MIT */
/* DSDT, compiled from dsdt.asl at build time, and an SSDT with one device per processor (ACPI 6.4, 8.4 and 20.2). */
#include "build/gen/dsdt.h"
#include "drivers/vacpi_tables.h"

#define SSDT_REVISION 2

/* Device (C000) { Name (_HID, "ACPI0007") Name (_UID, 0) } */
#define PROCESSOR_SIZE 29
#define NAME_DIGITS 5 /* offset of the last two digits of its name */
#define UID 28        /* offset of the byte constant */
static const uint8_t processor[PROCESSOR_SIZE] = {
	0x5b, 0x82, PROCESSOR_SIZE - 2, 'C', '0', '0', '0',
	0x08, '_', 'H', 'I', 'D', 0x0d, 'A', 'C', 'P', 'I', '0', '0', '0', '7', 0,
	0x08, '_', 'U', 'I', 'D', 0x0a, 0,
};

/* Scope (\_SB) with a package length of two bytes: low four bits and byte count, then eight bits more. */
#define SCOPE_SIZE 8
#define SCOPE_LENGTH(size) 0x40 | ((size) & 15), (uint8_t)((size) >> 4)

uint32_t vacpi_ssdt(struct vacpi_builder *builder, unsigned cpus)
{
	size_t offset = vacpi_begin(builder, "SSDT", SSDT_REVISION);
	unsigned package = SCOPE_SIZE - 1 + cpus * PROCESSOR_SIZE;
	const uint8_t scope[SCOPE_SIZE] = { 0x10, SCOPE_LENGTH(package), '\\', '_', 'S', 'B', '_' };

	vacpi_append(builder, scope, sizeof(scope));
	for (unsigned i = 0; i < cpus; i++) {
		uint8_t *device = vacpi_reserve(builder, PROCESSOR_SIZE, 1);

		if (!device)
			break;
		for (unsigned b = 0; b < PROCESSOR_SIZE; b++)
			device[b] = processor[b];
		device[NAME_DIGITS] = "0123456789ABCDEF"[i >> 4 & 15];
		device[NAME_DIGITS + 1] = "0123456789ABCDEF"[i & 15];
		device[UID] = (uint8_t)i;
	}
	return vacpi_end(builder, offset);
}

/* It brings its own header, checksum included. */
uint32_t vacpi_dsdt(struct vacpi_builder *builder)
{
	uint8_t *table = vacpi_reserve(builder, sizeof(dsdt_aml_code), 64);

	if (!table)
		return 0;
	for (size_t i = 0; i < sizeof(dsdt_aml_code); i++)
		table[i] = dsdt_aml_code[i];
	return (uint32_t)(builder->gpa + (size_t)(table - builder->buffer));
}
