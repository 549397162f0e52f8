/* SPDX-License-Identifier: MIT */
/* MADT (ACPI 6.4, 5.2.12): local APICs, the I/O APIC and how the ISA interrupts get there. */
#include "drivers/vacpi_tables.h"
#include "drivers/vioapic.h"
#include "drivers/vpm.h"

#define MADT_REVISION 5
#define LOCAL_APIC_BASE 0xfee00000
#define PCAT_COMPAT 1   /* there is an 8259 pair */
#define ENABLED 1
#define X2APIC_ID_FIRST 255 /* does not fit the 8-bit entry, where it would mean all of them */

enum { LOCAL_APIC = 0, IO_APIC = 1, OVERRIDE = 2, LOCAL_NMI = 4, X2APIC = 9, X2APIC_NMI = 10 };

#define ALL_UIDS 0xff
#define ALL_X2APIC_UIDS 0xffffffff
#define LINT1 1
#define PIT_IRQ 0
#define PIT_PIN 2
#define LEVEL_ACTIVE_HIGH 0xd /* MPS INTI flags, table 5.26 */

static const struct acpi_madt_io_apic io_apic = {
	.type = IO_APIC,
	.length = sizeof(io_apic),
	.address = VIOAPIC_BASE,
};

static const struct acpi_madt_override overrides[] = {
	{ .type = OVERRIDE, .length = sizeof(overrides[0]), .irq = PIT_IRQ, .gsi = PIT_PIN },
	{
		.type = OVERRIDE, .length = sizeof(overrides[0]),
		.irq = VPM_SCI, .gsi = VPM_SCI, .flags = LEVEL_ACTIVE_HIGH,
	},
};

static const struct acpi_madt_local_nmi local_nmi = {
	.type = LOCAL_NMI,
	.length = sizeof(local_nmi),
	.uid = ALL_UIDS,
	.lint = LINT1,
};

static const struct acpi_madt_x2apic_nmi x2apic_nmi = {
	.type = X2APIC_NMI,
	.length = sizeof(x2apic_nmi),
	.uid = ALL_X2APIC_UIDS,
	.lint = LINT1,
};

/* The unique ID is the number of the processor, as in the SSDT. True when its APIC ID needs x2APIC. */
static int processor(struct vacpi_builder *builder, unsigned uid, uint32_t id)
{
	struct acpi_madt_local_apic local = {
		.type = LOCAL_APIC, .length = sizeof(local), .uid = (uint8_t)uid, .id = (uint8_t)id, .flags = ENABLED,
	};
	struct acpi_madt_x2apic x2apic = {
		.type = X2APIC, .length = sizeof(x2apic), .uid = uid, .id = id, .flags = ENABLED,
	};

	if (id < X2APIC_ID_FIRST) {
		vacpi_append(builder, &local, sizeof(local));
		return 0;
	}
	vacpi_append(builder, &x2apic, sizeof(x2apic));
	return 1;
}

uint32_t vacpi_madt(struct vacpi_builder *builder, const uint32_t *apic_ids, unsigned cpus)
{
	const uint32_t fixed[] = { LOCAL_APIC_BASE, PCAT_COMPAT };
	size_t offset = vacpi_begin(builder, "APIC", MADT_REVISION);
	int wide = 0;

	vacpi_append(builder, fixed, sizeof(fixed));
	for (unsigned i = 0; i < cpus; i++)
		wide |= processor(builder, i, apic_ids ? apic_ids[i] : i);
	vacpi_append(builder, &io_apic, sizeof(io_apic));
	vacpi_append(builder, overrides, sizeof(overrides));
	vacpi_append(builder, &local_nmi, sizeof(local_nmi));
	if (wide)
		vacpi_append(builder, &x2apic_nmi, sizeof(x2apic_nmi));
	return vacpi_end(builder, offset);
}
