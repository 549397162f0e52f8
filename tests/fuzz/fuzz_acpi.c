/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes as RSDP, root table, table and AML. */
#include <stdlib.h>
#include <string.h>

#include "arch/x86/acpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct acpi_info info;
	struct acpi_rsdp rsdp;
	uint8_t a, b;
	unsigned i;

	memset(&info, 0, sizeof(info));
	acpi_parse_rsdp(data, size, &rsdp);
	acpi_find_rsdp(data, size);
	acpi_table_valid(data, size);
	for (i = 0; i <= acpi_root_count(data, size); i++)
		acpi_root_entry(data, size, i);
	acpi_parse_table(data, size, &info);
	acpi_find_s5(data, size, &a, &b);
	if (info.cpu_count > ACPI_CPUS || info.ioapic_count > ACPI_IOAPICS || info.mcfg_count > ACPI_MCFGS)
		abort();
	return 0;
}
