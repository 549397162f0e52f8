/* SPDX-License-Identifier: MIT */
/* The emulator bound to a vCPU: fetch, translate, execute. */
#ifndef KERNEL_VCPU_EMULATE_H
#define KERNEL_VCPU_EMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/bus.h"
#include "kernel/emulate.h"
#include "kernel/exit.h"

struct vcpu;

/* Decodes and executes the instruction at RIP (string I/O, or one that touched emulated memory) and advances. */
enum verdict vcpu_emulate(struct vcpu *vcpu, struct exit *exit);

/* Copies up to 15 instruction bytes from RIP; fewer where the next page cannot be fetched. 0: none, nothing injected. */
unsigned vcpu_fetch(struct vcpu *vcpu, uint8_t *bytes);
/* The bytes at RIP in place, in 64-bit mode with 4-level paging; `*count` is how many lie in the page. NULL: vcpu_fetch(). */
const uint8_t *vcpu_peek(const struct vcpu *vcpu, uint64_t cr3, uint64_t rip, unsigned *count);
/* Address size of the code segment: MODE_16, MODE_32 or MODE_64. */
enum instruction_mode vcpu_mode(struct vcpu *vcpu);

/* One access to a port, or to guest-physical memory that is not RAM. */
void vcpu_port(struct vcpu *vcpu, struct bus_access *access);
void vcpu_mmio(struct vcpu *vcpu, struct bus_access *access);

#endif
