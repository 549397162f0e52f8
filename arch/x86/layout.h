/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's virtual address space (4-level, canonical upper half). Top-level entries:
 *
 *   448       GUEST   memory of the partition that this core runs: virtual = GUEST_BASE + guest-physical. The entry
 *                     belongs to the partition, so it changes with CR3 when the core changes partitions.
 *   256..383  HEAP    virtual = HEAP_BASE + physical, but only pages that the hypervisor owns are present: there is no
 *                     map of all physical memory.
 *   510       AREA    per-core stacks between guard pages; device registers and boot files mapped by map_physical().
 *   511       KERNEL  the image, W^X.
 *
 * The lower half is empty after the boot identity map is dropped.
 */
#ifndef ARCH_X86_LAYOUT_H
#define ARCH_X86_LAYOUT_H

#define KERNEL_BASE 0xffffffff80000000
#define AREA_BASE   0xffffff0000000000
#define GUEST_BASE  0xffffe00000000000
#define GUEST_SIZE  0x0000008000000000 /* one top-level entry: 512 GiB of guest-physical space */
#define HEAP_BASE   0xffff800000000000
#define HEAP_SIZE   0x0000400000000000 /* 64 TiB of physical space */

#define PAGE_SIZE   0x1000
#define STACK_SIZE  0x4000 /* each stack, aligned to its size; its top word points to the core's struct cpu */

#endif
