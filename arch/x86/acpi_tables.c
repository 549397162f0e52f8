/* SPDX-License-Identifier: MIT */
/* Parsers of the ACPI tables, over bytes that are not trusted. Pure. Offsets and sections are those of ACPI 6.5. */
#include <string.h>

#include "arch/x86/acpi.h"

/* A table's bytes; reads past its end give zero, as fields of an older revision that are not there mean "none". */
struct table {
	const uint8_t *bytes;
	size_t size;
};

static uint64_t get(const struct table *t, size_t offset, unsigned size)
{
	uint64_t value = 0;

	if (offset > t->size || t->size - offset < size)
		return 0;
	memcpy(&value, t->bytes + offset, size); /* x86 is little-endian, as are the tables */
	return value;
}

static struct acpi_address get_address(const struct table *t, size_t offset)
{
	return (struct acpi_address){
		.space = (uint8_t)get(t, offset, 1),
		.width = (uint8_t)get(t, offset + 1, 1),
		.offset = (uint8_t)get(t, offset + 2, 1),
		.access = (uint8_t)get(t, offset + 3, 1),
		.address = get(t, offset + 4, 8),
	};
}

static bool checksum_ok(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size)
		sum = (uint8_t)(sum + bytes[--size]);
	return sum == 0;
}

/* --- RSDP, 5.2.5.3 --- */

bool acpi_parse_rsdp(const uint8_t *bytes, size_t size, struct acpi_rsdp *rsdp)
{
	struct table t = {bytes, size};
	uint32_t length;

	if (size < 20 || memcmp(bytes, "RSD PTR ", 8) != 0 || !checksum_ok(bytes, 20))
		return false;
	*rsdp = (struct acpi_rsdp){.revision = bytes[15], .rsdt = get(&t, 16, 4)};
	if (rsdp->revision < 2)
		return true;
	length = (uint32_t)get(&t, 20, 4);
	/* A broken extension leaves the ACPI 1.0 part, whose checksum is right. */
	if (length >= 36 && length <= size && checksum_ok(bytes, length))
		rsdp->xsdt = get(&t, 24, 8);
	return true;
}

size_t acpi_find_rsdp(const uint8_t *bytes, size_t size)
{
	struct acpi_rsdp rsdp;
	size_t i;

	for (i = 0; i + 20 <= size; i += 16)
		if (acpi_parse_rsdp(bytes + i, size - i, &rsdp))
			return i;
	return SIZE_MAX;
}

/* --- headers, XSDT and RSDT, 5.2.6 to 5.2.8 --- */

uint32_t acpi_table_length(const uint8_t *bytes)
{
	struct table t = {bytes, ACPI_HEADER_SIZE};
	uint32_t length = (uint32_t)get(&t, 4, 4);

	return length < ACPI_HEADER_SIZE || length > ACPI_TABLE_MAX ? 0 : length;
}

bool acpi_table_valid(const uint8_t *bytes, size_t size)
{
	return size >= ACPI_HEADER_SIZE && acpi_table_length(bytes) == size && checksum_ok(bytes, size);
}

static unsigned root_entry_size(const uint8_t *bytes)
{
	return memcmp(bytes, "XSDT", 4) == 0 ? 8 : 4;
}

unsigned acpi_root_count(const uint8_t *bytes, size_t size)
{
	if (size < ACPI_HEADER_SIZE || (memcmp(bytes, "XSDT", 4) != 0 && memcmp(bytes, "RSDT", 4) != 0))
		return 0;
	return (unsigned)((size - ACPI_HEADER_SIZE) / root_entry_size(bytes));
}

uint64_t acpi_root_entry(const uint8_t *bytes, size_t size, unsigned n)
{
	struct table t = {bytes, size};

	if (n >= acpi_root_count(bytes, size))
		return 0;
	return get(&t, ACPI_HEADER_SIZE + (size_t)n * root_entry_size(bytes), root_entry_size(bytes));
}

/* --- MADT, 5.2.12 --- */

#define MADT_PCAT_COMPAT 1u
#define MADT_CPU_ENABLED 1u

/* MPS INTI flags (table 5.50): polarity 1:0 and trigger 3:2, where 0 is "as the bus does" and 3 is low or level. */
static bool inti_active_low(uint16_t flags, bool bus)
{
	return (flags & 3) == 0 ? bus : (flags & 3) == 3;
}

static bool inti_level(uint16_t flags, bool bus)
{
	return (flags >> 2 & 3) == 0 ? bus : (flags >> 2 & 3) == 3;
}

/* A processor with a small ID may be listed as local APIC and as local x2APIC: the first entry counts. */
static void madt_cpu(struct acpi_info *info, struct acpi_cpu cpu)
{
	unsigned i;

	for (i = 0; i < info->cpu_count; i++)
		if (info->cpus[i].apic_id == cpu.apic_id) {
			info->cpus[i].enabled |= cpu.enabled;
			return;
		}
	if (info->cpu_count < ACPI_CPUS)
		info->cpus[info->cpu_count++] = cpu;
	else
		info->cpus_dropped++;
}

