/* SPDX-License-Identifier: MIT */
/* Between the two halves of the virtual 8259A: vpic.c (interrupts) and vpic_io.c (registers). */
#ifndef DRIVERS_VPIC_CHIP_H
#define DRIVERS_VPIC_CHIP_H

#include "drivers/vpic.h"

#define VPIC_CASCADE 2         /* the master's input that the slave drives */
#define VPIC_ELCR_MASTER 0xf8  /* IRQ 0, 1 and 2 are always edges */
#define VPIC_ELCR_SLAVE 0xde   /* and so are 8 and 13 */
#define VPIC_CHIP_BYTES 18     /* of one chip in a stream */

/* vpic_chip.init_state: the initialisation word that port 1 expects. */
enum { READY, ICW2, ICW3, ICW4 };

/* The input that would be acknowledged now, or -1. */
int vpic_chip_pending(const struct vpic_chip *chip, bool master);
/* The input that a non-specific EOI ends, or -1. */
int vpic_chip_in_service(const struct vpic_chip *chip);
void vpic_chip_acknowledge(struct vpic_chip *chip, unsigned irq);
/* Works out the cascade and the output again. */
void vpic_update(struct vpic *pic);

#endif
