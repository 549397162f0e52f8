/* SPDX-License-Identifier: MIT */
/* What ACPI says about the machine: processors, interrupt controllers, timers, power, console (ACPI 6.5). */
#ifndef ARCH_X86_ACPI_H
#define ARCH_X86_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_CPUS      256
#define ACPI_IOAPICS   16
#define ACPI_OVERRIDES 16
#define ACPI_LAPIC_NMIS 16
#define ACPI_MCFGS     16
#define ACPI_ALL_CPUS  0xffffffffu

/* Generic Address Structure (ACPI 5.2.3.2); address 0: not there. */
enum acpi_space { ACPI_MEMORY = 0, ACPI_IO = 1, ACPI_PCI_CONFIG = 2 };

struct acpi_address {
	uint64_t address;
	uint8_t space;  /* enum acpi_space, or another one that we do not use */
	uint8_t width;  /* bits */
	uint8_t offset; /* bits */
	uint8_t access; /* 1 byte, 2 word, 3 dword, 4 qword, 0 undefined */
};

struct acpi_cpu {
	uint32_t apic_id;
	uint32_t uid;
	bool x2apic;  /* from a local x2APIC entry: ID may exceed 8 bits */
	bool enabled; /* false: a socket or core that is not populated */
};

struct acpi_ioapic {
	uint64_t address;
	uint32_t gsi_base;
	uint8_t id;
};

/* ISA interrupt `isa` arrives at `gsi`; polarity and trigger as wired ("conforms to the bus" already resolved). */
struct acpi_override {
	uint32_t gsi;
	uint8_t isa;
	bool level;
	bool active_low;
};

/* NMI arrives at this LINT input of a local APIC. */
struct acpi_lapic_nmi {
	uint32_t uid; /* ACPI_ALL_CPUS: of every processor */
	uint8_t lint; /* 0 or 1 */
	bool level;
	bool active_low;
};

struct acpi_mcfg {
	uint64_t base; /* of bus 0, as the specification counts */
	uint16_t segment;
	uint8_t first_bus, last_bus;
};

/* Serial Port Console Redirection: only 16550-compatible ones are kept. */
struct acpi_spcr {
	struct acpi_address base; /* address 0: no such table */
	uint32_t baud;            /* 0: leave as the firmware set it */
	uint32_t gsi;
	uint8_t irq;              /* ISA interrupt */
	bool has_gsi, has_irq;
};

struct acpi_info {
	bool present;
	uint8_t revision;      /* of the RSDP: 0 is ACPI 1.0 */
	uint64_t rsdp;

	uint64_t lapic;        /* 0: no MADT */
	bool has_8259;
	struct acpi_cpu cpus[ACPI_CPUS];
	unsigned cpu_count;
	unsigned cpus_dropped; /* more than ACPI_CPUS */
	struct acpi_ioapic ioapics[ACPI_IOAPICS];
	unsigned ioapic_count;
	struct acpi_override overrides[ACPI_OVERRIDES];
	unsigned override_count;
	struct acpi_lapic_nmi lapic_nmis[ACPI_LAPIC_NMIS];
	unsigned lapic_nmi_count;

	bool has_fadt;
	bool hardware_reduced;
	uint64_t dsdt;
	uint16_t sci;
	uint16_t iapc_boot_arch;
	struct acpi_address pm_timer;  /* 3.579545 MHz counter */
	bool pm_timer_32;              /* 32 bits wide, else 24 */
	struct acpi_address pm1a_control, pm1b_control;
	struct acpi_address reset;     /* address 0: not supported */
	uint8_t reset_value;
	uint32_t smi_command;          /* port; 0: always in ACPI mode */
	uint8_t acpi_enable;
	struct acpi_address pm1a_event;

	uint64_t hpet;                 /* registers; 0: none */
	struct acpi_mcfg mcfgs[ACPI_MCFGS];
	unsigned mcfg_count;
	struct acpi_spcr spcr;

	bool has_s5;
	uint8_t s5_typ_a, s5_typ_b;    /* SLP_TYP of soft-off */
};

extern struct acpi_info acpi;

/* Fills `acpi`. rsdp 0: looks where a BIOS puts it. After paging_init(). Broken tables are skipped with a warning. */
void acpi_init(uint64_t rsdp);

/* The SLP_TYP values that PM1a and PM1b control want for soft-off; false when they are not known. */
bool acpi_s5(uint8_t *typ_a, uint8_t *typ_b);

/* --- acpi_tables.c, pure: bytes in, struct acpi_info out --- */

#define ACPI_HEADER_SIZE 36
#define ACPI_TABLE_MAX   (4u << 20) /* longer than any real table: a broken length */

struct acpi_rsdp {
	uint64_t xsdt, rsdt; /* 0: none */
	uint8_t revision;
};

/* Root System Description Pointer at `bytes` (5.2.5.3): false when signature or checksum is wrong. */
bool acpi_parse_rsdp(const uint8_t *bytes, size_t size, struct acpi_rsdp *rsdp);
/* Offset of a valid RSDP on a 16-byte boundary; SIZE_MAX when there is none. */
size_t acpi_find_rsdp(const uint8_t *bytes, size_t size);

/* Length in a table's header; 0 when it cannot be right. `bytes` holds ACPI_HEADER_SIZE. */
uint32_t acpi_table_length(const uint8_t *bytes);
/* All of `bytes` is one table with a right length and checksum. */
bool acpi_table_valid(const uint8_t *bytes, size_t size);
/* Number of entries of an XSDT or RSDT, and the address in entry `n`; 0 past the end. */
unsigned acpi_root_count(const uint8_t *bytes, size_t size);
uint64_t acpi_root_entry(const uint8_t *bytes, size_t size, unsigned n);

/* Takes what it knows from a valid table (MADT, FADT, HPET, MCFG, SPCR, DSDT, SSDT); false when it is malformed. */
bool acpi_parse_table(const uint8_t *bytes, size_t size, struct acpi_info *info);

/* acpi_aml.c: finds Name (_S5, Package () { a, b, ... }) in AML. */
bool acpi_find_s5(const uint8_t *aml, size_t size, uint8_t *typ_a, uint8_t *typ_b);

#endif
