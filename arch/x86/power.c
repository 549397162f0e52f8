/* SPDX-License-Identifier: MIT */
/* Reset and power-off of the machine. */
#include <stdbool.h>
#include <stddef.h>

#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/log.h"

#define RESET_PORT      0xcf9 /* PCI chip sets' reset control register */
#define RESET_FULL      0x06
#define KEYBOARD        0x64
#define KEYBOARD_FULL   0x02
#define KEYBOARD_PULSE  0xfe  /* the reset line */
#define PATIENCE        1000000u /* polls of a port: about a second */

/* PM1 control (ACPI 4.8.3.2.1) */
#define PM1_SCI_EN   (1u << 0)
#define PM1_SLP_TYP(type) ((type) << 10)
#define PM1_SLP_TYP_MASK (7u << 10)
#define PM1_SLP_EN   (1u << 13)

static void pause_a_moment(void)
{
	for (unsigned i = 0; i < PATIENCE; i++)
		inb(0x80);
}

static volatile uint8_t *reset_register; /* when it is in memory */

/* Mapped beforehand: a panic can rely on no lock. */
void power_init(void)
{
	if (acpi.reset.address && acpi.reset.space == ACPI_MEMORY)
		reset_register = map_physical(acpi.reset.address, 1, PTAB_UNCACHED);
}

static void write_reset_register(void)
{
	if (reset_register)
		*reset_register = acpi.reset_value;
	else if (acpi.reset.address && acpi.reset.space == ACPI_IO && acpi.reset.address < 0x10000)
		outb((uint16_t)acpi.reset.address, acpi.reset_value);
}

void machine_reboot(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = { 0, 0 };

	interrupts_off();
	write_reset_register();
	pause_a_moment();
	outb(RESET_PORT, RESET_FULL & ~4);
	outb(RESET_PORT, RESET_FULL);
	pause_a_moment();
	for (unsigned i = 0; i < PATIENCE && inb(KEYBOARD) & KEYBOARD_FULL; i++)
		cpu_pause();
	outb(KEYBOARD, KEYBOARD_PULSE);
	pause_a_moment();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt)); /* triple fault */
	for (;;)
		__asm__ volatile("cli; hlt");
}

static bool usable(const struct acpi_address *control)
{
	return control->address && control->address < 0x10000 && control->space == ACPI_IO;
}

static void sleep_bits(const struct acpi_address *control, uint8_t type, unsigned enable)
{
	uint16_t port = (uint16_t)control->address;
	uint16_t value;

	if (!usable(control))
		return;
	value = (uint16_t)(inw(port) & ~(PM1_SLP_TYP_MASK | PM1_SLP_EN));
	outw(port, (uint16_t)(value | PM1_SLP_TYP((unsigned)type) | enable));
}

/* The registers work only in ACPI mode, which the firmware is asked to enter (ACPI 4.8.2.1). */
static void enter_acpi_mode(void)
{
	uint16_t port = (uint16_t)acpi.pm1a_control.address;

	if (!acpi.smi_command || acpi.smi_command > 0xffff || inw(port) & PM1_SCI_EN)
		return;
	outb((uint16_t)acpi.smi_command, acpi.acpi_enable);
	for (unsigned i = 0; i < PATIENCE && !(inw(port) & PM1_SCI_EN); i++)
		cpu_pause();
}

void machine_power_off(void)
{
	uint8_t type_a, type_b;

	if (acpi_s5(&type_a, &type_b) && usable(&acpi.pm1a_control)) {
		enter_acpi_mode();
		sleep_bits(&acpi.pm1a_control, type_a, 0);
		sleep_bits(&acpi.pm1b_control, type_b, 0);
		sleep_bits(&acpi.pm1a_control, type_a, PM1_SLP_EN);
		sleep_bits(&acpi.pm1b_control, type_b, PM1_SLP_EN);
		pause_a_moment();
	}
	log_error(NULL, "this machine has no ACPI soft-off that works: switch it off by hand");
	interrupts_off();
	for (;;)
		__asm__ volatile("hlt");
}
