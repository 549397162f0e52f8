/* SPDX-License-Identifier: MIT */
/*
 * The 8259A pair: not used. A masked one can still raise its spurious interrupt 7 or 15, so the vectors are moved from
 * where exceptions are to 0x20..0x2f, which are ignored.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"

#define MASTER 0x20
#define SLAVE  0xa0

static void init_chip(uint16_t port, uint8_t vector, uint8_t cascade)
{
	outb(port, 0x11);        /* ICW1: edge triggered, ICW4 follows */
	outb(port + 1, vector);  /* ICW2 */
	outb(port + 1, cascade); /* ICW3 */
	outb(port + 1, 0x01);    /* ICW4: 8086 mode */
	outb(port + 1, 0xff);    /* OCW1: all masked */
}

void pic_disable(void)
{
	init_chip(MASTER, 0x20, 1 << 2);
	init_chip(SLAVE, 0x28, 2);
}
