/* SPDX-License-Identifier: MIT */
/*
 * A ticket lock for short sections: first come, first served, interrupts off while held. All zero is unlocked. NMI
 * handlers take none.
 */
#ifndef KERNEL_SPINLOCK_H
#define KERNEL_SPINLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct spinlock {
	_Atomic uint32_t next;    /* the ticket that the next core takes */
	_Atomic uint32_t serving; /* the ticket that holds the lock */
	uint64_t flags;           /* the holder's RFLAGS from before */
};

static inline void spin_lock(struct spinlock *lock)
{
	uint64_t flags;
	uint32_t ticket;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
	while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket)
		__asm__ volatile("pause");
	lock->flags = flags;
}

static inline void spin_unlock(struct spinlock *lock)
{
	bool interrupts = lock->flags & 1u << 9; /* RFLAGS.IF */
	uint32_t serving = atomic_load_explicit(&lock->serving, memory_order_relaxed);

	atomic_store_explicit(&lock->serving, serving + 1, memory_order_release);
	if (interrupts)
		__asm__ volatile("sti" : : : "memory");
}

/* For a panic: forgets whoever holds or awaits the lock. They must not run again. */
static inline void spin_break(struct spinlock *lock)
{
	lock->flags = 0;
	atomic_store(&lock->serving, atomic_load(&lock->next));
}

#endif
