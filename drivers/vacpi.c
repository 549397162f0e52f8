/* SPDX-License-Identifier: MIT */
/* The root of the tables, and how a table gets into the buffer. */
#include "drivers/vacpi.h"
#include "drivers/vacpi_tables.h"
#include "drivers/vpci.h"
#include "kernel/errno.h"

#include <string.h>

#define FOUR_GIB (1ULL << 32)
#define ALIGNMENT 64 /* of the FACS; plenty for the others */
#define RSDP_V1_SIZE 20
#define ROOT_ENTRIES 4

void *vacpi_reserve(struct vacpi_builder *builder, size_t size, size_t alignment)
{
	size_t start = (builder->used + alignment - 1) & ~(alignment - 1);

	if (builder->error || start > builder->size || size > builder->size - start) {
		builder->error = E_FULL;
		return NULL;
	}
	memset(builder->buffer + builder->used, 0, start + size - builder->used);
	builder->used = start + size;
	return builder->buffer + start;
}

void vacpi_append(struct vacpi_builder *builder, const void *data, size_t size)
{
	void *to = vacpi_reserve(builder, size, 1);

	if (to)
		memcpy(to, data, size);
}

uint8_t vacpi_checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += bytes[i];
	return (uint8_t)-sum;
}

size_t vacpi_begin(struct vacpi_builder *builder, const char signature[4], uint8_t revision)
{
	struct acpi_header *header = vacpi_reserve(builder, sizeof(*header), ALIGNMENT);

	if (!header)
		return 0;
	memcpy(header->signature, signature, sizeof(header->signature));
	header->revision = revision;
	memcpy(header->oem_id, "BLKHD ", sizeof(header->oem_id));
	memcpy(header->oem_table_id, "BULKHEAD", sizeof(header->oem_table_id));
	header->oem_revision = 1;
	memcpy(header->creator_id, "BLKH", sizeof(header->creator_id));
	header->creator_revision = 1;
	return (size_t)((uint8_t *)header - builder->buffer);
}

uint32_t vacpi_end(struct vacpi_builder *builder, size_t offset)
{
	struct acpi_header *header = (struct acpi_header *)(builder->buffer + offset);

	if (builder->error)
		return 0;
	header->length = (uint32_t)(builder->used - offset);
	header->checksum = vacpi_checksum(header, header->length);
	return (uint32_t)(builder->gpa + offset);
}

static uint32_t mcfg(struct vacpi_builder *builder)
{
	size_t offset = vacpi_begin(builder, "MCFG", 1);
	struct acpi_mcfg table = { .base = VPCI_ECAM_BASE };

	vacpi_append(builder, &table.reserved0, sizeof(table) - sizeof(table.header));
	return vacpi_end(builder, offset);
}

static uint32_t rsdt(struct vacpi_builder *builder, const uint32_t *entries)
{
	size_t offset = vacpi_begin(builder, "RSDT", 1);

	vacpi_append(builder, entries, ROOT_ENTRIES * sizeof(*entries));
	return vacpi_end(builder, offset);
}

static uint32_t xsdt(struct vacpi_builder *builder, const uint32_t *entries)
{
	size_t offset = vacpi_begin(builder, "XSDT", 1);

	for (unsigned i = 0; i < ROOT_ENTRIES; i++) {
		uint64_t entry = entries[i];

		vacpi_append(builder, &entry, sizeof(entry));
	}
	return vacpi_end(builder, offset);
}

static void tables(struct vacpi_builder *builder, const struct vacpi_config *config, struct acpi_rsdp *rsdp)
{
	uint32_t facs = vacpi_facs(builder);
	uint32_t dsdt = vacpi_dsdt(builder);
	uint32_t entries[ROOT_ENTRIES] = {
		vacpi_fadt(builder, facs, dsdt),
		vacpi_madt(builder, config->apic_ids, config->cpus),
		mcfg(builder),
		vacpi_ssdt(builder, config->cpus),
	};

	memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, "BLKHD ", sizeof(rsdp->oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->rsdt = rsdt(builder, entries);
	rsdp->xsdt = xsdt(builder, entries);
	rsdp->checksum = vacpi_checksum(rsdp, RSDP_V1_SIZE);
	rsdp->extended_checksum = vacpi_checksum(rsdp, sizeof(*rsdp));
}

int vacpi_build(const struct vacpi_config *config, uint8_t *buffer, size_t size, uint64_t gpa, uint64_t *rsdp_gpa)
{
	struct vacpi_builder builder = { .buffer = buffer, .size = size, .gpa = gpa };
	struct acpi_rsdp *rsdp;

	if (config->cpus < 1 || config->cpus > VACPI_CPUS)
		return E_INVALID;
	if (gpa % ALIGNMENT || gpa >= FOUR_GIB || size > FOUR_GIB - gpa)
		return E_INVALID;
	rsdp = vacpi_reserve(&builder, sizeof(*rsdp), ALIGNMENT);
	if (rsdp)
		tables(&builder, config, rsdp);
	if (builder.error)
		return builder.error;
	*rsdp_gpa = gpa;
	return (int)builder.used;
}