static void madt_local_apic(const struct table *e, struct acpi_info *info)
{
	uint32_t id = (uint32_t)get(e, 3, 1);

	if (id != 0xff) /* the broadcast ID marks an unused entry */
		madt_cpu(info, (struct acpi_cpu){
			.apic_id = id,
			.uid = (uint32_t)get(e, 2, 1),
			.enabled = get(e, 4, 4) & MADT_CPU_ENABLED,
		});
}

static void madt_x2apic(const struct table *e, struct acpi_info *info)
{
	uint32_t id = (uint32_t)get(e, 4, 4);

	if (id != 0xffffffff)
		madt_cpu(info, (struct acpi_cpu){
			.apic_id = id,
			.uid = (uint32_t)get(e, 12, 4),
			.x2apic = true,
			.enabled = get(e, 8, 4) & MADT_CPU_ENABLED,
		});
}

static void madt_ioapic(const struct table *e, struct acpi_info *info)
{
	if (info->ioapic_count < ACPI_IOAPICS && get(e, 4, 4))
		info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){
			.id = (uint8_t)get(e, 2, 1),
			.address = get(e, 4, 4),
			.gsi_base = (uint32_t)get(e, 8, 4),
		};
}

static void madt_override(const struct table *e, struct acpi_info *info)
{
	uint16_t flags = (uint16_t)get(e, 8, 2);

	if (info->override_count < ACPI_OVERRIDES && get(e, 2, 1) == 0 && get(e, 3, 1) < 16)
		info->overrides[info->override_count++] = (struct acpi_override){
			.isa = (uint8_t)get(e, 3, 1),
			.gsi = (uint32_t)get(e, 4, 4),
			.level = inti_level(flags, false),
			.active_low = inti_active_low(flags, false),
		};
}

static void madt_nmi(struct acpi_info *info, uint32_t uid, uint16_t flags, uint8_t lint)
{
	if (info->lapic_nmi_count < ACPI_LAPIC_NMIS && lint < 2)
		info->lapic_nmis[info->lapic_nmi_count++] = (struct acpi_lapic_nmi){
			.uid = uid,
			.lint = lint,
			.level = inti_level(flags, false),
			.active_low = inti_active_low(flags, false),
		};
}

static void madt_local_nmi(const struct table *e, struct acpi_info *info)
{
	uint32_t uid = (uint32_t)get(e, 2, 1);

	madt_nmi(info, uid == 0xff ? ACPI_ALL_CPUS : uid, (uint16_t)get(e, 3, 2), (uint8_t)get(e, 5, 1));
}

static void madt_x2apic_nmi(const struct table *e, struct acpi_info *info)
{
	madt_nmi(info, (uint32_t)get(e, 4, 4), (uint16_t)get(e, 2, 2), (uint8_t)get(e, 8, 1));
}

static void madt_lapic_address(const struct table *e, struct acpi_info *info)
{
	info->lapic = get(e, 4, 8);
}

struct madt_entry {
	uint8_t size;
	void (*parse)(const struct table *entry, struct acpi_info *info);
};

static const struct madt_entry madt_entries[] = {
	[0] = {8, madt_local_apic},
	[1] = {12, madt_ioapic},
	[2] = {10, madt_override},
	[4] = {6, madt_local_nmi},
	[5] = {12, madt_lapic_address},
	[9] = {16, madt_x2apic},
	[10] = {12, madt_x2apic_nmi},
};

static bool parse_madt(const struct table *t, struct acpi_info *info)
{
	size_t at = 44;

	if (t->size < at)
		return false;
	info->lapic = get(t, 36, 4);
	info->has_8259 = get(t, 40, 4) & MADT_PCAT_COMPAT;
	while (at < t->size) {
		struct table e = {t->bytes + at, (size_t)get(t, at + 1, 1)};
		size_t type = t->bytes[at];

		if (e.size < 2 || e.size > t->size - at)
			return false;
		if (type < sizeof(madt_entries) / sizeof(madt_entries[0]) && madt_entries[type].parse) {
			if (e.size < madt_entries[type].size)
				return false;
			madt_entries[type].parse(&e, info);
		}
		at += e.size;
	}
	return true;
}

/* --- FADT, 5.2.9 --- */

#define FADT_RESET_REG_SUP    (1u << 10)
#define FADT_TMR_VAL_EXT      (1u << 8)
#define FADT_HW_REDUCED_ACPI  (1u << 20)

/* The extended block where it is given, else the 32-bit port: "if X_ is nonzero it must be used". */
static struct acpi_address fadt_block(const struct table *t, size_t old, size_t old_length, size_t extended)
{
	struct acpi_address address = get_address(t, extended);

	if (address.address)
		return address;
	return (struct acpi_address){
		.space = ACPI_IO,
		.width = (uint8_t)(get(t, old_length, 1) * 8),
		.address = get(t, old, 4),
	};
}

