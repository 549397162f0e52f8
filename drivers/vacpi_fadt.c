/* SPDX-License-Identifier: MIT */
/* FADT (ACPI 6.4, 5.2.9) and FACS (5.2.10): the fixed hardware of vpm. */
#include "drivers/vacpi_tables.h"
#include "drivers/vpm.h"

#include <string.h>

#define FADT_REVISION 6
#define PROFILE_ENTERPRISE_SERVER 4
#define NO_C_STATE 0xffff
#define CMOS_CENTURY 0x32

/* IA-PC boot architecture flags, table 5.11. Bit 1 is clear: do not look for an 8042. */
#define BOOT_LEGACY_DEVICES (1 << 0)
#define BOOT_NO_VGA (1 << 2)

/* Fixed feature flags, table 5.10 */
#define FLAG_WBINVD (1 << 0)
#define FLAG_PROC_C1 (1 << 2)
#define FLAG_NO_FIXED_POWER_BUTTON (1 << 4)
#define FLAG_NO_FIXED_SLEEP_BUTTON (1 << 5)
#define FLAG_NO_FIXED_RTC_WAKE (1 << 6)
#define FLAG_TIMER_32_BITS (1 << 8)
#define FLAG_RESET_REGISTER (1 << 10)

static const struct acpi_fadt fadt = {
	.pm_profile = PROFILE_ENTERPRISE_SERVER,
	.sci = VPM_SCI,
	.pm1a_event = VPM_EVENT_BASE,
	.pm1a_control = VPM_CONTROL_BASE,
	.pm_timer = VPM_TIMER_BASE,
	.pm1_event_length = 4,
	.pm1_control_length = 2,
	.pm_timer_length = 4,
	.c2_latency = NO_C_STATE,
	.c3_latency = NO_C_STATE,
	.century = CMOS_CENTURY,
	.boot_architecture = BOOT_LEGACY_DEVICES | BOOT_NO_VGA,
	.flags = FLAG_WBINVD | FLAG_PROC_C1 | FLAG_NO_FIXED_POWER_BUTTON | FLAG_NO_FIXED_SLEEP_BUTTON |
	         FLAG_NO_FIXED_RTC_WAKE | FLAG_TIMER_32_BITS | FLAG_RESET_REGISTER,
	.reset_register = { ACPI_IO, 8, 0, 1, VPM_RESET_PORT },
	.reset_value = VPM_RESET_VALUE,
	.x_pm1a_event = { ACPI_IO, 32, 0, 2, VPM_EVENT_BASE },
	.x_pm1a_control = { ACPI_IO, 16, 0, 2, VPM_CONTROL_BASE },
	.x_pm_timer = { ACPI_IO, 32, 0, 3, VPM_TIMER_BASE },
	.hypervisor = { 'B', 'u', 'l', 'k', 'h', 'e', 'a', 'd' },
};

/* X_FIRMWARE_CTRL stays zero: only one of the two may be set (table 5.9). */
uint32_t vacpi_fadt(struct vacpi_builder *builder, uint32_t facs, uint32_t dsdt)
{
	size_t offset = vacpi_begin(builder, "FACP", FADT_REVISION);
	struct acpi_fadt table = fadt;

	table.facs = facs;
	table.dsdt = dsdt;
	table.x_dsdt = dsdt;
	vacpi_append(builder, (const uint8_t *)&table + sizeof(table.header), sizeof(table) - sizeof(table.header));
	return vacpi_end(builder, offset);
}

uint32_t vacpi_facs(struct vacpi_builder *builder)
{
	struct acpi_facs *facs = vacpi_reserve(builder, sizeof(*facs), sizeof(*facs));

	if (!facs)
		return 0;
	memcpy(facs->signature, "FACS", sizeof(facs->signature));
	facs->length = sizeof(*facs);
	facs->version = 2;
	return (uint32_t)(builder->gpa + (size_t)((uint8_t *)facs - builder->buffer));
}
