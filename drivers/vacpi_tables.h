/* SPDX-License-Identifier: MIT */
/* Layouts of ACPI tables (ACPI 6.4, chapter 5) and what the parts of vacpi share. Of vacpi alone. */
#ifndef DRIVERS_VACPI_TABLES_H
#define DRIVERS_VACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

#define ACPI_IO 1

struct acpi_address {
	uint8_t space;
	uint8_t bits;
	uint8_t bit_offset;
	uint8_t access; /* 1 byte, 2 word, 3 doubleword */
	uint64_t address;
} __attribute__((packed));

struct acpi_fadt {
	struct acpi_header header;
	uint32_t facs, dsdt;
	uint8_t reserved0, pm_profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate_control;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
	uint8_t gpe0_length, gpe1_length, gpe1_base, cst_control;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_architecture;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_address reset_register;
	uint8_t reset_value;
	uint16_t arm_boot_architecture;
	uint8_t minor_version;
	uint64_t x_facs, x_dsdt;
	struct acpi_address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer;
	struct acpi_address x_gpe0, x_gpe1, sleep_control, sleep_status;
	char hypervisor[8];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 6.4, table 5.9");

struct acpi_facs {
	char signature[4];
	uint32_t length, hardware_signature, waking_vector, global_lock, flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_facs) == 64, "ACPI 6.4, table 5.13");

struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic;
	uint32_t flags;
} __attribute__((packed));

struct acpi_madt_local_apic {
	uint8_t type, length, uid, id;
	uint32_t flags;
} __attribute__((packed));

struct acpi_madt_x2apic {
	uint8_t type, length;
	uint16_t reserved;
	uint32_t id, flags, uid;
} __attribute__((packed));

struct acpi_madt_io_apic {
	uint8_t type, length, id, reserved;
	uint32_t address, gsi_base;
} __attribute__((packed));

struct acpi_madt_override {
	uint8_t type, length, bus, irq;
	uint32_t gsi;
	uint16_t flags;
} __attribute__((packed));

struct acpi_madt_local_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
} __attribute__((packed));

struct acpi_madt_x2apic_nmi {
	uint8_t type, length;
	uint16_t flags;
	uint32_t uid;
	uint8_t lint, reserved[3];
} __attribute__((packed));

struct acpi_mcfg {
	struct acpi_header header;
	uint64_t reserved0;
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint32_t reserved1;
} __attribute__((packed));

/* The tables in the making: `used` bytes of the buffer, in which nothing was added once it overflowed. */
struct vacpi_builder {
	uint8_t *buffer;
	size_t size, used;
	uint64_t gpa;
	int error;
};

/* Room for `size` zeroed bytes, or NULL when the buffer is full. */
void *vacpi_reserve(struct vacpi_builder *builder, size_t size, size_t alignment);
/* Copies what is given to the end; nothing happens when the buffer is full. */
void vacpi_append(struct vacpi_builder *builder, const void *data, size_t size);
uint8_t vacpi_checksum(const void *data, size_t size);
/* Begins a table at the returned offset: a header without length and checksum. */
size_t vacpi_begin(struct vacpi_builder *builder, const char signature[4], uint8_t revision);
/* Ends it: everything from there to the end of the buffer. Returns its guest-physical address. */
uint32_t vacpi_end(struct vacpi_builder *builder, size_t offset);

/* The tables; each function returns the address. vacpi_fadt.c */
uint32_t vacpi_fadt(struct vacpi_builder *builder, uint32_t facs, uint32_t dsdt);
uint32_t vacpi_facs(struct vacpi_builder *builder);
/* vacpi_madt.c */
uint32_t vacpi_madt(struct vacpi_builder *builder, const uint32_t *apic_ids, unsigned cpus);
/* vacpi_aml.c */
uint32_t vacpi_dsdt(struct vacpi_builder *builder);
uint32_t vacpi_ssdt(struct vacpi_builder *builder, unsigned cpus);

#endif