static bool parse_fadt(const struct table *t, struct acpi_info *info)
{
	uint32_t flags = (uint32_t)get(t, 112, 4);

	if (t->size < 116) /* the size of ACPI 1.0's */
		return false;
	info->has_fadt = true;
	info->dsdt = get(t, 140, 8) ? get(t, 140, 8) : get(t, 40, 4);
	info->sci = (uint16_t)get(t, 46, 2);
	info->iapc_boot_arch = (uint16_t)get(t, 109, 2);
	info->hardware_reduced = flags & FADT_HW_REDUCED_ACPI;
	if (flags & FADT_RESET_REG_SUP) {
		info->reset = get_address(t, 116);
		info->reset_value = (uint8_t)get(t, 128, 1);
	}
	if (info->hardware_reduced)
		return true; /* the fixed registers are not there */
	info->smi_command = (uint32_t)get(t, 48, 4);
	info->acpi_enable = (uint8_t)get(t, 52, 1);
	info->pm1a_event = fadt_block(t, 56, 88, 148);
	info->pm1a_control = fadt_block(t, 64, 89, 172);
	info->pm1b_control = fadt_block(t, 68, 89, 184);
	if (get(t, 91, 1) >= 4 || get(t, 212, 8)) {
		info->pm_timer = fadt_block(t, 76, 91, 208);
		info->pm_timer_32 = flags & FADT_TMR_VAL_EXT;
	}
	return true;
}

/* --- HPET (IA-PC HPET specification 3.2.4), MCFG (PCI firmware specification 4.1.2), SPCR --- */

static bool parse_hpet(const struct table *t, struct acpi_info *info)
{
	struct acpi_address address = get_address(t, 40);

	if (t->size < 56 || address.space != ACPI_MEMORY)
		return false;
	if (!info->hpet)
		info->hpet = address.address;
	return true;
}

static bool parse_mcfg(const struct table *t, struct acpi_info *info)
{
	size_t at;

	for (at = 44; t->size >= at + 16; at += 16) {
		struct acpi_mcfg mcfg = {
			.base = get(t, at, 8),
			.segment = (uint16_t)get(t, at + 8, 2),
			.first_bus = (uint8_t)get(t, at + 10, 1),
			.last_bus = (uint8_t)get(t, at + 11, 1),
		};

		if (!mcfg.base || mcfg.base & 0xfffff || mcfg.last_bus < mcfg.first_bus)
			return false;
		if (info->mcfg_count < ACPI_MCFGS)
			info->mcfgs[info->mcfg_count++] = mcfg;
	}
	return t->size >= 44;
}

static uint32_t spcr_baud(const struct table *t)
{
	static const uint32_t bauds[] = {[3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200};
	size_t code = (size_t)get(t, 58, 1);

	return code < sizeof(bauds) / sizeof(bauds[0]) ? bauds[code] : 0;
}

static bool parse_spcr(const struct table *t, struct acpi_info *info)
{
	enum { UART_16550 = 0, UART_16450 = 1, UART_16550_GAS = 0x12 }; /* DBG2 table 3 */
	enum { INTERRUPT_8259 = 1, INTERRUPT_IOAPIC = 2 };
	uint8_t kind = (uint8_t)get(t, 36, 1), interrupt = (uint8_t)get(t, 52, 1);
	struct acpi_address base = get_address(t, 40);

	if (t->size < 80)
		return false;
	if (kind != UART_16550 && kind != UART_16450 && kind != UART_16550_GAS)
		return true;
	if (base.space != ACPI_MEMORY && base.space != ACPI_IO)
		return true;
	if (base.space == ACPI_IO && base.address > 0xfff8)
		return false;
	info->spcr = (struct acpi_spcr){
		.base = base,
		.baud = spcr_baud(t),
		.irq = (uint8_t)get(t, 53, 1),
		.has_irq = (interrupt & INTERRUPT_8259) && get(t, 53, 1) < 16,
		.gsi = (uint32_t)get(t, 54, 4),
		.has_gsi = interrupt & INTERRUPT_IOAPIC,
	};
	return true;
}

static bool parse_aml(const struct table *t, struct acpi_info *info)
{
	if (!info->has_s5)
		info->has_s5 = acpi_find_s5(t->bytes + ACPI_HEADER_SIZE, t->size - ACPI_HEADER_SIZE, &info->s5_typ_a,
		                            &info->s5_typ_b);
	return true;
}

struct parser {
	char signature[4];
	bool (*parse)(const struct table *table, struct acpi_info *info);
};

static const struct parser parsers[] = {
	{{'A', 'P', 'I', 'C'}, parse_madt}, {{'F', 'A', 'C', 'P'}, parse_fadt}, {{'H', 'P', 'E', 'T'}, parse_hpet},
	{{'M', 'C', 'F', 'G'}, parse_mcfg}, {{'S', 'P', 'C', 'R'}, parse_spcr}, {{'D', 'S', 'D', 'T'}, parse_aml},
	{{'S', 'S', 'D', 'T'}, parse_aml},
};

bool acpi_parse_table(const uint8_t *bytes, size_t size, struct acpi_info *info)
{
	struct table t = {bytes, size};
	size_t i;

	if (size < ACPI_HEADER_SIZE)
		return false;
	for (i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++)
		if (memcmp(bytes, parsers[i].signature, 4) == 0)
			return parsers[i].parse(&t, info);
	return true;
}
