/* SPDX-License-Identifier: MIT */
/* Walks RSDP, XSDT or RSDT and hands each table to acpi_tables.c. */
#include "arch/x86/acpi.h"

#include <string.h>

#include "arch/x86/paging.h"
#include "kernel/log.h"

#define BIOS_AREA_BASE  0xe0000u /* where a BIOS puts the RSDP (ACPI 5.2.5.1), besides the first KiB of the EBDA */
#define BIOS_AREA_SIZE  0x20000u
#define EBDA_SEGMENT    0x40eu
#define ROOT_TABLES_MAX 256u

struct acpi_info acpi;

bool acpi_s5(uint8_t *typ_a, uint8_t *typ_b)
{
	*typ_a = acpi.s5_typ_a;
	*typ_b = acpi.s5_typ_b;
	return acpi.has_s5;
}

static bool readable(uint64_t phys, uint64_t size)
{
	return phys && phys < 1ULL << 52 && size <= (1ULL << 52) - phys;
}

/* The RSDP's address within [base, base + size), or 0. */
static uint64_t search(uint64_t base, size_t size)
{
	const uint8_t *bytes = map_physical(base, size, PTAB_READ);
	size_t offset;

	if (!bytes)
		return 0;
	offset = acpi_find_rsdp(bytes, size);
	unmap_physical((void *)bytes, size);
	return offset == SIZE_MAX ? 0 : base + offset;
}

static uint64_t search_bios(void)
{
	const uint8_t *page = map_physical(0, 0x1000, PTAB_READ);
	uint16_t segment = 0;
	uint64_t found = 0;

	if (page) {
		memcpy(&segment, page + EBDA_SEGMENT, sizeof(segment));
		unmap_physical((void *)page, 0x1000);
	}
	if (segment >= 0x8000 && segment < 0xa000) /* the EBDA lies in the upper half of conventional memory */
		found = search((uint64_t)segment << 4, 0x400);
	return found ? found : search(BIOS_AREA_BASE, BIOS_AREA_SIZE);
}

/* Maps a whole table that is in order; NULL, with a warning, when it is not. */
static const uint8_t *map_table(uint64_t phys, const char *what, uint32_t *size)
{
	const uint8_t *bytes;
	uint32_t length;

	if (!readable(phys, ACPI_HEADER_SIZE))
		return NULL;
	bytes = map_physical(phys, ACPI_HEADER_SIZE, PTAB_READ);
	if (!bytes)
		return NULL;
	length = acpi_table_length(bytes);
	unmap_physical((void *)bytes, ACPI_HEADER_SIZE);
	if (!length || !readable(phys, length)) {
		log_warning(NULL, "ACPI: no table at %#llx (%s): ignored", (unsigned long long)phys, what);
		return NULL;
	}
	bytes = map_physical(phys, length, PTAB_READ);
	if (!bytes)
		return NULL;
	if (!acpi_table_valid(bytes, length)) {
		log_warning(NULL, "ACPI: wrong checksum in the %.4s table at %#llx: ignored", (const char *)bytes,
		            (unsigned long long)phys);
		unmap_physical((void *)bytes, length);
		return NULL;
	}
	*size = length;
	return bytes;
}

static void read_table(uint64_t phys, const char *what)
{
	uint32_t size;
	const uint8_t *bytes = map_table(phys, what, &size);

	if (!bytes)
		return;
	if (!acpi_parse_table(bytes, size, &acpi))
		log_warning(NULL, "ACPI: the %.4s table at %#llx is malformed: used as far as it goes", (const char *)bytes,
		            (unsigned long long)phys);
	unmap_physical((void *)bytes, size);
}

static bool read_root(uint64_t phys, const char *what)
{
	uint32_t size;
	const uint8_t *bytes;
	unsigned i, count;

	if (!phys)
		return false;
	bytes = map_table(phys, what, &size);
	if (!bytes)
		return false;
	count = acpi_root_count(bytes, size);
	for (i = 0; i < count && i < ROOT_TABLES_MAX; i++)
		read_table(acpi_root_entry(bytes, size, i), what);
	unmap_physical((void *)bytes, size);
	return count != 0;
}

static bool read_rsdp(uint64_t phys, struct acpi_rsdp *rsdp)
{
	const uint8_t *bytes;
	bool good;

	if (!readable(phys, 36))
		return false;
	bytes = map_physical(phys, 36, PTAB_READ);
	if (!bytes)
		return false;
	good = acpi_parse_rsdp(bytes, 36, rsdp);
	unmap_physical((void *)bytes, 36);
	return good;
}

void acpi_init(uint64_t rsdp)
{
	struct acpi_rsdp root;

	memset(&acpi, 0, sizeof(acpi));
	acpi.rsdp = rsdp ? rsdp : search_bios();
	if (!acpi.rsdp) {
		log_warning(NULL, "ACPI: no tables found");
		return;
	}
	if (!read_rsdp(acpi.rsdp, &root)) {
		log_warning(NULL, "ACPI: broken RSDP at %#llx: going on without ACPI", (unsigned long long)acpi.rsdp);
		return;
	}
	acpi.revision = root.revision;
	acpi.present = read_root(root.xsdt, "XSDT") || read_root(root.rsdt, "RSDT");
	if (!acpi.present)
		return;
	/* The FADT names the DSDT; it is no entry of the XSDT. */
	if (acpi.dsdt)
		read_table(acpi.dsdt, "DSDT");
	if (acpi.cpus_dropped)
		log_warning(NULL, "ACPI: %u processors beyond the first %u ignored", acpi.cpus_dropped, ACPI_CPUS);
	log_debug(NULL, "ACPI: revision %u, %u processors, %u I/O APICs, HPET %#llx, PM timer %#llx", acpi.revision,
	          acpi.cpu_count, acpi.ioapic_count, (unsigned long long)acpi.hpet, (unsigned long long)acpi.pm_timer.address);
}
