/* SPDX-License-Identifier: MIT */
/* The registers of the 8259A pair: ICW1 to ICW4, OCW1 to OCW3, status reads, poll, and the ELCR. */
#include "drivers/vpic.h"
#include "drivers/vpic_chip.h"

#include <string.h>

#define ICW1_IC4    (1u << 0) /* ICW4 follows */
#define ICW1_SINGLE (1u << 1)
#define ICW1_SELECT (1u << 4)
#define ICW4_AEOI   (1u << 1)
#define ICW4_SFNM   (1u << 4)
#define OCW3_SELECT (1u << 3)
#define OCW3_RIS    (1u << 0)
#define OCW3_RR     (1u << 1)
#define OCW3_POLL   (1u << 2)
#define OCW3_SMM    (1u << 5)
#define OCW3_ESMM   (1u << 6)

/* OCW2 bits 7:5 */
enum {
	ROTATE_AUTO_CLEAR, EOI, NO_OPERATION, EOI_SPECIFIC,
	ROTATE_AUTO_SET, EOI_ROTATE, SET_PRIORITY, EOI_SPECIFIC_ROTATE,
};

/* What ICW1 clears and keeps (8259A datasheet, "Initialization Command Words"); level requests follow their lines. */
static void icw1(struct vpic_chip *chip, uint8_t value)
{
	*chip = (struct vpic_chip){
		.irr = chip->lines & chip->elcr,
		.lines = chip->lines,
		.elcr = chip->elcr,
		.vector_base = chip->vector_base,
		.init_state = ICW2,
		.single = value & ICW1_SINGLE,
		.wants_icw4 = value & ICW1_IC4,
	};
}

static void icw2_to_4(struct vpic_chip *chip, uint8_t value)
{
	switch (chip->init_state) {
	case ICW2:
		chip->vector_base = value & 0xf8;
		chip->init_state = !chip->single ? ICW3 : chip->wants_icw4 ? ICW4 : READY;
		break;
	case ICW3:
		chip->icw3 = value;
		chip->init_state = chip->wants_icw4 ? ICW4 : READY;
		break;
	default:
		chip->icw4 = value;
		chip->auto_eoi = value & ICW4_AEOI;
		chip->special_fully_nested = value & ICW4_SFNM;
		chip->init_state = READY;
		break;
	}
}

static void end_of_interrupt(struct vpic_chip *chip, int irq, bool rotate)
{
	if (irq < 0)
		return;
	chip->isr &= ~(1u << irq);
	if (rotate)
		chip->priority_add = (irq + 1) & 7;
}

static void ocw2(struct vpic_chip *chip, uint8_t value)
{
	unsigned command = value >> 5, irq = value & 7;

	switch (command) {
	case ROTATE_AUTO_CLEAR:
	case ROTATE_AUTO_SET:
		chip->rotate_on_auto_eoi = command == ROTATE_AUTO_SET;
		break;
	case EOI:
	case EOI_ROTATE:
		end_of_interrupt(chip, vpic_chip_in_service(chip), command == EOI_ROTATE);
		break;
	case EOI_SPECIFIC:
	case EOI_SPECIFIC_ROTATE:
		end_of_interrupt(chip, (int)irq, command == EOI_SPECIFIC_ROTATE);
		break;
	case SET_PRIORITY: /* names the lowest */
		chip->priority_add = (irq + 1) & 7;
		break;
	case NO_OPERATION:
		break;
	}
}

static void ocw3(struct vpic_chip *chip, uint8_t value)
{
	if (value & OCW3_POLL)
		chip->poll = true;
	if (value & OCW3_RR)
		chip->read_isr = value & OCW3_RIS;
	if (value & OCW3_ESMM)
		chip->special_mask = value & OCW3_SMM;
}

static void write(struct vpic *pic, unsigned port, uint8_t value)
{
	struct vpic_chip *chip = &pic->chip[port >> 7 & 1];

	if (port & 1) {
		if (chip->init_state != READY)
			icw2_to_4(chip, value);
		else
			chip->imr = value;
	} else if (value & ICW1_SELECT) {
		icw1(chip, value);
	} else if (value & OCW3_SELECT) {
		ocw3(chip, value);
	} else {
		ocw2(chip, value);
	}
	vpic_update(pic);
}

/* A poll is an INTA to this chip alone: bit 7 and the input, or 0. */
static uint8_t poll(struct vpic *pic, struct vpic_chip *chip)
{
	int irq = vpic_chip_pending(chip, chip == &pic->chip[0]);

	chip->poll = false;
	if (irq < 0)
		return 0;
	vpic_chip_acknowledge(chip, (unsigned)irq);
	vpic_update(pic);
	return 0x80 | (uint8_t)irq;
}

static uint8_t read(struct vpic *pic, unsigned port)
{
	struct vpic_chip *chip = &pic->chip[port >> 7 & 1];

	if (chip->poll)
		return poll(pic, chip);
	if (port & 1)
		return chip->imr;
	return chip->read_isr ? chip->isr : chip->irr;
}

void vpic_io(struct device *device, struct bus_access *access)
{
	struct vpic *pic = (struct vpic *)device;
	uint64_t value = 0;

	/* A wide access is bytes at consecutive ports, as the ISA bus splits it. */
	for (unsigned i = 0; i < access->size; i++) {
		unsigned port = (unsigned)access->address + i;

		if (access->write)
			write(pic, port, (uint8_t)(access->value >> (8 * i)));
		else
			value |= (uint64_t)read(pic, port) << (8 * i);
	}
	if (!access->write)
		access->value = value;
}

static void write_elcr(struct vpic_chip *chip, uint8_t value)
{
	uint8_t became_level = value & ~chip->elcr, became_edge = chip->elcr & ~value;

	chip->elcr = value;
	/* A level request is its line; what a line asserts is no new edge. */
	chip->irr &= ~(became_level | became_edge);
	chip->irr |= became_level & chip->lines;
}

void vpic_elcr_io(struct device *device, struct bus_access *access)
{
	static const uint8_t writable[2] = { VPIC_ELCR_MASTER, VPIC_ELCR_SLAVE };
	struct vpic *pic = (struct vpic *)device;
	uint64_t value = 0;

	for (unsigned i = 0; i < access->size; i++) {
		unsigned n = ((unsigned)access->address + i) & 1;

		if (access->write)
			write_elcr(&pic->chip[n], (uint8_t)(access->value >> (8 * i)) & writable[n]);
		else
			value |= (uint64_t)pic->chip[n].elcr << (8 * i);
	}
	if (access->write)
		vpic_update(pic);
	else
		access->value = value;
}
