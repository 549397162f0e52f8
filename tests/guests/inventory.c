/* SPDX-License-Identifier: MIT */
/*
 * What the virtual PC consists of: memory map, ACPI tables, interrupt controllers, ports, PCI, all as a new machine has
 * them; one fact a line, "name: value". tests/system/test_same.py compares it between the vendors.
 */
#include "guest.h"

#define APIC_PAGE   0xfee00000u
#define IOAPIC_PAGE 0xfec00000u
#define ECAM        0xe0000000u
#define X2APIC      0x800
#define PORTS       0x1000

struct map_entry {
	uint32_t size;
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

static void memory_map(void)
{
	const struct multiboot_info *info = multiboot_info();
	uint32_t at = info->mmap_addr, end = at + info->mmap_length;

	print("memory: %u KiB low, %u KiB high\n", info->mem_lower, info->mem_upper);
	for (const struct map_entry *e; at < end; at += e->size + 4) {
		e = (const struct map_entry *)(uintptr_t)at;
		print("memory %lx: %lx bytes, type %u\n", e->base, e->length, e->type);
	}
}

/* --- ACPI (5.2.5 and on): every table, whole --- */

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void dump(const char *name, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		if (i % 32 == 0)
			print("%s%s %x: ", i ? "\n" : "", name, i);
		print("%02x", bytes[i]);
	}
	print("\n");
}

static void table(const uint8_t *at)
{
	char signature[5] = "";
	uint8_t sum = 0;
	uint32_t length = get32(at + 4);

	memcpy(signature, at, 4);
	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + at[i]);
	print("ACPI %s: %u bytes at %p, sum %u\n", signature, length, (const void *)at, sum);
	dump(signature, at, length);
}

static void acpi(void)
{
	const uint8_t *rsdt, *rsdp = (const uint8_t *)0xe0000, *at;

	while (memcmp(rsdp, "RSD PTR ", 8) != 0)
		rsdp += 16;
	dump("RSDP", rsdp, 36);
	rsdt = (const uint8_t *)(uintptr_t)get32(rsdp + 16);
	table(rsdt);
	for (uint32_t i = 36; i < get32(rsdt + 4); i += 4) {
		at = (const uint8_t *)(uintptr_t)get32(rsdt + i);
		table(at);
		if (!memcmp(at, "FACP", 4))
			table((const uint8_t *)(uintptr_t)get32(at + 40)); /* DSDT */
	}
}

/* --- interrupt controllers --- */

static void xapic(void)
{
	for (uint32_t reg = 0; reg < 0x400; reg += 16)
		print("APIC %x: %x\n", reg, *(volatile uint32_t *)(uintptr_t)(APIC_PAGE + reg));
}

/* Which of its registers can be read and written, and with what. */
static void x2apic(void)
{
	uint64_t value;

	apic_enable(true);
	for (uint32_t msr = X2APIC; msr < X2APIC + 0x100; msr++) {
		bool readable = rdmsr_safe(msr, &value);

		if (readable)
			print("x2APIC %x: %lx\n", msr, value);
		if (msr == X2APIC + 0x3f) /* a self-IPI */
			continue;
		if (wrmsr_safe(msr, 0))
			print("x2APIC %x, can be written: 0\n", msr);
		if (readable)
			wrmsr_safe(msr, value);
		if (wrmsr_safe(msr, 1ULL << 63))
			print("x2APIC %x, can be written: bit 63\n", msr);
	}
}

static void ioapic(void)
{
	volatile uint32_t *page = (volatile uint32_t *)(uintptr_t)IOAPIC_PAGE;

	for (unsigned i = 0; i < 0x10 + 2 * 24; i++) {
		page[0] = i;
		print("I/O APIC %x: %x\n", i, page[4]);
	}
}

static void pic(void)
{
	for (unsigned chip = 0; chip < 2; chip++) {
		uint16_t port = chip ? 0xa0 : 0x20;

		print("8259 %u: IMR %x", chip, in8(port + 1));
		out8(port, 0x0a);
		print(" IRR %x", in8(port));
		out8(port, 0x0b);
		print(" ISR %x ELCR %x\n", in8(port), in8((uint16_t)(0x4d0 + chip)));
	}
}

/* --- the rest --- */

/* Ports whose reading changes something, or that are the time. */
static bool is_quiet(uint16_t port)
{
	return (port >= 0x40 && port <= 0x43) || port == 0x61 || port == 0x60 || (port >= 0x3f8 && port <= 0x3ff) ||
	       (port >= 0x608 && port <= 0x60b) || port == 0x71;
}

static void ports(void)
{
	for (unsigned port = 0; port < PORTS; port++) {
		uint8_t value;

		if (is_quiet((uint16_t)port))
			continue;
		value = in8((uint16_t)port);
		if (value != 0xff)
			print("port %x: %x\n", port, value);
	}
	print("port 61: %x\n", in8(0x61) & 0xf);
	for (uint16_t port = 0x3f9; port <= 0x3ff; port++)
		print("port %x: %x\n", port, in8(port));
}

static void pit(void)
{
	out8(0x43, 0xee); /* read-back: status of all three */
	for (uint16_t channel = 0; channel < 3; channel++)
		print("8254 %u: status %x\n", channel, in8(0x40 + channel));
}

/* The time is not the matter: 0 to 9, the century, and in register C that it went on. */
static void cmos(void)
{
	for (unsigned i = 0x0a; i < 0x80; i++) {
		if (i == 0x0c || i == 0x32)
			continue;
		out8(0x70, (uint8_t)i);
		print("CMOS %x: %x\n", i, i == 0x0a ? in8(0x71) & 0x7f : in8(0x71));
	}
}

static uint32_t config(unsigned device, unsigned function, unsigned reg)
{
	out32(0xcf8, 0x80000000 | device << 11 | function << 8 | reg);
	return in32(0xcfc);
}

static void pci(void)
{
	for (unsigned device = 0; device < 32; device++)
		for (unsigned function = 0; function < 8; function++) {
			if (config(device, function, 0) == 0xffffffff)
				continue;
			for (unsigned reg = 0; reg < 256; reg += 4)
				print("PCI %u.%u %x: %x\n", device, function, reg, config(device, function, reg));
		}
	for (unsigned reg = 0; reg < 256; reg += 4)
		print("ECAM %x: %x\n", reg, *(volatile uint32_t *)(uintptr_t)(ECAM + reg));
}

int main(void)
{
	memory_map();
	acpi();
	xapic();
	ioapic();
	pic();
	pit();
	ports();
	cmos();
	pci();
	x2apic();
	return results();
}
